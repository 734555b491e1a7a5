import NIOCore
import ParleyApp
import ParleyCore
import Storage

/// What a turn costs in a PostgreSQL database with few stored messages, and in the same one with many.
struct GrowthBench: Sendable {
    static let conversations = 64
    static let few = 10_000

    let options: BenchOptions
    let bed: Bed
    let say: @Sendable (String) -> Void

    func run() async throws {
        let seconds = max(10, options.seconds)
        say(
            "\nGrowth: the turns of above, with \(Self.few) and with \(options.messages) stored messages, \(seconds) s each"
        )
        try await TurnBed.with(model: "bench", conversations: Self.conversations, bed) { turns in
            let isOn = Switch()
            let isIdle = Counter()
            var behaviour = Mocks.Behaviour(callsTool: true)
            behaviour.replied = { channel in
                guard let conversation = SlackWebhooks.conversation(channel) else { return }
                if isOn.value { turns.post(in: conversation) } else { _ = isIdle.add(1) }
            }
            turns.mocks.behave(behaviour)
            isOn.turnOff()
            for conversation in 0..<Self.conversations { turns.post(in: conversation) }
            guard try await settle(within: 60, { isIdle.count >= Self.conversations }) else {
                throw BenchError("the first turns were not answered")
            }
            guard let database = try await DatabaseWork.open(bed) else { throw BenchError("growth needs --postgres") }
            let business = try await newestBusiness(database)
            var costs: [Double] = []
            var filled = 0
            for messages in [Self.few, options.messages] {
                try await Growth.fill(database, turns: filled..<messages / 2, of: business)
                filled = messages / 2
                costs.append(try await measure(turns, isOn, isIdle, messages: messages, seconds: seconds))
            }
            await database.close()
            if let first = costs.first, let last = costs.last, first > 0 {
                say("  CPU of both, large ÷ small  \((last / first).text(2)) (goal: ≤ 1.25)")
            }
        }
    }

    private func newestBusiness(_ database: OpenDatabase) async throws -> ID<Business> {
        let row = try await database.read(.house) {
            try await $0.first("SELECT id FROM businesses ORDER BY id DESC LIMIT 1", [])
        }
        guard let row else { throw BenchError("there is no business") }
        return try row.id("id")
    }

    /// CPU milliseconds of gateway and server for a turn.
    private func measure(
        _ turns: TurnBed,
        _ isOn: Switch,
        _ isIdle: Counter,
        messages: Int,
        seconds: Int
    ) async throws -> Double {
        isOn.turnOn()
        try await turns.wake()
        let idleBefore = isIdle.count
        for conversation in 0..<Self.conversations { turns.post(in: conversation) }
        // Statements get their lasting plans, and pages into memory.
        try await Task.sleep(for: .seconds(5))
        guard let work = try await DatabaseWork.begin(bed) else { throw BenchError("growth needs --postgres") }
        let before = (turns: turns.mocks.messages.count, cpu: turns.server.cpuSeconds)
        try await Task.sleep(for: .seconds(seconds))
        let count = max(1, turns.mocks.messages.count - before.turns)
        let cpu = (turns.server.cpuSeconds - before.cpu) / Double(count) * 1000
        let cost = try await work.end(over: count)
        isOn.turnOff()
        guard turns.refused.count == 0 else { throw BenchError("\(turns.refused.count) webhooks were refused") }
        _ = try await settle(within: 60) { isIdle.count >= idleBefore + Self.conversations }
        say(
            """
              \(messages) messages: \(count) turns, load \(Machine.load)
              CPU of the server      \(cpu.text(2)) s per 1,000 turns
            \(cost)
              rows read by sequential scans of growing tables: \(cost.rowsScanned)
            """
        )
        return cpu + (cost.cpuMilliseconds ?? 0)
    }
}
