import AgentKit
import ChannelKit
import ParleyCore
import Storage

/// What the model is told beside the question, and the session that it belongs to.
final class TurnContext: Sendable {
    struct Asking: Sendable {
        let agent: AgentProfile
        let request: ModelRequest
        let showsTyping: Bool
    }

    /// Nil for what is answered without asking anybody.
    let asking: Asking?
    let sessionID: ID<Session>
    let startsSession: Bool
    let steps: [JourneyStep]

    init(_ asking: Asking?, of question: Question, steps: [JourneyStep] = [], at now: Timestamp) {
        self.asking = asking
        startsSession = question.startsSession(at: now)
        sessionID = startsSession ? ID(at: now) : question.conversation.sessionID
        self.steps = steps
    }
}

extension Question {
    fileprivate func startsSession(at now: Timestamp) -> Bool {
        now.since(conversation.lastActivityAt) > Limits.sessionIdle
    }
}

// The third verb of the second act.
extension Pipeline {
    /// Loads the agent, the memory, the recent messages within their budget, and what the knowledge base says; nothing of it
    /// for a question that was begun in vain too often, as it may be any of that which fails.
    func recall(_ question: Question, claim: Claim) async throws -> TurnContext {
        let now = parts.clock.now
        guard claim.begun <= Int64(Limits.turnAttempts) else { return TurnContext(nil, of: question, at: now) }
        let flagged = try await flagged(parts.directory.agent(of: claim.businessID), for: question, at: now)
        let agent = flagged.agent
        let knowledge = try await parts.directory.knowledge(for: question.text, of: claim.businessID, upTo: 3)
        let isNewSession = question.startsSession(at: now)
        let history =
            isNewSession ? [] : question.remembered.suffix(Limits.contextMessages).compactMap(ModelMessage.init)
        let asked = question.events.map { waiting in
            ModelMessage.user(
                text: waiting.modelText,
                name: question.isRoom ? waiting.event.sender?.displayName ?? waiting.event.sender?.username : nil
            )
        }
        let kept = ContextBudget.fitting(history, before: asked)
        let request = ModelRequest(
            model: question.conversation.modelOverride ?? agent.modelName,
            instructions: agent.instructions,
            memory: ContactMemory.lines(question.conversation.memory, name: question.conversation.contactName),
            knowledge: knowledge,
            messages: kept + asked,
            tools: agent.tools.map(\.definition),
            temperature: agent.temperature,
            maximumOutputTokens: agent.maximumOutputTokens,
            now: now
        )
        let tokens = ContextBudget.tokens(of: request.messages)
        return TurnContext(
            TurnContext.Asking(agent: agent, request: request, showsTyping: flagged.showsTyping),
            of: question,
            steps: flagged.steps + [
                JourneyStep(
                    "context",
                    kept.count < history.count ? "shortened" : "loaded",
                    rule: "messages",
                    value: "\(request.messages.count) messages, about \(tokens) tokens"
                        + (isNewSession ? ", new session" : ""),
                    milliseconds: Int(clamping: parts.clock.now.since(now).milliseconds),
                    at: parts.clock.now
                ),
                JourneyStep(
                    "context",
                    knowledge.isEmpty ? "none" : "found",
                    rule: "knowledge",
                    value: knowledge.isEmpty
                        ? "no entry matches"
                        : knowledge.map { "\($0.question) (\(ContextBudget.percent($0.score)))" }.joined(
                            separator: "; "
                        ),
                    at: parts.clock.now
                ),
            ],
            at: now
        )
    }
}

extension ModelMessage {
    init?(_ message: RememberedMessage) {
        switch message.role {
        case .user: self = .user(text: message.content, name: nil)
        case .assistant: self = .assistant(text: message.content, toolCalls: [])
        // The model must know that a colleague spoke, and where that stretch ends.
        case .human: self = .assistant(text: "[A colleague answered:] \(message.content)", toolCalls: [])
        case .system: return nil
        }
    }
}

/// Keeps what the model reads within ``Limits/contextTokens``.
package enum ContextBudget {
    /// The latest messages of `history` that fit beside what is asked.
    package static func fitting(_ history: [ModelMessage], before asked: [ModelMessage]) -> [ModelMessage] {
        var budget = Limits.contextTokens - tokens(of: asked)
        var kept: [ModelMessage] = []
        for message in history.reversed() {
            budget -= tokens(of: [message])
            guard budget >= 0 else { break }
            kept.append(message)
        }
        return kept.reversed()
    }

    package static func tokens(of messages: [ModelMessage]) -> Int {
        messages.reduce(0) { sum, message in
            switch message {
            case .user(let text, _), .assistant(let text, _), .toolResult(_, _, let text):
                sum + text.estimatedTokens + 4
            }
        }
    }

    package static func percent(_ share: Double) -> String {
        share.isFinite ? "\(Int((min(max(share, 0), 1) * 100).rounded())) %" : "?"
    }
}

/// What is remembered of a contact beyond a session.
package enum ContactMemory {
    /// A line for each thing known.
    package static func lines(_ memory: JSON, name: String?) -> [String] {
        var lines: [String] = []
        if let name = memory["name"]?.string ?? name { lines.append("The customer's name is \(name).") }
        if let email = memory["email"]?.string { lines.append("Their e-mail address is \(email).") }
        if let phone = memory["phone"]?.string { lines.append("Their phone number is \(phone).") }
        if let interests = memory["interests"]?.array?.compactMap(\.string), !interests.isEmpty {
            lines.append("They showed interest in: \(interests.joined(separator: ", ")).")
        }
        return lines
    }

    /// The memory after a turn in which `details` became known.
    package static func enriched(_ memory: JSON, with details: LeadDetails) -> JSON {
        var memory = memory.object == nil ? [:] : memory
        if let name = details.name { memory["name"] = .string(name) }
        if let email = details.email { memory["email"] = .string(email) }
        if let phone = details.phone { memory["phone"] = .string(phone) }
        if let interest = details.interest {
            let known = memory["interests"]?.array ?? []
            if !known.contains(.string(interest)) {
                memory["interests"] = .array((known + [.string(interest)]).suffix(10))
            }
        }
        return memory
    }
}
