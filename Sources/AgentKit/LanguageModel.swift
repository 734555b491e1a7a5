import ParleyCore

/// Something that answers a conversation: an API, or the offline model.
package protocol LanguageModel: Sendable {
    /// One model call (a *step*). Streams inside; returns when the whole answer is there.
    ///
    /// Heeds cancellation. Whoever calls a provider tells `watch` when the call begins and when bytes came; the watch
    /// keeps the time limits.
    func respond(
        to request: ModelRequest,
        watchedBy watch: ModelWatch
    ) async throws(ModelError) -> ModelResponse
}

package struct ModelRequest: Sendable {
    /// The model's name at its provider.
    package var model: String
    /// What the business tells its agent to be.
    package var instructions: String
    /// What is known of the contact, a line each; may be empty.
    package var memory: [String]
    /// Knowledge entries that the question found, best first.
    package var knowledge: [KnowledgeHit]
    /// Oldest first; the last one is what must be answered.
    package var messages: [ModelMessage]
    package var tools: [ToolDefinition]
    /// nil: never sent, since new models refuse sampling parameters.
    package var temperature: Double?
    package var maximumOutputTokens: Int?
    /// Told to the model as the date, and to tools.
    package var now: Timestamp

    package init(
        model: String,
        instructions: String,
        memory: [String] = [],
        knowledge: [KnowledgeHit] = [],
        messages: [ModelMessage],
        tools: [ToolDefinition] = [],
        temperature: Double? = nil,
        maximumOutputTokens: Int? = nil,
        now: Timestamp
    ) {
        self.model = model
        self.instructions = instructions
        self.memory = memory
        self.knowledge = knowledge
        self.messages = messages
        self.tools = tools
        self.temperature = temperature
        self.maximumOutputTokens = maximumOutputTokens
        self.now = now
    }
}

package struct KnowledgeHit: Sendable, Equatable {
    package var question: String
    package var answer: String
    /// 0…1: the share of the question's significant words that the entry has, weighted by rarity.
    package var score: Double

    package init(question: String, answer: String, score: Double) {
        self.question = question
        self.answer = answer
        self.score = score
    }
}

package enum ModelMessage: Sendable, Equatable {
    /// `name` is set in rooms, where several people speak.
    case user(text: String, name: String?)
    case assistant(text: String, toolCalls: [ToolCall])
    /// The answer to one tool call; every call has exactly one before the next user or assistant message.
    case toolResult(callID: String, name: String, content: String)
}

package struct ToolCall: Sendable, Equatable {
    package var id: String
    package var name: String
    /// The arguments as the model wrote them; may not be JSON.
    package var arguments: String
    /// Members that some providers want back unchanged (Gemini's `extra_content`).
    package var extra: JSON?

    package init(id: String, name: String, arguments: String, extra: JSON? = nil) {
        self.id = id
        self.name = name
        self.arguments = arguments
        self.extra = extra
    }
}

package struct ModelResponse: Sendable, Equatable {
    package enum Finish: String, Sendable {
        case stop, length, toolCalls = "tool_calls", contentFilter = "content_filter"
    }

    package var text: String
    package var toolCalls: [ToolCall]
    package var finish: Finish
    package var usage: ModelUsage
    /// The model that answered, as the provider names it.
    package var model: String

    package init(text: String, toolCalls: [ToolCall] = [], finish: Finish = .stop, usage: ModelUsage, model: String) {
        self.text = text
        self.toolCalls = toolCalls
        self.finish = finish
        self.usage = usage
        self.model = model
    }
}

/// Tokens of one or more model calls, never negative.
package struct ModelUsage: Sendable, Equatable {
    /// All prompt tokens, the cached ones included.
    package var input: Int
    package var cached: Int
    package var output: Int
    /// The provider did not say; counted by ``ParleyCore/Swift/String/estimatedTokens``.
    package var isEstimated: Bool

    package init(input: Int = 0, cached: Int = 0, output: Int = 0, isEstimated: Bool = false) {
        self.input = max(0, input)
        self.cached = max(0, cached)
        self.output = max(0, output)
        self.isEstimated = isEstimated
    }

    package static func + (left: Self, right: Self) -> Self {
        ModelUsage(
            input: left.input + right.input,
            cached: left.cached + right.cached,
            output: left.output + right.output,
            isEstimated: left.isEstimated || right.isEstimated
        )
    }
}

/// Why a model call has no answer. Each case says whether asking again can help. Holds neither key nor message text.
package enum ModelError: Error, Sendable, Equatable {
    /// 429 with room to wait.
    case rateLimited(retryAfter: Duration?)
    /// 408, 409, 5xx, 529 and errors inside a stream.
    case unavailable(reason: String, retryAfter: Duration?)
    /// No first byte, no next byte, or no end, in time.
    case timedOut(phase: String)
    /// The connection failed or broke.
    case connection
    /// The stream ended early, or was not what the provider documents.
    case malformed(reason: String)
    /// 400 and the like: the request itself is at fault.
    case refused(status: Int, reason: String)
    /// The prompt is longer than the model takes.
    case contextTooLong
    /// 401, 403: the key.
    case unauthorised(status: Int)
    /// Out of credit or over a spending limit: waiting does not help.
    case quotaExhausted
    case cancelled

    package var mayRetry: Bool {
        switch self {
        case .rateLimited, .unavailable, .timedOut, .connection, .malformed: true
        case .refused, .contextTooLong, .unauthorised, .quotaExhausted, .cancelled: false
        }
    }

    package var retryAfter: Duration? {
        switch self {
        case .rateLimited(let wait), .unavailable(_, let wait): wait
        default: nil
        }
    }

    /// One word for counters and the journey.
    package var word: String {
        switch self {
        case .rateLimited: "rate_limited"
        case .unavailable: "unavailable"
        case .timedOut: "timed_out"
        case .connection: "connection"
        case .malformed: "malformed"
        case .refused: "refused"
        case .contextTooLong: "context_too_long"
        case .unauthorised: "unauthorised"
        case .quotaExhausted: "quota_exhausted"
        case .cancelled: "cancelled"
        }
    }
}
