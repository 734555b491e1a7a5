import AgentKit
import ParleyCore
import ParleyTesting
import Testing

@Suite struct ModelFailureTests {
    /// Everything that may go wrong with a model, for good.
    static let failures: [Result<ModelResponse, ModelError>] = [
        .failure(.rateLimited(retryAfter: nil)),
        .failure(.rateLimited(retryAfter: .seconds(3))),
        .failure(.rateLimited(retryAfter: .seconds(100_000))),
        .failure(.rateLimited(retryAfter: .seconds(-5))),
        .failure(.unavailable(reason: "server_error", retryAfter: nil)),
        .failure(.unavailable(reason: "overloaded", retryAfter: .milliseconds(20))),
        .failure(.timedOut(phase: "first byte")),
        .failure(.connection),
        .failure(.malformed(reason: "truncated")),
        .failure(.refused(status: 400, reason: "invalid_prompt")),
        .failure(.refused(status: 404, reason: "model_not_found")),
        .failure(.contextTooLong),
        .failure(.unauthorised(status: 401)),
        .failure(.unauthorised(status: 403)),
        .failure(.quotaExhausted),
        .failure(.cancelled),
        .success(.text("")),
        .success(.text(" \n ")),
        .success(.text("", finish: .length)),
        .success(.text("", finish: .contentFilter)),
        .success(.text("<think>All of it was thought", finish: .length)),
        .success(.text("<think>Hm.</think>")),
        .success(.text("", finish: .toolCalls)),
    ]

    @Test(arguments: failures)
    func `whatever fails, the customer reads the apology`(failure: Result<ModelResponse, ModelError>) async throws {
        let stage = Stage(ScriptedModel(always: failure), clock: RunningClock())
        let run = try await stage.run()
        #expect(run.text == AgentLoop.apology)
        #expect(run.outcome == .apologised)
        #expect(run.notes.last?.verdict == "failed")
        #expect(stage.model.requests.count <= Limits.modelAttempts)
    }

    @Test(arguments: failures)
    func `a failure after a tool call keeps what the tool did`(
        failure: Result<ModelResponse, ModelError>
    ) async throws {
        let save = ScriptedTool("stock", isReadOnly: false) { _ in
            ToolResult("saved", effects: [.handOver(reason: "asked")])
        }
        let script = [.success(.calls(.stock("a")))] + Array(repeating: failure, count: 9)
        let run = try await Stage(script, [save], clock: RunningClock()).run()
        #expect(run.text == AgentLoop.apology)
        #expect(run.effects == [.handOver(reason: "asked")])
        #expect(run.executions.count == 1)
        #expect(run.usage.input >= 100)
    }

    @Test func `a passing failure is retried and the answer is given`() async throws {
        let clock = RunningClock()
        let stage = Stage(
            [.failure(.connection), .failure(.timedOut(phase: "idle")), .success(.text("Hi."))],
            clock: clock
        )
        let run = try await stage.run()
        #expect(run.text == "Hi.")
        #expect(run.steps == 1)
        #expect(run.notes.map(\.verdict) == ["retry", "retry", "ok"])
        #expect(clock.waits.count == 2)
        #expect(clock.waits.allSatisfy { $0 >= .milliseconds(250) && $0 <= .seconds(1) })
    }

    @Test func `attempts end, and each step has its own`() async throws {
        let stock = ScriptedTool("stock") { _ in ToolResult("5") }
        let stage = Stage(
            [
                .failure(.connection), .failure(.connection), .success(.calls(.stock("a"))),
                .failure(.connection), .failure(.connection), .success(.text("Five.")),
            ],
            [stock],
            clock: RunningClock()
        )
        #expect(try await stage.run().text == "Five.")

        let hopeless = Stage(ScriptedModel(always: .failure(.connection)), clock: RunningClock())
        #expect(try await hopeless.run().outcome == .apologised)
        #expect(hopeless.model.requests.count == Limits.modelAttempts)
    }

