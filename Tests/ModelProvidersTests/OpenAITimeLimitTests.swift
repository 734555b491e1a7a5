import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Synchronization
import Testing

@Suite struct OpenAITimeLimitTests {
    @Test func `no first byte in time`() async throws {
        let clock = ManualClock()
        let model = Self.model(HangingTransport(pieces: nil, clock: clock), clock)
        async let error = Self.error(of: model, clock)
        await clock.untilSleeping(2)
        clock.advance(by: Limits.modelFirstByte)
        #expect(await error == .timedOut(phase: "first_byte"))
    }

    @Test func `no next byte in time`() async throws {
        let clock = ManualClock()
        let model = Self.model(HangingTransport(pieces: 1, clock: clock), clock)
        async let error = Self.error(of: model, clock)
        await clock.untilSleeping(2)
        clock.advance(by: Limits.modelIdle)
        #expect(await error == .timedOut(phase: "idle"))
    }

    @Test func `no end in time, although bytes keep coming`() async throws {
        let clock = ManualClock()
        let model = Self.model(HangingTransport(pieces: .max, clock: clock), clock)
        async let error = Self.error(of: model, clock)
        // A keep-alive every ten seconds; each wakes the transport, and the watch when it is due.
        for _ in 0..<6 {
            await clock.untilSleeping(2)
            clock.advance(by: .seconds(10))
        }
        #expect(await error == .timedOut(phase: "total"))
    }

    @Test func `a cancelled call says so`() async throws {
        let clock = ManualClock()
        let model = Self.model(HangingTransport(pieces: nil, clock: clock), clock)
        let error = await withTaskGroup(of: ModelError?.self) { group in
            group.addTask { await Self.error(of: model, clock) }
            await clock.untilSleeping(2)
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(error == .cancelled)
    }

    private static func model(_ transport: HangingTransport, _ clock: ManualClock) -> OpenAICompatibleModel {
        OpenAICompatibleModel(baseURL: "http://localhost/v1", apiKey: nil, transport: transport, clock: clock)
    }

    private static func error(of model: OpenAICompatibleModel, _ clock: ManualClock) async -> ModelError? {
        do throws(ModelError) {
            _ = try await model.respond(to: .question, on: clock)
            return nil
        } catch {
            return error
        }
    }
}

/// Sends the head and some keep-alives, ten seconds apart but the first, then nothing more.
private struct HangingTransport: HTTPTransport {
    /// nil: not even a head.
    let pieces: Int?
    let clock: ManualClock

    func send(_ call: HTTPCall) async throws -> HTTPAnswer { throw TransportError.notConnected }

    func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result {
        guard let pieces else {
            try await clock.sleep(for: .seconds(100_000))
            throw TransportError.noAnswer
        }
        let sent = Mutex(0)
        return try await body(
            HTTPStream(status: 200, headers: []) { [clock] in
                let number = sent.withLock { sent in
                    sent += 1
                    return sent
                }
                if number > pieces { try await clock.sleep(for: .seconds(100_000)) }
                if number > 1 { try await clock.sleep(for: .seconds(10)) }
                return Array(": keep-alive\n\n".utf8)
            }
        )
    }
}
