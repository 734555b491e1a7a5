import Hummingbird
import NIOCore
import ParleyCore
import ServiceLifecycle
import Synchronization

/// An OpenAI-compatible model under `/openai/v1` that follows a script: strict about what it is sent, deterministic in
/// what it says, and able to misbehave in every way that a client must survive (``ModelStep``).
///
/// `PUT /emulator/model` sets `{"mode": step name, "steps": [step…], "delay_ms": n, "delays_ms": {model: n}}`; `GET /emulator/model` counts.
package final class EmulatedModel: Sendable {
    private struct State {
        var mode = ModelStep.agent
        var modeName = "echo-agent"
        var steps: [ModelStep] = []
        var delay: Duration = .zero
        /// Of single models, by name.
        var delays: [String: Duration] = [:]
        var requests = 0
        var refused = 0
        var promptTokens = 0
        var completionTokens = 0
        var calls = 0
    }

    private let state = Mutex(State())
    private let clock: any Clockwork
    private let apiKey: String?
    /// How long the hanging steps hang: longer than a client's patience, shorter than a test run's.
    private let hanging: Duration

    /// With a nil `apiKey` any bearer token is accepted.
    package init(apiKey: String? = nil, clock: any Clockwork = SystemClock(), hanging: Duration = .seconds(180)) {
        self.apiKey = apiKey
        self.clock = clock
        self.hanging = hanging
    }

    /// Requests for a completion so far, refused ones included.
    package var requestCount: Int { state.withLock { $0.requests } }

    /// The next request gets this instead of the mode's answer. Steps queue up.
    package func enqueue(_ step: ModelStep) { state.withLock { $0.steps.append(step) } }

    /// What requests get when no step is queued.
    package func setMode(_ step: ModelStep) {
        state.withLock { state in
            state.mode = step
            state.modeName = ModelStep.named.first { $0.value == step }?.key ?? "script"
        }
    }

    /// How long every answer waits for its first byte.
    package func setDelay(_ delay: Duration) { state.withLock { $0.delay = delay } }

    /// Mounts `/openai/v1/chat/completions`, `/openai/v1/models` and `/emulator/model`.
    package func addRoutes(to router: Router<BasicRequestContext>) {
        router.post("/openai/v1/chat/completions") { request, _ in try await self.complete(request) }
        router.get("/openai/v1/models") { request, _ in self.models(request) }
        router.get("/emulator/model") { _, _ in JSONReply.make(self.report) }
        router.put("/emulator/model") { request, _ in try await self.configure(request) }
    }
}

// MARK: Completions

extension EmulatedModel {
    private func complete(_ request: Request) async throws -> Response {
        let number = state.withLock { state in
            state.requests += 1
            return state.requests
        }
        let body = try await JSONReply.body(of: request)
        let chat: ChatRequest
        do throws(ModelFailure) {
            try authorise(request)
            chat = try ChatRequest(body: body)
        } catch {
            state.withLock { $0.refused += 1 }
            return refuse(error)
        }
        let (step, delay) = state.withLock { state in
            (state.steps.isEmpty ? state.mode : state.steps.removeFirst(), state.delays[chat.model] ?? state.delay)
        }
        try await wait(delay)
        return try await answer(chat, number, step)
    }

    private func answer(_ chat: ChatRequest, _ number: Int, _ step: ModelStep) async throws -> Response {
        switch step {
        case .failure(let failure):
            state.withLock { $0.refused += 1 }
            return refuse(failure)
        case .hang:
            try await wait(hanging)
            return refuse(.invalid("The emulator has hung for as long as it was told to."))
        case .garbage:
            let page = "<html><head><title>502 Bad Gateway</title></head><body>\u{1F4A5} nginx</body></html>"
            return JSONReply.bytes(Array(page.utf8), type: "text/html")
        default:
            let completion = completion(
                for: chat,
                number,
                step == .agent ? ScriptedAgent(request: chat).answer() : step
            )
            return chat.isStreaming
                ? stream(completion, chat, step)
                : JSONReply.bytes(whole(completion, step), type: "application/json", headers: headers(number))
        }
    }

