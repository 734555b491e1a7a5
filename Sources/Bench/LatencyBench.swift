import NIOCore
import ParleyCore
import Synchronization

/// What the gateway adds to a turn: from the moment at which a webhook should be sent until the platform has the reply,
/// less what the same model takes when it is called directly.
struct LatencyBench: Sendable {
    static let perSecond = 20
    static let conversations = 100

    let options: BenchOptions
    let bed: Bed
    let say: @Sendable (String) -> Void

    func run() async throws {
        let seconds = max(10, options.seconds)
        say(
            "\nLatency: open loop, \(Self.perSecond) webhooks/s for \(seconds) s over \(Self.conversations) conversations, no debounce"
        )
        for (title, model) in [("model over HTTP", "bench"), ("offline model", "offline")] {
            try await TurnBed.with(model: model, conversations: Self.conversations, bed) { turns in
                let direct = model == "bench" ? try await directCalls(turns) : 0
                // Opens contacts, conversations and connections; the second message of each conversation is measured.
                _ = try await run(turns, Self.conversations)
                let times = try await run(turns, Self.perSecond * seconds)
                say(title, times, direct)
            }
        }
    }

    private func say(_ title: String, _ times: Statistics, _ direct: Double) {
        say(
            "  \(title): whole turn p50 \(times.median.text(2)) ms, p95 \(times.quantile(0.95).text(2)), "
                + "p99 \(times.quantile(0.99).text(2)); the model itself \(direct.text(2)) ms; "
                + "added by the gateway p50 \((times.median - direct).text(2)) ms, "
                + "p95 \((times.quantile(0.95) - direct).text(2)), p99 \((times.quantile(0.99) - direct).text(2)) "
                + "(\(times.count) turns)"
        )
    }

    private final class Times: Sendable {
        struct State {
            var sent: [Int: NIODeadline] = [:]
            var milliseconds: [Double] = []
        }
        let state = Mutex(State())
    }

    /// Milliseconds of every turn, counted from when it should have begun.
    private func run(_ turns: TurnBed, _ count: Int) async throws -> Statistics {
        let times = Times()
        var behaviour = Mocks.Behaviour()
        behaviour.replied = { channel in
            let now = NIODeadline.now()
            times.state.withLock { state in
                guard let conversation = SlackWebhooks.conversation(channel),
                    let sent = state.sent.removeValue(forKey: conversation)
                else { return }
                state.milliseconds.append(Double((now - sent).nanoseconds) / 1e6)
            }
        }
        turns.mocks.behave(behaviour)
        let loop = turns.line.eventLoop
        let start = NIODeadline.now() + .milliseconds(100)
        for number in 0..<count {
            let due = start + .nanoseconds(Int64(number) * 1_000_000_000 / Int64(Self.perSecond))
            let conversation = number % Self.conversations
            loop.scheduleTask(deadline: due) {
                times.state.withLock { $0.sent[conversation] = due }
                turns.post(in: conversation)
            }
        }
        let isDone = try await settle(within: count / Self.perSecond + 20) {
            times.state.withLock { $0.milliseconds.count } >= count
        }
        guard isDone else {
            throw BenchError("\(times.state.withLock { $0.milliseconds.count }) of \(count) turns were answered")
        }
        return Statistics(times.state.withLock { $0.milliseconds })
    }

    /// The median of calls to the mock model over one connection, in milliseconds.
    private func directCalls(_ turns: TurnBed) async throws -> Double {
        let body =
            #"{"model":"bench","stream":true,"messages":[{"role":"user","content":"\#(String(repeating: "x", count: 1000))"}]}"#
        let request = ByteBuffer(
            string: "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        let times = Times()
        let count = 500
        let line = try await Line.open(1, to: turns.port, on: bed.loops) { _ in
            let now = NIODeadline.now()
            return times.state.withLock { state in
                if let sent = state.sent[0] { state.milliseconds.append(Double((now - sent).nanoseconds) / 1e6) }
                guard state.milliseconds.count < count else { return nil }
                state.sent[0] = now
                return request
            }
        }
        times.state.withLock { $0.sent[0] = .now() }
        line.send(request)
        _ = try await settle(within: 10) { times.state.withLock { $0.milliseconds.count } >= count }
        await line.close()
        return Statistics(times.state.withLock { $0.milliseconds }).median
    }
}
