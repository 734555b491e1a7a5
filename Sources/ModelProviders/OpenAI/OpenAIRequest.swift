import AgentKit
import ParleyCore

/// A chat completion request as JSON (OpenAI API reference, Create chat completion).
///
/// Conservative, since compatible servers refuse what they do not know: nothing that is not needed is sent.
struct OpenAIRequest: Sendable {
    let request: ModelRequest
    let isOpenAI: Bool
    let dialect: OpenAIDialect

    var json: JSON {
        .object(present: [
            "model": .string(request.model),
            "messages": .array([system] + request.messages.compactMap(Self.message)),
            "tools": request.tools.isEmpty ? nil : .array(request.tools.map(Self.tool)),
            "temperature": dialect.refusesTemperature ? nil : request.temperature.map { .number($0) },
            tokenLimitName: request.maximumOutputTokens.map { JSON($0) },
            "reasoning_effort": dialect.wantsNoReasoning && !request.tools.isEmpty ? "none" : nil,
            "stream": true,
            "stream_options": dialect.refusesStreamOptions ? nil : ["include_usage": true],
        ])
    }

    /// OpenAI deprecates `max_tokens` and its reasoning models refuse it; others often know nothing else.
    private var tokenLimitName: String {
        isOpenAI != dialect.swapsTokenLimit ? "max_completion_tokens" : "max_tokens"
    }

    /// What stays the same comes first, so that providers can cache the prefix: a time of day here would undo it.
    private var system: JSON {
        var parts = [request.instructions.trimmed]
        if !request.knowledge.isEmpty {
            let entries = request.knowledge.map { "Q: \($0.question)\nA: \($0.answer)" }
            parts.append("What the business says about this:\n\n" + entries.joined(separator: "\n\n"))
        }
        if !request.memory.isEmpty {
            parts.append(
                "What is known of the person you talk to:\n" + request.memory.map { "- \($0)" }.joined(separator: "\n")
            )
        }
        parts.append("Today is \(request.now.weekday), \(request.now.day) (UTC).")
        return ["role": "system", "content": .string(parts.filter { !$0.isEmpty }.joined(separator: "\n\n"))]
    }

    private static func message(_ message: ModelMessage) -> JSON? {
        switch message {
        case .user(let text, let name):
            let speaker = name.map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") } ?? ""
            let content = speaker.isEmpty ? text : "\(speaker.clipped(toUTF8: 64)): \(text)"
            return ["role": "user", "content": .string(content)]
        case .assistant(let text, let calls):
            // Servers refuse a message that says nothing.
            if text.isEmpty, calls.isEmpty { return nil }
            return .object(present: [
                "role": "assistant",
                "content": text.isEmpty ? .null : .string(text),
                "tool_calls": calls.isEmpty ? nil : .array(calls.map(toolCall)),
            ])
        case .toolResult(let callID, _, let content):
            return ["role": "tool", "tool_call_id": .string(callID), "content": .string(content)]
        }
    }

    private static func toolCall(_ call: ToolCall) -> JSON {
        // Some servers parse the arguments of the past and refuse the request when they are none.
        let isObject = (try? JSON(parsing: call.arguments))?.object != nil
        var members: JSONObject = [
            "id": .string(call.id),
            "type": "function",
            "function": ["name": .string(call.name), "arguments": .string(isObject ? call.arguments : "{}")],
        ]
        for member in call.extra?.object?.members ?? [] where members[member.key] == nil {
            members[member.key] = member.value
        }
        return .object(members)
    }

    private static func tool(_ tool: ToolDefinition) -> JSON {
        [
            "type": "function",
            "function": [
                "name": .string(tool.name), "description": .string(tool.description), "parameters": tool.parameters,
            ],
        ]
    }
}

extension Timestamp {
    /// 1970-01-01 was a Thursday.
    fileprivate var weekday: String {
        let names = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]
        let days = Int64((Double(microseconds) / 86_400_000_000).rounded(.down))
        return names[Int(((days % 7) + 7) % 7)]
    }
}
