import ParleyCore

/// What the emulated model does with one request: answers as asked, or misbehaves in one of the ways seen in the wild.
package enum ModelStep: Sendable, Equatable {
    /// The scripted agent: picks tools by keyword, then quotes what they returned.
    case agent
    case text(String)
    case toolCalls([ToolCall])
    case failure(ModelFailure)
    /// Silence where the response head should be.
    case hang
    /// Half an answer, then silence on an open connection.
    case hangMidStream
    /// Half an answer, then a closed connection: no finish reason, no `[DONE]`.
    case truncated
    /// A proxy's HTML page with status 200.
    case garbage
    /// Bytes inside the text that are not UTF-8.
    case invalidUTF8
    /// Status 200, some text, then `data: {"error": …}`.
    case errorEvent
    /// A tool call whose arguments are cut JSON.
    case brokenToolJSON
    /// A tool that nobody offered.
    case unknownTool
    /// The first offered tool, every time it is asked: an endless loop unless the caller ends it.
    case toolLoop
    /// Two parallel calls, both with index 0 (Ollama does this).
    case collidingIndexes
    /// An answer without token counts.
    case withoutUsage
    /// The stream in pieces of one byte, so that code points and lines straddle reads.
    case byteByByte
    /// Past every channel's limit: headings, lists, code and a table, at least 9,000 characters.
    case longAnswer
    /// 200 with neither text nor tool calls, as after a content filter.
    case empty

    package struct ToolCall: Sendable, Equatable {
        package var name: String
        /// JSON as text, as it travels; need not be valid.
        package var arguments: String

        package init(name: String, arguments: String) {
            self.name = name
            self.arguments = arguments
        }
    }

    /// The steps that need nothing but their name, as the control API spells them.
    package static let named: [String: ModelStep] = [
        "echo-agent": .agent, "hang": .hang, "hang_mid_stream": .hangMidStream, "truncated": .truncated,
        "garbage": .garbage, "invalid_utf8": .invalidUTF8, "error_event": .errorEvent,
        "broken_tool_json": .brokenToolJSON, "unknown_tool": .unknownTool, "tool_loop": .toolLoop,
        "colliding_indexes": .collidingIndexes, "without_usage": .withoutUsage, "byte_by_byte": .byteByByte,
        "long_answer": .longAnswer, "empty": .empty,
    ]

    /// Reads a step of the control API: a name of ``named``, `{"text": …}`, `{"tool_calls": [{"name", "arguments"}]}` or
    /// `{"error": {"status", "code", "type", "message", "retry_after"}}`; nil for anything else.
    package init?(_ json: JSON) {
        if let name = json.string, let step = ModelStep.named[name] {
            self = step
        } else if let text = json["text"]?.string {
            self = .text(text)
        } else if let calls = json["tool_calls"]?.array {
            let read = calls.compactMap { call -> ToolCall? in
                guard let name = call["name"]?.string else { return nil }
                let arguments = call["arguments"] ?? .object(JSONObject())
                return ToolCall(name: name, arguments: arguments.string ?? arguments.description)
            }
            guard read.count == calls.count, !read.isEmpty else { return nil }
            self = .toolCalls(read)
        } else if let failure = json["error"].flatMap(ModelFailure.init) {
            self = .failure(failure)
        } else {
            return nil
        }
    }
}

/// An error answer in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.
package struct ModelFailure: Error, Sendable, Equatable {
    package var status: Int
    package var type: String
    package var code: String?
    package var message: String
    package var parameter: String?
    /// Seconds, for the `retry-after` header.
    package var retryAfter: Int?

    package init(
        status: Int,
        type: String,
        code: String? = nil,
        message: String,
        parameter: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.status = status
        self.type = type
        self.code = code
        self.message = message
        self.parameter = parameter
        self.retryAfter = retryAfter
    }

    /// The usual body of a status; `{"status": 429, "code": "insufficient_quota"}` is the 429 that no waiting cures.
    package init?(_ json: JSON) {
        guard let status = json["status"]?.int, (400...599).contains(status) else { return nil }
        var failure = ModelFailure.usual(Int(status), code: json["code"]?.string)
        if let type = json["type"]?.string { failure.type = type }
        if let message = json["message"]?.string { failure.message = message }
        failure.retryAfter = json["retry_after"]?.int.map { Int(clamping: $0) }
        self = failure
    }

    static func invalid(_ message: String, parameter: String? = nil, code: String? = nil) -> ModelFailure {
        ModelFailure(
            status: 400,
            type: "invalid_request_error",
            code: code,
            message: message,
            parameter: parameter
        )
    }

    var json: JSON {
        [
            "error": [
                "message": JSON(message), "type": JSON(type), "param": parameter.map { JSON($0) } ?? .null,
                "code": code.map { JSON($0) } ?? .null,
            ]
        ]
    }

    private static func usual(_ status: Int, code: String?) -> ModelFailure {
        switch (status, code) {
        case (429, "insufficient_quota"?):
            ModelFailure(
                status: 429,
                type: "insufficient_quota",
                code: "insufficient_quota",
                message: "You exceeded your current quota, please check your plan and billing details."
            )
        case (429, _):
            ModelFailure(
                status: 429,
                type: "requests",
                code: code ?? "rate_limit_exceeded",
                message: "Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1."
            )
        case (401, _):
            ModelFailure(
                status: 401,
                type: "invalid_request_error",
                code: code ?? "invalid_api_key",
                message: "Incorrect API key provided."
            )
        case (500..., _):
            ModelFailure(
                status: status,
                type: status == 529 || status == 503 ? "overloaded_error" : "server_error",
                code: code ?? (status == 503 ? "server_is_overloaded" : nil),
                message: "The server had an error while processing your request. Sorry about that!"
            )
        default:
            ModelFailure(
                status: status,
                type: "invalid_request_error",
                code: code,
                message: "The request was refused by the emulator's script."
            )
        }
    }
}
