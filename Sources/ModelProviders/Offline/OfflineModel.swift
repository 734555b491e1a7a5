import AgentKit
import ParleyCore

/// The embedded default: no network, no key, deterministic, and labelled as what it is.
///
/// Like every model it sees the request and nothing else. It says only what a tool or a knowledge entry says, or asks
/// back; it cannot make anything up. Its own sentences are English; knowledge answers are told as they were written.
package struct OfflineModel: LanguageModel {
    package static let name = "offline"

    private let knowledgeThreshold: Double

    /// - Parameter knowledgeThreshold: the score (0…1) from which a knowledge entry answers a question.
    package init(knowledgeThreshold: Double = 0.5) { self.knowledgeThreshold = knowledgeThreshold }

    package func respond(
        to request: ModelRequest,
        watchedBy watch: ModelWatch
    ) async throws(ModelError) -> ModelResponse {
        guard !Task.isCancelled else { throw .cancelled }
        let moment = OfflineMoment(of: request, knowledgeThreshold: knowledgeThreshold)
        let move = moment.results.isEmpty ? OfflineReader(moment: moment).move() : OfflineTeller(moment: moment).move()
        return response(to: request, move)
    }

    private func response(to request: ModelRequest, _ move: OfflineMove) -> ModelResponse {
        let calls = move.calls.enumerated().map { index, call in
            ToolCall(
                id: "offline_\(request.messages.count)_\(index)",
                name: call.tool,
                arguments: JSON.object(call.arguments).description
            )
        }
        let output = calls.reduce(move.text.estimatedTokens) {
            $0 + $1.name.estimatedTokens + $1.arguments.estimatedTokens
        }
        return ModelResponse(
            text: move.text,
            toolCalls: calls,
            finish: calls.isEmpty ? .stop : .toolCalls,
            usage: ModelUsage(input: Self.inputTokens(of: request), output: output, isEstimated: true),
            model: Self.name
        )
    }

    private static func inputTokens(of request: ModelRequest) -> Int {
        var count = request.instructions.estimatedTokens
        for line in request.memory { count += line.estimatedTokens }
        for hit in request.knowledge { count += hit.question.estimatedTokens + hit.answer.estimatedTokens }
        for message in request.messages {
            switch message {
            case .user(let text, let name): count += text.estimatedTokens + (name?.estimatedTokens ?? 0)
            case .assistant(let text, let calls):
                count += text.estimatedTokens
                for call in calls { count += call.name.estimatedTokens + call.arguments.estimatedTokens }
            case .toolResult(_, let name, let content): count += name.estimatedTokens + content.estimatedTokens
            }
        }
        return count
    }
}

/// What the model does next: speak, or call tools.
struct OfflineMove {
    struct Call {
        var tool: String
        var arguments: JSONObject
    }

    var text = ""
    var calls: [Call] = []

    static func say(_ text: String) -> OfflineMove { OfflineMove(text: text) }
    static func call(_ calls: [Call]) -> OfflineMove { OfflineMove(calls: calls) }
}

/// A request as the offline model looks at it: what is asked now, what was done about it, what was said before.
struct OfflineMoment {
    struct Result {
        var tool: String
        var content: String
    }

    let request: ModelRequest
    let knowledgeThreshold: Double
    /// What must be answered: all that was said since the last answer, a line for each message.
    let question: String
    /// What came of the tools that were called for it, in order.
    let results: [Result]
    /// What Parley said last, before the question.
    let lastAnswer: String
    /// What was said before the question, latest first.
    let earlierQuestions: [String]

    init(of request: ModelRequest, knowledgeThreshold: Double) {
        var asked: [String] = []
        var results: [Result] = []
        var lastAnswer: String?
        var earlier: [String] = []
        var isBefore = false
        for message in request.messages.reversed() {
            switch message {
            case .user(let text, _):
                if isBefore { earlier.append(text) } else { asked.append(text) }
            case .assistant(let text, let calls):
                // Calls without a question behind them belong to this turn.
                if asked.isEmpty, !calls.isEmpty { continue }
                isBefore = true
                lastAnswer = lastAnswer ?? text
            case .toolResult(_, let name, let content):
                if asked.isEmpty { results.append(Result(tool: name, content: content)) } else { isBefore = true }
            }
        }
        self.request = request
        self.knowledgeThreshold = knowledgeThreshold
        question = asked.reversed().joined(separator: "\n").clipped(toUTF8: 8192)
        self.results = results.reversed()
        self.lastAnswer = lastAnswer ?? ""
        earlierQuestions = earlier
    }

    func has(_ tool: String) -> Bool { request.tools.contains { $0.name == tool } }

    func hasCalled(_ tool: String) -> Bool { results.contains { $0.tool == tool } }

    /// The best knowledge entry, if it is good enough.
    var knowledge: KnowledgeHit? {
        request.knowledge.max { $0.score < $1.score }.flatMap { $0.score >= knowledgeThreshold ? $0 : nil }
    }

    /// An entry that asks just what was asked, not merely of the same thing.
    var exactKnowledge: KnowledgeHit? {
        guard let knowledge, knowledge.score >= 0.75 else { return nil }
        let wanted = Set(Phrase.significantWords(of: knowledge.question))
        let shared = wanted.intersection(Phrase.significantWords(of: question)).count
        return !wanted.isEmpty && Double(shared) >= 0.75 * Double(wanted.count) ? knowledge : nil
    }

    // MARK: What it says when it does not know

    /// Ends a sentence with the offer of a person, where one can be had.
    func offering(_ sentence: String, otherwise: String) -> String {
        has(OfflineNames.handOver) ? sentence + OfflineNames.offer : otherwise
    }

    var askingBack: OfflineMove {
        .say(
            offering(
                "I'm not sure about that. Could you say it in other words — or ",
                otherwise: "I'm not sure about that. Could you say it in other words?"
            )
        )
    }
}

/// The built-in tools that the offline model knows by name, and the words by which it knows its own questions again.
enum OfflineNames {
    static let searchKnowledge = "search_knowledge"
    static let captureLead = "capture_lead"
    static let handOver = "hand_over_to_human"

    static let offer = "shall I get a person to help?"

    /// "Could you tell me the order number?"
    static func asking(for argument: String) -> String {
        "Could you tell me the \(String(argument.map { $0 == "_" ? " " : $0 }))?"
    }
}
