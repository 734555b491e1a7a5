import AgentKit
import ParleyCore
import ParleyTesting
import Synchronization
import Testing

@Suite struct AgentLoopTests {
    @Test func `an answer without tools is the reply`() async throws {
        let stage = Stage([.success(.text(" Hello! "))])
        let run = try await stage.run()
        #expect(run.text == "Hello!")
        #expect(run.outcome == .answered)
        #expect(run.usage == .scripted)
        #expect(run.steps == 1)
        #expect(run.model == "scripted")
        #expect(run.notes == [AgentNote(step: "model", verdict: "ok", rule: "scripted", value: "100/10/20")])
    }

    @Test func `a tool's result goes back to the model and its effects to the turn`() async throws {
        let lead = ToolEffect.captureLead(LeadDetails(email: "ann@example.com"))
        let stock = ScriptedTool("stock") { arguments in
            ToolResult("5 of \(arguments["sku"]?.string ?? "?")", effects: [lead])
        }
        let stage = Stage(
            [.success(.calls(.stock("iphone"), text: "Let me look.")), .success(.text("Five."))],
            [stock]
        )
        let run = try await stage.run()
        #expect(run.text == "Five.")
        #expect(run.effects == [lead])
        #expect(run.usage == ModelUsage(input: 200, cached: 20, output: 40))
        #expect(run.executions.map(\.tool) == ["stock"])
        #expect(run.executions.first?.isError == false)
        // printf '5 of iphone' | sha256sum
        #expect(
            run.executions.first?.resultDigest == "92604115e51a339a18c0baaa93ea54f2f5ed0fa869ff47c215954f5667eec877"
        )
        let second = try #require(stage.model.requests.last)
        #expect(
            second.messages == [
                .user(text: "Hi", name: nil),
                .assistant(text: "Let me look.", toolCalls: [.stock("iphone")]),
                .toolResult(callID: "call_iphone", name: "stock", content: "5 of iphone"),
            ]
        )
        #expect(second.tools.map(\.name) == ["stock"])
    }

    @Test func `tools of one step run at the same time and answer in the order of the calls`() async throws {
        let meeting = Meeting(of: 3)
        let stock = ScriptedTool("stock") { arguments in
            // Nobody goes on before all three are here; one after the other would never end.
            await meeting.arrive()
            return ToolResult(arguments["sku"]?.string ?? "?")
        }
        let stage = Stage(
            [.success(.calls(.stock("a"), .stock("b"), .stock("c"))), .success(.text("Done."))],
            [stock]
        )
        let run = try await stage.run()
        #expect(stage.results == ["a", "b", "c"])
        #expect(run.executions.map(\.arguments) == [#"{"sku":"a"}"#, #"{"sku":"b"}"#, #"{"sku":"c"}"#])
    }

    @Test func `a tool that does not answer in time is given up and the model is told`() async throws {
        let clock = ManualClock()
        let slow = ScriptedTool("stock") { _ in
            try? await clock.sleep(for: .seconds(3600))
            return ToolResult("too late")
        }
        let stage = Stage([.success(.calls(.stock("a"))), .success(.text("Not now."))], [slow], clock: clock)
        async let result = stage.run()
        // The turn's model call has slept and woken by now; the tool and its limit sleep.
        await clock.untilSleeping(2)
        clock.advance(by: Limits.toolTimeout)
        let run = try await result
        #expect(run.text == "Not now.")
        #expect(stage.results.first?.contains("in time") == true)
        #expect(run.executions.first?.isError == true)
        #expect(run.executions.first?.milliseconds == 5000)
        #expect(run.notes.contains { $0.step == "tool" && $0.verdict == "timeout" && $0.rule == "stock" })
    }

    @Test(arguments: [
        (ToolCall(id: "1", name: "weather", arguments: "{}"), "no tool named 'weather'", "unknown"),
        (ToolCall(id: "1", name: "stock", arguments: #"{"sku":"#), "not JSON", "invalid"),
        (ToolCall(id: "1", name: "stock", arguments: "[]"), "must be a JSON object", "invalid"),
        (ToolCall(id: "1", name: "stock", arguments: ""), "'sku' is required", "invalid"),
        (ToolCall(id: "1", name: "stock", arguments: #"{"sku":5}"#), "'sku' must be string", "invalid"),
        (ToolCall(id: "1", name: "stock", arguments: #"{"sku":"a","n":1.5}"#), "'n' must be integer", "invalid"),
        (ToolCall(id: "1", name: "stock", arguments: #"{"sku":"a","size":"XS"}"#), "one of \"S\", \"M\"", "invalid"),
        (ToolCall(id: "1", name: "stock", arguments: #"{"sku":"a","tags":["x",1]}"#), "'tags[1]'", "invalid"),
    ])
    func `a wrong call is explained to the model, which may correct itself`(
        call: ToolCall,
        reason: String,
        verdict: String
    ) async throws {
        let calls = Counter()
        let stock = ScriptedTool("stock", parameters: Self.schema) { _ in
            calls.increment()
            return ToolResult("5")
        }
        let stage = Stage([.success(.calls(call)), .success(.calls(.stock("a"))), .success(.text("Five."))], [stock])
        let run = try await stage.run()
        #expect(stage.results.first?.hasPrefix("Error: ") == true)
        #expect(stage.results.first?.contains(reason) == true)
        #expect(run.text == "Five.")
        #expect(calls.value == 1)
        #expect(run.executions.map(\.isError) == [true, false])
        #expect(run.notes.contains { $0.verdict == verdict })
    }

    @Test(arguments: [
        #"{"sku":"a"}"#, #"{"sku":"a","n":2}"#, #"{"sku":"a","n":2.0}"#, #"{"sku":"a","n":null}"#,
        #"{"sku":"a","size":"M","tags":["x"],"more":true}"#,
    ])
    func `a call that fits the schema is made`(arguments: String) async throws {
        let stock = ScriptedTool("stock", parameters: Self.schema) { _ in ToolResult("5") }
        let call = ToolCall(id: "1", name: "stock", arguments: arguments)
        let stage = Stage([.success(.calls(call)), .success(.text("Five."))], [stock])
        _ = try await stage.run()
        #expect(stage.results == ["5"])
    }

    @Test func `an identical call is answered from the first one, and its effects count once`() async throws {
        let calls = Counter()
        let lead = ToolEffect.captureLead(LeadDetails(name: "Ann"))
        let save = ScriptedTool("save", isReadOnly: false) { _ in
            calls.increment()
            return ToolResult("saved", effects: [lead])
        }
        let first = ToolCall(id: "1", name: "save", arguments: #"{"a":1,"b":2}"#)
        let again = ToolCall(id: "2", name: "save", arguments: #"{ "b": 2, "a": 1 }"#)
        let later = ToolCall(id: "3", name: "save", arguments: #"{"a":1,"b":2}"#)
        let stage = Stage([.success(.calls(first, again)), .success(.calls(later)), .success(.text("Done."))], [save])
        let run = try await stage.run()
        #expect(calls.value == 1)
        #expect(stage.results == ["saved", "saved", "saved"])
        #expect(run.effects == [lead])
        #expect(run.executions.count == 1)
    }

    @Test func `a tool's result is cut to its limit`() async throws {
        let chatty = ScriptedTool("stock") { _ in ToolResult(String(repeating: "é", count: 100_000)) }
        let stage = Stage([.success(.calls(.stock("a"))), .success(.text("Long."))], [chatty])
        _ = try await stage.run()
        let result = try #require(stage.results.first)
        #expect(result.utf8.count <= Limits.toolResultBytes)
        #expect(result.hasSuffix("é…"))
    }

    @Test func `a model that never stops calling tools is made to answer in its last step`() async throws {
        let calls = Counter()
        let stock = ScriptedTool("stock") { _ in
            calls.increment()
            return ToolResult("5")
        }
        let model = ScriptedModel(
            lines: [],
            last: { request in
                guard !request.tools.isEmpty else { return .success(.text("Here is what I know.")) }
                return .success(.calls(.stock("\(request.messages.count)")))
            }
        )
        let stage = Stage(model, [stock])
        let run = try await stage.run()
        #expect(run.text == "Here is what I know.")
        #expect(run.outcome == .answered)
        #expect(run.steps == Limits.stepsPerTurn)
        #expect(stage.model.requests.count == Limits.stepsPerTurn)
        #expect(calls.value == Limits.stepsPerTurn - 1)
    }

    @Test(arguments: [("", AgentLoop.apology), ("Still looking.", "Still looking.")])
    func `a model that calls tools even without having any ends at the limit`(text: String, reply: String) async throws
    {
        let stock = ScriptedTool("stock") { _ in ToolResult("5") }
        let stage = Stage(ScriptedModel(always: .success(.calls(.stock("a"), text: text))), [stock])
        let run = try await stage.run()
        #expect(run.text == reply)
        #expect(run.outcome == .limited)
        #expect(stage.model.requests.count == Limits.stepsPerTurn)
        #expect(run.notes.contains { $0.step == "limit" && $0.rule == "stepsPerTurn" })
    }

    @Test func `no more tool calls are made than a turn may make`() async throws {
        let calls = Counter()
        let stock = ScriptedTool("stock") { _ in
            calls.increment()
            return ToolResult("5")
        }
        let many = ModelResponse(
            text: "",
            toolCalls: (0..<20).map { .stock("\($0)") },
            finish: .toolCalls,
            usage: .scripted,
            model: "scripted"
        )
        let stage = Stage([.success(many), .success(.text("Enough."))], [stock])
        let run = try await stage.run()
        #expect(calls.value == Limits.toolCallsPerTurn)
        #expect(stage.results.count == 20)
        #expect(stage.results.last?.contains("limit") == true)
        #expect(stage.model.requests.last?.tools.isEmpty == true)
        #expect(run.text == "Enough.")
        #expect(run.notes.contains { $0.step == "limit" && $0.rule == "toolCallsPerTurn" })
    }

    @Test(arguments: [
        ("<think>He greets me.</think>Hello!", "Hello!"),
        ("<think>a</think>\nHello <think>b</think>there", "Hello there"),
        ("He greets me.</think>Hello!", "Hello!"),
        ("Hello!<think>cut off", "Hello!"),
        ("1 < 2 and <b>bold</b>", "1 < 2 and <b>bold</b>"),
    ])
    func `what a model thinks aloud is not said`(text: String, reply: String) async throws {
        let run = try await Stage([.success(.text(text))]).run()
        #expect(run.text == reply)
    }

    private static let schema: JSON = [
        "type": "object",
        "required": ["sku"],
        "properties": [
            "sku": ["type": "string"],
            "n": ["type": "integer"],
            "size": ["enum": ["S", "M"]],
            "tags": ["type": "array", "items": ["type": "string"]],
        ],
    ]
}

/// A loop with everything around it.
struct Stage: Sendable {
    let model: ScriptedModel
    let tools: [any Tool]
    let clock: any Clockwork
    var messages: [ModelMessage] = [.user(text: "Hi", name: nil)]

    init(_ script: [Result<ModelResponse, ModelError>], _ tools: [any Tool] = [], clock: any Clockwork = ManualClock())
    {
        self.init(ScriptedModel(script), tools, clock: clock)
    }

    init(_ model: ScriptedModel, _ tools: [any Tool] = [], clock: any Clockwork = ManualClock()) {
        self.model = model
        self.tools = tools
        self.clock = clock
    }

    func run() async throws -> AgentRun {
        let request = ModelRequest(model: "asked-for", instructions: "Be kind.", messages: messages, now: clock.now)
        let context = ToolContext(
            businessID: ID(at: clock.now),
            conversationID: ID(at: clock.now),
            contactID: ID(at: clock.now),
            channel: "telegram",
            now: clock.now
        )
        return try await AgentLoop(model: model, tools: tools, clock: clock).run(request, in: context)
    }

    /// The tool results that the model read last.
    var results: [String] {
        (model.requests.last?.messages ?? []).compactMap { message in
            if case .toolResult(_, _, let content) = message { content } else { nil }
        }
    }
}

extension ToolCall {
    static func stock(_ sku: String) -> ToolCall {
        ToolCall(id: "call_\(sku)", name: "stock", arguments: #"{"sku":"\#(sku)"}"#)
    }
}

final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}

/// Lets nobody go on before everybody has arrived.
private final class Meeting: Sendable {
    private struct State {
        var missing: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(of count: Int) { state = Mutex(State(missing: count)) }

    func arrive() async {
        await withCheckedContinuation { continuation in
            let released = state.withLock { state in
                state.missing -= 1
                state.waiting.append(continuation)
                guard state.missing <= 0 else { return [CheckedContinuation<Void, Never>]() }
                defer { state.waiting = [] }
                return state.waiting
            }
            for waiter in released { waiter.resume() }
        }
    }
}
