import ParleyCore

/// A chat completion request, read as strictly as OpenAI reads it; unknown parameters are tolerated.
struct ChatRequest: Sendable {
    struct Message: Sendable {
        var role: String
        var text: String
    }

    struct Tool: Sendable {
        var name: String
        /// Name and JSON Schema type of each argument.
        var parameters: [(name: String, type: String)]
    }

    var model: String
    var messages: [Message]
    var tools: [Tool]
    var isStreaming: Bool
    var includesUsage: Bool
    var byteCount: Int

    init(body: [UInt8]) throws(ModelFailure) {
        guard let json = try? JSON(parsing: body), json.object != nil else {
            throw .invalid("We could not parse the JSON body of your request. (HINT: the body must be a JSON object.)")
        }
        guard let model = json["model"]?.string, !model.isEmpty else {
            throw .invalid("you must provide a model parameter")
        }
        guard !model.hasPrefix("missing") else {
            throw ModelFailure(
                status: 404,
                type: "invalid_request_error",
                code: "model_not_found",
                message: "The model `\(model)` does not exist or you do not have access to it."
            )
        }
        self.model = model
        byteCount = body.count
        messages = try ChatRequest.messages(json)
        tools = try ChatRequest.tools(json)
        isStreaming = json["stream"]?.bool ?? false
        includesUsage = json["stream_options"]?["include_usage"]?.bool ?? false
        try ChatRequest.checkOptions(json, model: model, isStreaming: isStreaming)
    }

    private static func checkOptions(_ json: JSON, model: String, isStreaming: Bool) throws(ModelFailure) {
        if let options = json["stream_options"], !options.isNull, !isStreaming {
            throw .invalid(
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                parameter: "stream_options"
            )
        }
        for name in ["tool_choice", "parallel_tool_calls"] where json[name] != nil && json["tools"] == nil {
            throw .invalid("'\(name)' is only allowed when 'tools' are specified.", parameter: name)
        }
        // Reasoning models refuse what older ones took: https://developers.openai.com, "Using reasoning models".
        guard model.hasPrefix("gpt-5") || model.hasPrefix("gpt-6") else { return }
        if json["max_tokens"] != nil {
            throw .invalid(
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                    + "Use 'max_completion_tokens' instead.",
                parameter: "max_tokens",
                code: "unsupported_parameter"
            )
        }
        for name in ["temperature", "top_p"] where json[name]?.double.map({ $0 != 1 }) ?? false {
            throw .invalid(
                "Unsupported value: '\(name)' does not support \(json[name]?.text ?? "") with this model. "
                    + "Only the default (1) value is supported.",
                parameter: name,
                code: "unsupported_value"
            )
        }
    }
}

// MARK: Messages

extension ChatRequest {
    private static func messages(_ json: JSON) throws(ModelFailure) -> [Message] {
        guard let given = json["messages"] else {
            throw .invalid(
                "Missing required parameter: 'messages'.",
                parameter: "messages",
                code: "missing_required_parameter"
            )
        }
        guard let list = given.array else {
            throw .invalid(
                "Invalid type for 'messages': expected an array.",
                parameter: "messages",
                code: "invalid_type"
            )
        }
        guard !list.isEmpty else {
            throw .invalid(
                "Invalid 'messages': empty array. Expected an array with minimum length 1, "
                    + "but got an empty array instead.",
                parameter: "messages",
                code: "empty_array"
            )
        }
        var messages: [Message] = []
        var pairing = ToolPairing()
        for (index, message) in list.enumerated() {
            messages.append(try read(message, at: index))
            try pairing.follow(message, at: index)
        }
        try pairing.finish(at: list.count)
        return messages
    }

    private static func read(_ message: JSON, at index: Int) throws(ModelFailure) -> Message {
        let role = message["role"]?.string ?? ""
        guard ["system", "developer", "user", "assistant", "tool", "function"].contains(role) else {
            throw .invalid(
                "Invalid value: '\(role)'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', "
                    + "and 'developer'.",
                parameter: "messages[\(index)].role",
                code: "invalid_value"
            )
        }
        let mayBeEmpty = role == "assistant" && (message["tool_calls"]?.array?.isEmpty == false)
        switch message["content"] {
        case .string(let text):
            return Message(role: role, text: text)
        case .array(let parts) where !parts.isEmpty:
            return Message(role: role, text: try text(of: parts, at: index))
        case nil where mayBeEmpty, .some(.null) where mayBeEmpty:
            return Message(role: role, text: "")
        default:
            throw .invalid(
                "Invalid value for 'content': expected a string, got null.",
                parameter: "messages.[\(index)].content"
            )
        }
    }

