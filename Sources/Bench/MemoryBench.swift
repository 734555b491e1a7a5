import NIOCore
import ParleyCore

/// Resident memory: of `parley serve` with nothing to do, and of a turn that waits for a slow model.
struct MemoryBench: Sendable {
    static let waiting = 1000

    let bed: Bed
    let say: @Sendable (String) -> Void

    func run() async throws {
        say("\nMemory: resident set, from /proc")
        let serve = try await Child.serve(bed)
        try await Task.sleep(for: .seconds(2))
        say("  parley serve, idle     \(megabytes(serve.residentBytes)) MB")
        await serve.end()
        try await TurnBed.with(model: "bench", businesses: 4, conversations: Self.waiting, bed) { turns in
            // One turn in each business warms up what every process has once.
            for conversation in 0..<4 { turns.post(in: Self.waiting + conversation) }
            _ = try await settle(within: 10) { turns.mocks.messages.count >= 4 }
            try await Task.sleep(for: .seconds(2))
            let idle = turns.server.residentBytes
            turns.mocks.behave(Mocks.Behaviour(delay: .seconds(10)))
            for conversation in 0..<Self.waiting {
                turns.post(in: conversation)
                if conversation % 10 == 9 { try await Task.sleep(for: .milliseconds(20)) }
            }
            var most = 0
            _ = try await settle(within: 9) {
                most = max(most, turns.mocks.waitingCount)
                return most >= Self.waiting
            }
            let resident = turns.server.residentBytes
            let answered = try await settle(within: 60) { turns.mocks.messages.count >= Self.waiting + 4 }
            say(
                """
                  before                 \(megabytes(idle)) MB
                  \(most) turns waiting    \(megabytes(resident)) MB: \((Double(resident - idle) / 1024 / Double(max(1, most))).text(1)) KB each
                  afterwards             \(megabytes(turns.server.residentBytes)) MB, \(answered ? "all answered" : "NOT all answered")
                """
            )
        }
    }

    private func megabytes(_ bytes: Int) -> String { (Double(bytes) / 1_048_576).text(1) }
}
