import AsyncHTTPClient
import Emulators
import NIOCore
import ParleyCore
import Testing

@Suite struct ModelTests {
    // MARK: The wire

    @Test func `a stream begins with the role, ends with a reason, then counts tokens, then is done`() async throws {
        let answer = try await ask(["stream": true, "stream_options": ["include_usage": true]], saying: "Hello")
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"]?.hasPrefix("text/event-stream") == true)
        #expect(answer.events.last == "[DONE]")
        let chunks = answer.chunks
        #expect(chunks.first?["choices"]?[0]?["delta"]?["role"] == "assistant")
        #expect(text(of: chunks) == "You said: Hello")
        #expect(chunks.dropLast().last?["choices"]?[0]?["finish_reason"] == "stop")
        #expect(chunks.last?["choices"] == [])
        #expect((chunks.last?["usage"]?["total_tokens"]?.int ?? 0) > 0)
        #expect(chunks.first?["usage"] == .null)
    }

    @Test func `tokens are counted in a stream only when asked for`() async throws {
        let answer = try await ask(["stream": true], saying: "Hello")
        #expect(!answer.chunks.isEmpty)
        #expect(answer.chunks.allSatisfy { $0["usage"] == nil })
    }

    @Test func `without streaming the answer is one object`() async throws {
        let answer = try await ask([:], saying: "Hello")
        #expect(answer.json?["object"] == "chat.completion")
        #expect(answer.json?["choices"]?[0]?["message"]?["content"] == "You said: Hello")
        #expect((answer.json?["usage"]?["prompt_tokens"]?.int ?? 0) > 0)
    }

    // MARK: Strictness

    static let refusals: [(why: String, body: JSON, status: Int, says: String)] = [
        ("no model", ["messages": [["role": "user", "content": "x"]]], 400, "model parameter"),
        (
            "a foreign model", ["model": "missing-1", "messages": [["role": "user", "content": "x"]]], 404,
            "model_not_found"
        ),
        ("no messages", ["model": "m"], 400, "missing_required_parameter"),
        ("empty messages", ["model": "m", "messages": []], 400, "empty_array"),
        ("a strange role", ["model": "m", "messages": [["role": "robot", "content": "x"]]], 400, "messages[0].role"),
        ("null content", ["model": "m", "messages": [["role": "user", "content": nil]]], 400, "content"),
        ("a tool message alone", ["model": "m", "messages": [tool("c1")]], 400, "preceeding message"),
        ("an unanswered call", ["model": "m", "messages": [calls("c1", "c2"), tool("c1"), user]], 400, "c2"),
        ("a call left open at the end", ["model": "m", "messages": [calls("c1")]], 400, "c1"),
        (
            "a call answered twice", ["model": "m", "messages": [calls("c1"), tool("c1"), tool("c1")]], 400, "not found"
        ),
        ("an empty tool list", ["model": "m", "messages": [user], "tools": []], 400, "empty_array"),
        ("a bad tool name", ["model": "m", "messages": [user], "tools": [offer("a b", "object")]], 400, "pattern"),
        ("a bad schema", ["model": "m", "messages": [user], "tools": [offer("a", "string")]], 400, "invalid_function"),
        ("a choice without tools", ["model": "m", "messages": [user], "tool_choice": "auto"], 400, "tool_choice"),
        ("stream options without a stream", ["model": "m", "messages": [user], "stream_options": [:]], 400, "stream"),
        ("a temperature", ["model": "gpt-6-luna", "messages": [user], "temperature": 0.2], 400, "unsupported_value"),
        ("max_tokens", ["model": "gpt-6-luna", "messages": [user], "max_tokens": 9], 400, "unsupported_parameter"),
    ]

    @Test(arguments: refusals.indices)
    func `a wrong request is refused as OpenAI refuses it`(index: Int) async throws {
        let refusal = Self.refusals[index]
        let answer = try await withModel { _, client in try await client.complete(refusal.body) }
        #expect(answer.status == refusal.status, "\(refusal.why)")
        #expect(answer.json?["error"]?["type"] == "invalid_request_error", "\(refusal.why)")
        #expect(answer.text.contains(refusal.says), "\(refusal.why): \(answer.text)")
    }