    private static func text(of parts: [JSON], at index: Int) throws(ModelFailure) -> String {
        var texts: [String] = []
        for part in parts {
            switch part["type"]?.string {
            case "text"?:
                guard let text = part["text"]?.string else {
                    throw .invalid("Missing required parameter: 'messages[\(index)].content[0].text'.")
                }
                texts.append(text)
            case "image_url"?, "input_audio"?, "file"?, "refusal"?:
                continue
            default:
                throw .invalid(
                    "Invalid value: '\(part["type"]?.string ?? "")'. Supported values are: 'text', 'image_url', "
                        + "'input_audio', 'refusal', and 'file'.",
                    parameter: "messages[\(index)].content[0].type",
                    code: "invalid_value"
                )
            }
        }
        return texts.joined(separator: "\n")
    }
}

/// Every entry of `tool_calls` is answered by one `tool` message before anybody else speaks.
private struct ToolPairing {
    private var unanswered: [String] = []
    private var hasCalls = false

    mutating func follow(_ message: JSON, at index: Int) throws(ModelFailure) {
        if message["role"]?.string == "tool" {
            guard let id = message["tool_call_id"]?.string else {
                throw .invalid(
                    "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.",
                    parameter: "messages.[\(index)].tool_call_id"
                )
            }
            guard hasCalls else {
                throw .invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                        + "'tool_calls'.",
                    parameter: "messages.[\(index)].role"
                )
            }
            guard let position = unanswered.firstIndex(of: id) else {
                throw .invalid(
                    "Invalid parameter: 'tool_call_id' of '\(id)' not found in 'tool_calls' of previous message.",
                    parameter: "messages.[\(index)].tool_call_id"
                )
            }
            unanswered.remove(at: position)
            return
        }
        try finish(at: index)
        hasCalls = false
        guard message["role"]?.string == "assistant", let calls = message["tool_calls"]?.array else { return }
        for call in calls {
            guard let id = call["id"]?.string, call["type"]?.string == "function",
                call["function"]?["name"]?.string != nil, call["function"]?["arguments"]?.string != nil
            else {
                throw .invalid(
                    "Missing required parameter: a tool call needs 'id', 'type', 'function.name' and "
                        + "'function.arguments' (a string).",
                    parameter: "messages[\(index)].tool_calls",
                    code: "missing_required_parameter"
                )
            }
            unanswered.append(id)
        }
        hasCalls = !calls.isEmpty
    }

    func finish(at index: Int) throws(ModelFailure) {
        guard !unanswered.isEmpty else { return }
        throw .invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
                + "'tool_call_id'. The following tool_call_ids did not have response messages: "
                + unanswered.joined(separator: ", "),
            parameter: "messages.[\(index)].role"
        )
    }
}

// MARK: Tools

extension ChatRequest {
    private static func tools(_ json: JSON) throws(ModelFailure) -> [Tool] {
        guard let given = json["tools"], !given.isNull else { return [] }
        guard let list = given.array, !list.isEmpty else {
            throw .invalid(
                "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
                parameter: "tools",
                code: "empty_array"
            )
        }
        var tools: [Tool] = []
        for (index, tool) in list.enumerated() { tools.append(try read(tool: tool, at: index)) }
        return tools
    }

    private static func read(tool: JSON, at index: Int) throws(ModelFailure) -> Tool {
        guard tool["type"]?.string == "function", let name = tool["function"]?["name"]?.string else {
            throw .invalid(
                "Missing required parameter: 'tools[\(index)].function.name'.",
                parameter: "tools[\(index)].function",
                code: "missing_required_parameter"
            )
        }
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte) else {
            throw .invalid(
                "Invalid 'tools[\(index)].function.name': string does not match pattern. Expected a string that matches "
                    + "the pattern '^[a-zA-Z0-9_-]+$'.",
                parameter: "tools[\(index)].function.name",
                code: "invalid_value"
            )
        }
        guard let schema = tool["function"]?["parameters"] else { return Tool(name: name, parameters: []) }
        guard schema["type"]?.string == "object" else {
            throw .invalid(
                "Invalid schema for function '\(name)': schema must be a JSON Schema of 'type: \"object\"', "
                    + "got 'type: \"\(schema["type"]?.string ?? "None")\"'.",
                parameter: "tools[\(index)].function.parameters",
                code: "invalid_function_parameters"
            )
        }
        let properties = schema["properties"]?.object?.members ?? []
        return Tool(
            name: name,
            parameters: properties.map { ($0.key, $0.value["type"]?.string ?? "string") }
        )
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