    @Test func `a provider's Retry-After is waited out, neither less nor more`() async throws {
        let clock = RunningClock()
        let stage = Stage([.failure(.rateLimited(retryAfter: .seconds(17))), .success(.text("Hi."))], clock: clock)
        #expect(try await stage.run().text == "Hi.")
        #expect(clock.waits == [.seconds(17)])
    }

    @Test func `a Retry-After beyond the turn's deadline is not waited for`() async throws {
        let clock = RunningClock()
        let stage = Stage([.failure(.rateLimited(retryAfter: .seconds(120))), .success(.text("Hi."))], clock: clock)
        let run = try await stage.run()
        #expect(run.outcome == .apologised)
        #expect(clock.waits.isEmpty)
        #expect(stage.model.requests.count == 1)
    }

    @Test func `a failure that asking again cannot help is not retried`() async throws {
        for error in [ModelError.quotaExhausted, .unauthorised(status: 401), .refused(status: 400, reason: "x")] {
            let stage = Stage(ScriptedModel(always: .failure(error)), clock: RunningClock())
            _ = try await stage.run()
            #expect(stage.model.requests.count == 1)
        }
    }

    @Test func `a model that hangs is given up at the turn's deadline`() async throws {
        let clock = ManualClock()
        let model = ScriptedModel(
            lines: [],
            last: { _ in
                do { try await clock.sleep(for: .seconds(100_000)) } catch { return .failure(.cancelled) }
                return .success(.text("too late"))
            }
        )
        let stage = Stage(model, clock: clock)
        async let result = stage.run()
        await clock.untilSleeping(2)
        clock.advance(by: Limits.turnDeadline)
        let run = try await result
        #expect(run.outcome == .limited)
        #expect(run.text == AgentLoop.apology)
        #expect(run.notes.contains { $0.step == "limit" && $0.rule == "turnDeadline" })
    }

    @Test func `a cancelled turn ends without a run`() async throws {
        let clock = ManualClock()
        let model = ScriptedModel(
            lines: [],
            last: { _ in
                do { try await clock.sleep(for: .seconds(100_000)) } catch { return .failure(.cancelled) }
                return .success(.text("too late"))
            }
        )
        let stage = Stage(model, clock: clock)
        await #expect(throws: CancellationError.self) {
            try await withThrowingTaskGroup(of: AgentRun.self) { group in
                group.addTask { try await stage.run() }
                await clock.untilSleeping(2)
                group.cancelAll()
                for try await _ in group {}
            }
        }
    }

    @Test func `a conversation that is too long loses its oldest messages once, and no pair is torn`() async throws {
        let long = String(repeating: "word ", count: 100)
        var stage = Stage([.failure(.contextTooLong), .success(.text("Hi."))])
        stage.messages = (0..<6).flatMap { number -> [ModelMessage] in
            [
                .user(text: "\(number) \(long)", name: nil),
                .assistant(text: "", toolCalls: [.stock("\(number)")]),
                .toolResult(callID: "call_\(number)", name: "stock", content: long),
                .assistant(text: long, toolCalls: []),
            ]
        }
        stage.messages.append(.user(text: "And now?", name: nil))
        let run = try await stage.run()
        #expect(run.text == "Hi.")
        let asked = try #require(stage.model.requests.last).messages
        #expect(asked.count < stage.messages.count)
        #expect(asked == Array(stage.messages.suffix(asked.count)))
        #expect(asked.count > 1)
        if case .user = asked.first {} else { Issue.record("begins in the middle of a pair") }
        #expect(run.notes.map(\.verdict) == ["shortened", "ok"])
    }

    @Test func `a single question with too long a tool result has the result cut`() async throws {
        let stock = ScriptedTool("stock") { _ in ToolResult(String(repeating: "x", count: 60_000)) }
        let stage = Stage(
            [.success(.calls(.stock("a"))), .failure(.contextTooLong), .success(.text("Hi."))],
            [stock]
        )
        #expect(try await stage.run().text == "Hi.")
        #expect(stage.model.requests.last?.messages.count == 3)
        #expect((stage.results.first?.utf8.count ?? .max) <= 4096)
    }
}