    @Test func `answered tool calls and unknown parameters are fine`() async throws {
        let body: JSON = [
            "model": "m", "messages": [Self.user, Self.calls("c1", "c2"), Self.tool("c2"), Self.tool("c1")],
            "colour": "red",
        ]
        let answer = try await withModel { _, client in try await client.complete(body) }
        #expect(answer.status == 200)
        #expect(answer.text.contains("Here is what I found"))
    }

    @Test(arguments: [nil, "Bearer ", "Basic x", "Bearer wrong"])
    func `without the right key nothing is answered`(header: String?) async throws {
        let model = EmulatedModel(apiKey: "right")
        let answer = try await withModel(model) { _, client in
            try await client.send(
                "POST",
                "/openai/v1/chat/completions",
                headers: header.map { [("authorization", $0)] } ?? [],
                ["model": "m", "messages": [Self.user]]
            )
        }
        #expect(answer.status == 401)
        #expect(model.requestCount == 1)
    }

    // MARK: The scripted agent

    @Test func `two questions become two parallel calls with their arguments`() async throws {
        let answer = try await ask(
            ["stream": true, "tools": Self.tools],
            saying: "Do you have iPhone 15 in stock? And where is my order #1001?"
        )
        let calls = assembled(answer.chunks)
        #expect(calls.map(\.name) == ["check_inventory", "get_order_status"])
        #expect(calls.map(\.arguments) == [#"{"product":"iPhone 15"}"#, #"{"order_number":"1001"}"#])
        #expect(answer.chunks.last?["choices"]?[0]?["finish_reason"] == "tool_calls")
    }

