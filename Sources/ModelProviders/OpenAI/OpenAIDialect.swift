import AgentKit
import ParleyCore
import Synchronization

/// What a model at a server turned out not to take.
struct OpenAIDialect: Sendable, Equatable {
    /// New models refuse sampling parameters, even at their default value.
    var refusesTemperature = false
    /// Servers that know no `stream_options` send no usage in streams either.
    var refusesStreamOptions = false
    /// The server wants the other one of `max_tokens` and `max_completion_tokens`.
    var swapsTokenLimit = false
    /// OpenAI's reasoning models take tools here only with `reasoning_effort: "none"`.
    var wantsNoReasoning = false

    /// What a 400 taught; nil when it is not about something that can be left out, or was known already.
    func learning(from complaint: ProviderComplaint, about sent: JSON) -> OpenAIDialect? {
        func names(_ parameter: String) -> Bool {
            complaint.parameter.hasPrefix(parameter) || complaint.message.contains(parameter)
        }
        var learned = self
        if sent["tools"] != nil, names("reasoning_effort"), complaint.message.contains("none") {
            learned.wantsNoReasoning = true
        } else if sent["temperature"] != nil, names("temperature") {
            learned.refusesTemperature = true
        } else if !swapsTokenLimit, complaint.isAboutUnknownField || complaint.isAboutSupport,
            sent["max_tokens"] != nil && names("max_tokens")
                || sent["max_completion_tokens"] != nil && names("max_completion_tokens")
        {
            // Once only, and not because the number is too large.
            learned.swapsTokenLimit = true
        } else if sent["stream_options"] != nil, names("stream_options") || names("include_usage") {
            learned.refusesStreamOptions = true
        } else if sent["stream_options"] != nil, complaint.parameter.isEmpty, complaint.isAboutUnknownField {
            // Without saying which: of what is sent, `stream_options` is the least known.
            learned.refusesStreamOptions = true
        }
        return learned == self ? nil : learned
    }
}

extension ProviderComplaint {
    fileprivate var isAboutUnknownField: Bool {
        says(
            "unknown field",
            "unknown parameter",
            "unknown name",
            "unrecognized",
            "extra fields",
            "extra inputs",
            "extra_forbidden",
            "additional properties",
            "unexpected keyword"
        )
    }

    fileprivate var isAboutSupport: Bool { says("not supported", "unsupported") }
}

/// What was learned, for the life of the process: `stream_options` for the server, the rest for each model.
final class OpenAIDialects: Sendable {
    private struct State {
        var refusesStreamOptions = false
        var byModel: [String: OpenAIDialect] = [:]
    }

    private let state = Mutex(State())

    subscript(model: String) -> OpenAIDialect {
        state.withLock { state in
            var dialect = state.byModel[model] ?? OpenAIDialect()
            dialect.refusesStreamOptions = state.refusesStreamOptions
            return dialect
        }
    }

    func remember(_ dialect: OpenAIDialect, of model: String) {
        state.withLock { state in
            if dialect.refusesStreamOptions { state.refusesStreamOptions = true }
            // Model names come from businesses' settings: without a bound they could fill memory.
            if state.byModel.count >= 1024 { state.byModel = [:] }
            state.byModel[model] = dialect
        }
    }
}