    private func completion(for chat: ChatRequest, _ number: Int, _ step: ModelStep) -> ChatCompletion {
        var completion = ChatCompletion(
            id: "chatcmpl-emulated-\(number)",
            model: chat.model,
            created: clock.now.seconds,
            text: "",
            calls: []
        )
        let anyCall = ScriptedAgent(request: chat).anyCall()
        var calls: [ModelStep.ToolCall] = []
        switch step {
        case .text(let text): completion.text = text
        case .toolCalls(let given): calls = given
        case .longAnswer: completion.text = LongAnswer.markdown
        case .brokenToolJSON:
            calls = [ModelStep.ToolCall(name: anyCall?.name ?? "check_inventory", arguments: "{\"product\": \"iPho")]
        case .unknownTool: calls = [ModelStep.ToolCall(name: "launch_rocket", arguments: "{\"to\":\"the moon\"}")]
        case .toolLoop: calls = anyCall.map { [$0] } ?? []
        case .collidingIndexes:
            calls = anyCall.map { [$0, $0] } ?? []
            completion.ignoresIndex = true
        case .empty: break
        case .invalidUTF8: completion.text = "These bytes \u{FFFC} are not text."
        default: completion.text = "Bonjour, ça va? 你好 👋🏽 This is the emulated model speaking."
        }
        completion.calls = calls.enumerated().map { (id: "call_\(number)_\($0.offset)", call: $0.element) }
        let usage = ChatCompletion.Usage(
            prompt: chat.byteCount / 4 + 1,
            completion: (completion.text.utf8.count + calls.reduce(0) { $0 + $1.arguments.utf8.count + 8 }) / 4 + 1
        )
        completion.usage = step == .withoutUsage ? nil : usage
        state.withLock { state in
            state.promptTokens += usage.prompt
            state.completionTokens += usage.completion
            state.calls += calls.count
        }
        return completion
    }

    private func whole(_ completion: ChatCompletion, _ step: ModelStep) -> [UInt8] {
        let bytes = completion.whole.encoded()
        return switch step {
        case .truncated, .hangMidStream: Array(bytes.prefix(bytes.count / 2))
        case .invalidUTF8: spoilt(bytes)
        case .errorEvent: ModelFailure(status: 500, type: "server_error", message: "overloaded").json.encoded()
        default: bytes
        }
    }

    /// U+FFFC is EF BF BC; FF begins nothing in UTF-8.
    private func spoilt(_ bytes: [UInt8]) -> [UInt8] { bytes.map { $0 == 0xEF ? 0xFF : $0 } }