    @Test(arguments: [
        ("What are your opening hours?", "search_knowledge", #"{"query":"What are your opening hours"}"#),
        ("how many USB-C chargers are available", "check_inventory", #"{"product":"USB-C chargers"}"#),
        ("Where is order 1002?", "get_order_status", #"{"order_number":"1002"}"#),
        ("My e-mail is ann@example.com.", "capture_lead", #"{"email":"ann@example.com"}"#),
    ])
    func `a question finds its tool`(question: String, name: String, arguments: String) async throws {
        let answer = try await ask(["stream": true, "tools": Self.tools], saying: question)
        let calls = assembled(answer.chunks)
        #expect(calls.map(\.name) == [name])
        #expect(calls.map(\.arguments) == [arguments])
    }

    @Test func `a tool's result is quoted`() async throws {
        let body: JSON = [
            "model": "m", "messages": [Self.user, Self.calls("c1"), Self.tool("c1")], "tools": Self.tools,
        ]
        let answer = try await withModel { _, client in try await client.complete(body) }
        #expect(answer.json?["choices"]?[0]?["message"]?["content"]?.string?.contains("5 in stock") == true)
    }

    // MARK: Misbehaviour

    @Test(
        arguments: [(429, nil, 2), (429, "insufficient_quota", nil), (400, nil, nil), (401, nil, nil), (500, nil, nil)]
            as [(Int, String?, Int?)]
    )
    func `an error has its status, code and wait`(status: Int, code: String?, wait: Int?) async throws {
        let step: JSON = .object(present: [
            "status": JSON(status), "code": code.map { JSON($0) }, "retry_after": wait.map { JSON($0) },
        ])
        let answer = try await ask(step: try #require(ModelStep(["error": step])))
        #expect(answer.status == status)
        if let code { #expect(answer.json?["error"]?["code"]?.string == code) }
        #expect(answer.headers["retry-after"] == wait.map { String($0) })
        #expect(answer.json?["error"]?["message"]?.string?.isEmpty == false)
    }

    @Test(arguments: [503, 529])
    func `overload is its own kind of error`(status: Int64) async throws {
        let answer = try await ask(step: try #require(ModelStep(["error": ["status": .integer(status)]])))
        #expect(answer.status == Int(status))
        #expect(answer.json?["error"]?["type"] == "overloaded_error")
    }

    @Test func `a truncated stream breaks off without its end`() async throws {
        let answer = try await ask(step: .truncated)
        #expect(answer.status == 200)
        #expect(!answer.isComplete)
        #expect(!answer.text.contains("[DONE]"))
        #expect(answer.chunks.allSatisfy { $0["choices"]?[0]?["finish_reason"] == .null })
    }

    @Test func `an error may come after 200`() async throws {
        let answer = try await ask(step: .errorEvent)
        #expect(answer.status == 200)
        #expect(answer.chunks.last?["error"]?["type"] == "server_error")
    }

    @Test func `garbage is a page, not JSON`() async throws {
        let answer = try await ask(step: .garbage)
        #expect(answer.json == nil)
        #expect(answer.text.contains("<html>"))
    }

    @Test func `bytes that are no text are really sent`() async throws {
        let answer = try await ask(step: .invalidUTF8)
        #expect(answer.bytes.contains(0xFF))
        #expect(answer.events.last == "[DONE]")
    }

    @Test func `an answer in single bytes is the same answer`() async throws {
        let answer = try await ask(step: .byteByByte)
        #expect(text(of: answer.chunks).contains("你好 👋🏽"))
    }

    @Test func `broken arguments, unknown tools, loops and colliding indexes are as they are called`() async throws {
        let broken = assembled(try await ask(step: .brokenToolJSON).chunks)
        #expect(broken.count == 1)
        #expect((try? JSON(parsing: broken.first?.arguments ?? "{}")) == nil)
        #expect(assembled(try await ask(step: .unknownTool).chunks).map(\.name) == ["launch_rocket"])
        #expect(assembled(try await ask(step: .toolLoop).chunks).map(\.name) == ["check_inventory"])
        let deltas = try await ask(step: .collidingIndexes).chunks.compactMap { delta($0)?["tool_calls"]?[0] }
        #expect(Set(deltas.compactMap { $0["id"]?.string }).count == 2)
        #expect(deltas.allSatisfy { $0["index"] == 0 })
    }

    @Test func `usage can be missing and the answer empty`() async throws {
        let silent = try await ask(step: .withoutUsage)
        #expect(silent.events.last == "[DONE]")
        #expect(silent.chunks.allSatisfy { $0["usage"] == nil })
        #expect(text(of: try await ask(step: .empty).chunks).isEmpty)
    }

    @Test func `the long answer is past every channel's limit`() async throws {
        let markdown = text(of: try await ask(step: .longAnswer).chunks)
        #expect(markdown.count >= 9000)
        for part in ["# ", "```swift", "| Product |", "1. ", "   - "] { #expect(markdown.contains(part)) }
    }

    @Test(arguments: [ModelStep.hang, .hangMidStream])
    func `hanging ends when the emulator's patience does`(step: ModelStep) async throws {
        let model = EmulatedModel(hanging: .milliseconds(20))
        model.enqueue(step)
        let answer = try await withModel(model) { _, client in
            try await client.complete(["model": "m", "messages": [Self.user], "stream": true])
        }
        #expect(!answer.text.contains("[DONE]"))
    }

    // MARK: Control

    @Test func `the script is set and counted over HTTP`() async throws {
        try await withModel { model, client in
            let set = try await client.send(
                "PUT",
                "/emulator/model",
                ["mode": "long_answer", "steps": [["text": "first"], ["error": ["status": 500]]], "delay_ms": 1]
            )
            #expect(set.json?["steps"] == 2)
            let body: JSON = ["model": "m", "messages": [Self.user]]
            #expect(try await client.complete(body).text.contains("first"))
            #expect(try await client.complete(body).status == 500)
            #expect(try await client.complete(body).text.contains("The long answer"))
            let report = try await client.get("/emulator/model")
            #expect(report.json?["requests"] == 3)
            #expect(report.json?["mode"] == "long_answer")
            #expect((report.json?["usage"]?["completion_tokens"]?.int ?? 0) > 1000)
            #expect(try await client.send("PUT", "/emulator/model", ["mode": "no such"]).status == 400)
            #expect(try await client.send("PUT", "/emulator/model", ["steps": [["no": "step"]]]).status == 400)
            #expect(model.requestCount == 3)
        }
    }

    @Test func `the models are listed`() async throws {
        let answer = try await withModel { _, client in
            try await client.get("/openai/v1/models", headers: [("authorization", "Bearer x")])
        }
        #expect(answer.json?["data"]?[0]?["id"] == "echo-agent")
    }
}

// MARK: Helpers

extension ModelTests {
    static let user: JSON = ["role": "user", "content": "Do you have iPhone 15 in stock?"]
    static let tools: JSON = [
        offer("check_inventory", "object", "product"), offer("get_order_status", "object", "order_number"),
        offer("search_knowledge", "object", "query"), offer("capture_lead", "object", "email"),
    ]

    static func offer(_ name: String, _ type: String, _ parameter: String = "q") -> JSON {
        [
            "type": "function",
            "function": [
                "name": JSON(name),
                "parameters": [
                    "type": JSON(type),
                    "properties": .object(JSONObject([.init(key: parameter, value: ["type": "string"])])),
                ],
            ],
        ]
    }

    static func calls(_ ids: String...) -> JSON {
        let calls = ids.map { id -> JSON in
            ["id": JSON(id), "type": "function", "function": ["name": "check_inventory", "arguments": "{}"]]
        }
        return ["role": "assistant", "content": .null, "tool_calls": .array(calls)]
    }

    static func tool(_ id: String) -> JSON { ["role": "tool", "tool_call_id": JSON(id), "content": "5 in stock"] }

    private func withModel<Result: Sendable>(
        _ model: EmulatedModel = EmulatedModel(),
        _ body: (EmulatedModel, LocalClient) async throws -> Result
    ) async throws -> Result {
        try await withServer(
            mounting: { world, logger in
                EmulatorService(world: world, port: 0, logger: logger, moreRoutes: { model.addRoutes(to: $0) })
            },
            { client in try await body(model, client) }
        )
    }

    private func ask(_ options: JSON, saying text: String) async throws -> LocalClient.Answer {
        var body: JSON = ["model": "echo-agent", "messages": [["role": "user", "content": JSON(text)]]]
        for member in options.object?.members ?? [] { body[member.key] = member.value }
        let request = body
        return try await withModel { _, client in try await client.complete(request) }
    }

    private func ask(step: ModelStep) async throws -> LocalClient.Answer {
        let model = EmulatedModel()
        model.enqueue(step)
        let body: JSON = [
            "model": "m", "messages": [Self.user], "tools": Self.tools, "stream": true,
            "stream_options": ["include_usage": true],
        ]
        return try await withModel(model) { _, client in try await client.complete(body) }
    }

    private func delta(_ chunk: JSON) -> JSON? { chunk["choices"]?[0]?["delta"] }

    private func text(of chunks: [JSON]) -> String { chunks.compactMap { delta($0)?["content"]?.string }.joined() }

    private func assembled(_ chunks: [JSON]) -> [(name: String, arguments: String)] {
        var calls: [(name: String, arguments: String)] = []
        for fragment in chunks.compactMap({ delta($0)?["tool_calls"]?[0] }) {
            if let name = fragment["function"]?["name"]?.string { calls.append((name, "")) }
            guard let index = fragment["index"]?.int, calls.indices.contains(Int(index)) else { continue }
            calls[Int(index)].arguments += fragment["function"]?["arguments"]?.string ?? ""
        }
        return calls
    }
}

extension LocalClient {
    fileprivate func complete(_ body: JSON) async throws -> Answer {
        try await send(
            "POST",
            "/openai/v1/chat/completions",
            headers: [("authorization", "Bearer test"), ("content-type", "application/json")],
            body
        )
    }
}
