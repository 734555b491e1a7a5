import NIOCore
import ParleyCore
import Synchronization

/// Whole turns per second and what they cost: webhook → model → tool → model → reply → usage, all committed.
struct TurnBench: Sendable {
    static let conversations = 64

    let options: BenchOptions
    let bed: Bed
    let say: @Sendable (String) -> Void

    func run() async throws {
        let seconds = max(10, options.seconds)
        say("\nTurns: closed loop, \(Self.conversations) conversations, one tool call each, no debounce, \(seconds) s")
        try await TurnBed.with(model: "bench", conversations: Self.conversations, bed) { turns in
            let isOn = Switch()
            var behaviour = Mocks.Behaviour(callsTool: true)
            behaviour.replied = { channel in
                guard isOn.value, let conversation = SlackWebhooks.conversation(channel) else { return }
                turns.post(in: conversation)
            }
            turns.mocks.behave(behaviour)
            for conversation in 0..<Self.conversations { turns.post(in: conversation) }
            try await Task.sleep(for: .seconds(2))
            let work = try await DatabaseWork.begin(bed)
            let before = (turns: turns.mocks.messages.count, cpu: turns.server.cpuSeconds, at: NIODeadline.now())
            try await Task.sleep(for: .seconds(seconds))
            let count = turns.mocks.messages.count - before.turns
            let cpu = turns.server.cpuSeconds - before.cpu
            let elapsed = Double((NIODeadline.now() - before.at).nanoseconds) / 1e9
            let used = try await work?.end(over: count)
            isOn.turnOff()
            let total = Int64(turns.mocks.messages.count)
            var rows: JSON = [:]
            let isWhole = try await settle(within: 15) {
                rows = try await turns.server.rows(bed)
                let sent = Int64(turns.mocks.messages.count)
                return sent >= total
                    && ["inbox", "turns", "tools", "delivered", "usage"].allSatisfy { rows[$0]?.int == sent }
            }
            guard isWhole, turns.refused.count == 0, count > 0 else {
                throw BenchError(
                    "\(turns.mocks.messages.count) replies, \(turns.refused.count) refusals, but rows: \(rows)"
                )
            }
            say(
                """
                  turns                  \((Double(count) / elapsed).text())/s
                  CPU of the server      \((cpu / Double(count) * 1000).text(2)) s per 1,000 turns
                  all on disk            \(turns.mocks.messages.count) webhooks = turns = tool calls = replies = usage
                """
            )
            if let used { say(used.description) }
        }
        try await acknowledgingMeanwhile(seconds)
    }

    /// How quickly webhooks are acknowledged while turns are made of them, with the debounce that operators get.
    private func acknowledgingMeanwhile(_ seconds: Int) async throws {
        let conversations = AcceptBench.conversations
        try await TurnBed.with(model: "bench", debounce: 500, conversations: conversations, bed) { turns in
            let acks = Counter()
            let isOn = Switch()
            let line = try await Line.open(options.connections, to: turns.server.port, on: bed.loops) { status in
                let number = acks.add(status == 200 ? 1 : 0)
                return isOn.value ? turns.webhook(in: number % conversations) : nil
            }
            let start = NIODeadline.now()
            line.sendOnEach { turns.webhook(in: 0) }
            try await Task.sleep(for: .seconds(seconds))
            let (count, replies) = (acks.count, turns.mocks.messages.count)
            let elapsed = Double((NIODeadline.now() - start).nanoseconds) / 1e9
            isOn.turnOff()
            say(
                "  with everything running: \((Double(count) / elapsed).text()) acks/s "
                    + "beside \((Double(replies) / elapsed).text()) turns/s (\(options.connections) connections, closed loop, debounce 500 ms)"
            )
            await line.close()
        }
    }
}

/// On until it is turned off.
final class Switch: Sendable {
    private let isOff = Atomic<Bool>(false)

    func turnOn() { isOff.store(false, ordering: .relaxed) }

    var value: Bool { !isOff.load(ordering: .relaxed) }
    func turnOff() { isOff.store(true, ordering: .relaxed) }
}