    private func authorise(_ request: Request) throws(ModelFailure) {
        let given = request.headers[.authorization] ?? ""
        guard given.hasPrefix("Bearer "), given.count > 7 else {
            throw ModelFailure(
                status: 401,
                type: "invalid_request_error",
                message: "You didn't provide an API key. You need to provide your API key in an Authorization header "
                    + "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
        }
        guard let apiKey, given.dropFirst(7) != apiKey else { return }
        throw ModelFailure(
            status: 401,
            type: "invalid_request_error",
            code: "invalid_api_key",
            message: "Incorrect API key provided."
        )
    }

    private func refuse(_ failure: ModelFailure) -> Response {
        var headers = headers(requestCount)
        headers["retry-after"] = failure.retryAfter.map { String($0) }
        return JSONReply.make(failure.json, status: failure.status, headers: headers)
    }

    private func headers(_ number: Int) -> [String: String] {
        [
            "x-request-id": "req_emulated_\(number)", "openai-processing-ms": "1",
            "x-ratelimit-limit-requests": "10000", "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-reset-requests": "6ms",
        ]
    }

    private func wait(_ duration: Duration) async throws {
        guard duration > .zero else { return }
        let clock = clock
        try await cancelWhenGracefulShutdown { try await clock.sleep(for: duration) }
    }
}

// MARK: Streams

extension EmulatedModel {
    /// The answer's bytes and the way in which they end.
    private func stream(_ completion: ChatCompletion, _ chat: ChatRequest, _ step: ModelStep) -> Response {
        var lines = completion.chunks(includingUsage: chat.includesUsage).map { Array("data: \($0)\n\n".utf8) }
        lines.append(Array("data: [DONE]\n\n".utf8))
        let half = max(1, lines.count / 2)
        switch step {
        case .hangMidStream, .truncated: lines = Array(lines.prefix(half))
        case .invalidUTF8: lines = lines.map(spoilt)
        case .errorEvent:
            let failure = ModelFailure(status: 500, type: "server_error", message: "The server had an error.")
            lines = Array(lines.prefix(half)) + [Array("data: \(failure.json)\n\n".utf8)]
        case .byteByByte: lines = lines.joined().map { [$0] }
        default: break
        }
        let pieces = lines
        return Response(
            status: .ok,
            headers: JSONReply.fields(headers(requestCount), type: "text/event-stream; charset=utf-8"),
            body: ResponseBody { writer in
                for piece in pieces { try await writer.write(ByteBuffer(bytes: piece)) }
                if step == .hangMidStream { try await self.wait(self.hanging) }
                // Breaking off without the last chunk makes the server close the connection.
                if step == .truncated { throw BrokenOff() }
                try await writer.finish(nil)
            }
        )
    }

    private struct BrokenOff: Error {}
}

// MARK: Models and control

extension EmulatedModel {
    private func models(_ request: Request) -> Response {
        do throws(ModelFailure) { try authorise(request) } catch { return refuse(error) }
        let models = ["echo-agent", "gpt-6-luna"].map { name -> JSON in
            ["id": JSON(name), "object": "model", "created": 1_763_000_000, "owned_by": "emulator"]
        }
        return JSONReply.make(["object": "list", "data": .array(models)])
    }

    private var report: JSON {
        state.withLock { state in
            [
                "requests": JSON(state.requests), "refused": JSON(state.refused), "mode": JSON(state.modeName),
                "steps": JSON(state.steps.count), "delay_ms": JSON(state.delay.milliseconds),
                "tool_calls": JSON(state.calls),
                "usage": [
                    "prompt_tokens": JSON(state.promptTokens), "completion_tokens": JSON(state.completionTokens),
                    "total_tokens": JSON(state.promptTokens + state.completionTokens),
                ],
            ]
        }
    }

    private func configure(_ request: Request) async throws -> Response {
        guard let json = try? JSON(parsing: try await JSONReply.body(of: request)), json.object != nil else {
            return JSONReply.make(["error": "The body must be a JSON object."], status: 400)
        }
        let given = json["steps"]?.array ?? []
        let steps = given.compactMap { ModelStep($0) }
        guard steps.count == given.count else {
            return JSONReply.make(["error": "Unknown step. See the documentation of ModelStep."], status: 400)
        }
        if let mode = json["mode"] {
            guard let step = ModelStep(mode) else {
                let names = ModelStep.named.keys.sorted().joined(separator: ", ")
                return JSONReply.make(["error": JSON("Unknown mode. Known: \(names).")], status: 400)
            }
            setMode(step)
        }
        state.withLock { state in
            if json["steps"] != nil { state.steps = steps }
            if let delay = json["delay_ms"]?.int { state.delay = .milliseconds(max(0, min(delay, 600_000))) }
            for member in json["delays_ms"]?.object?.members ?? [] {
                state.delays[member.key] = member.value.int.map { .milliseconds(max(0, min($0, 600_000))) }
            }
        }
        return JSONReply.make(report)
    }
}
