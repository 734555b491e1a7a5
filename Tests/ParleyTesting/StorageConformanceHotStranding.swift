import ParleyCore
import Storage
import Synchronization

// Letting go of a lane and seeing that it is empty is one step.
extension StorageConformance {
    static func lateArrivals(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        try await traffic.keep("a", in: ours, at: time)
        let claim = try await traffic.claim(at: time)
        let events = try await traffic.waiting(claim)
        let conversation = try await traffic.conversation(claim, at: time)
        try await traffic.keep("b", in: ours, at: after(2000))
        var turn = traffic.turn(events, in: conversation, replies: 0, at: after(2100))
        turn.debounce = .milliseconds(500)
        _ = try await traffic.turns.commit(turn, claim: claim, at: after(2100))
        let debounced = Traffic.Lane(claimableAt: after(2500), waitingSince: after(2000))
        findings.expect(try await traffic.lane(ours), is: debounced, "the lane after a commit")

        let second = try await traffic.claim(at: after(2500))
        findings.expect(try await traffic.waiting(second).map(\.dedupeKey), is: ["b"], "what came meanwhile")
        try await traffic.keep("c", in: ours, at: after(2600))
        let longest = after(2000).advanced(by: Limits.debounceMaximum)
        try await traffic.turns.end(second, debounce: .seconds(60), at: after(2700))
        findings.expect(
            try await traffic.lane(ours),
            is: Traffic.Lane(claimableAt: longest, waitingSince: after(2000)),
            "the lane of an end that debounces for a minute"
        )
        let third = try await traffic.claim(at: longest)
        try await traffic.turns.end(third, debounce: .milliseconds(500), at: after(9000))
        findings.expect(try await traffic.lane(ours)?.claimableAt, is: after(9000), "a lane whose time is past")

        // Deliveries that are enqueued after somebody has looked, and before they let go.
        let (_, sending, first) = try await traffic.answered("d", in: traffic.theirs, at: time)
        let delivered = AttemptOutcome(.delivered(platformMessageID: "1"))
        try await traffic.keep("e", in: traffic.theirs, at: after(10))
        let answering = try await traffic.claim(at: after(10))
        let more = traffic.turn(
            try await traffic.waiting(answering),
            in: try await traffic.conversation(answering, at: after(10)),
            at: after(10)
        )
        let handed = try await traffic.turns.commit(more, claim: answering, at: after(10))
        findings.expect(handed == nil, "a second claim on deliveries")
        try await traffic.deliveries.rest(sending, until: nil, at: after(11))
        let left = try await traffic.lane(traffic.theirs, .deliver)
        findings.expect(left?.claimableAt, is: after(11), "the lane of deliveries that wait")
        guard left != nil else { return }
        let again = try await traffic.claim(.deliver, at: after(11))
        findings.expect(try await traffic.deliveries.next(again)?.id, is: first.id, "the delivery that was being sent")
        let next = try await traffic.deliveries.settle(first, delivered, claim: again, at: after(12))
        findings.expect(next?.id, is: more.deliveries.first?.id, "the delivery of the later turn")
        if let next { _ = try await traffic.deliveries.settle(next, delivered, claim: again, at: after(13)) }
        findings.expect(try await traffic.lane(traffic.theirs, .deliver) == nil, "an empty lane is left")
    }

    /// Writers and claimers at random, by seed; in the end nothing waits and nothing was answered twice.
    static func stranding(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        for seed in UInt64(1)...2 {
            let complaints = try await Crowd(traffic, seed: seed).run()
            for complaint in complaints { findings.expect(false, "seed \(seed): \(complaint)") }
        }
    }

    private final class Crowd: Sendable {
        static let writers = 4
        static let eventsPerWriter = 12
        static let claimers = 4

        let traffic: Traffic
        let seed: UInt64
        let clock: ManualClock
        let writing = Mutex(Crowd.writers)
        let rounds = Mutex(0)

        init(_ traffic: Traffic, seed: UInt64) {
            self.traffic = traffic
            self.seed = seed
            clock = ManualClock(time.advanced(by: .seconds(Int(seed) * 1000)))
        }

        func run() async throws -> [String] {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<Crowd.writers { group.addTask { try await self.write(number) } }
                for number in 0..<Crowd.claimers { group.addTask { try await self.work(number) } }
                try await group.waitForAll()
            }
            return try await complaints()
        }

        private func write(_ number: Int) async throws {
            defer { writing.withLock { $0 -= 1 } }
            var numbers = SeededNumbers(seed: seed &* 1000 &+ UInt64(number))
            for event in 0..<Crowd.eventsPerWriter {
                let entries = (0...Int.random(in: 0...1, using: &numbers)).map { part in
                    let business = [traffic.ours, traffic.theirs][Int.random(in: 0...1, using: &numbers)]
                    return traffic.entry(
                        "\(seed) \(number) \(event) \(part)",
                        in: business("\(Int.random(in: 0...1, using: &numbers))"),
                        position: clock.now.microseconds,
                        debounce: .milliseconds(Int.random(in: 0...5, using: &numbers)),
                        at: clock.now
                    )
                }
                clock.advance(by: .milliseconds(1))
                _ = try await traffic.inbox.keep(entries, at: clock.now)
            }
        }

        // Leases far longer than the whole story: what is lost here is lost by letting go.
        private func work(_ number: Int) async throws {
            var numbers = SeededNumbers(seed: seed &* 2000 &+ UInt64(number))
            while rounds.withLock({
                $0 += 1; return $0 < 20_000
            }) {
                clock.advance(by: .milliseconds(2))
                var isIdle = true
                for act in [Claim.Act.answer, .deliver] {
                    let claims = try await traffic.lanes.claim(
                        act,
                        try await traffic.lanes.outlook(act, at: clock.now).ready.map {
                            LaneShare(business: $0, count: Int.random(in: 1...3, using: &numbers))
                        },
                        for: "\(number)",
                        perBusiness: 3,
                        lease: .seconds(100_000),
                        at: clock.now
                    )
                    for claim in claims {
                        isIdle = false
                        if act == .answer {
                            try await answer(claim, &numbers)
                        } else {
                            try await deliver(claim, try await traffic.deliveries.next(claim))
                        }
                    }
                }
                guard isIdle else { continue }
                let hasEnded = writing.withLock { $0 == 0 }
                if hasEnded, try await traffic.lanes.depth().isEmpty { return }
                await Task.yield()
            }
        }

        private func answer(_ claim: Claim, _ numbers: inout SeededNumbers) async throws {
            let events = try await traffic.waiting(claim, upTo: Int.random(in: 1...3, using: &numbers))
            guard !events.isEmpty else {
                return try await traffic.turns.end(claim, debounce: .milliseconds(1), at: clock.now)
            }
            let conversation = try await traffic.conversation(claim, at: clock.now)
            if Int.random(in: 0..<5, using: &numbers) == 0 {
                return try await traffic.lanes.release(claim, claimableAt: clock.now.advanced(by: .milliseconds(3)))
            }
            var turn = traffic.turn(
                events,
                in: conversation,
                replies: Int.random(in: 0...2, using: &numbers),
                at: clock.now
            )
            turn.debounce = .milliseconds(Int.random(in: 0...3, using: &numbers))
            turn.lease = .seconds(100_000)
            guard let sending = try await traffic.turns.commit(turn, claim: claim, at: clock.now) else { return }
            try await deliver(sending.claim, sending.first)
        }

        private func deliver(_ claim: Claim, _ first: DeliveryRecord?) async throws {
            guard let first else { return try await traffic.deliveries.rest(claim, until: nil, at: clock.now) }
            var next: DeliveryRecord? = first
            while let delivery = next {
                let outcome = AttemptOutcome(.delivered(platformMessageID: nil))
                next = try await traffic.deliveries.settle(delivery, outcome, claim: claim, at: clock.now)
            }
        }

        private func complaints() async throws -> [String] {
            var complaints: [String] = []
            for (table, what) in [
                ("inbox_events WHERE closed_at IS NULL", "events wait"),
                ("inbox_events WHERE turn_id IS NULL", "events were closed without a turn"),
                ("deliveries WHERE settled_at IS NULL", "deliveries wait"),
                ("lanes", "lanes are left"),
            ] {
                let count = try await traffic.count(table)
                if count != 0 { complaints.append("\(count) \(what)") }
            }
            let events = try await traffic.count("inbox_events")
            let answered = try await traffic.count("messages WHERE role = 'user'")
            if events != answered { complaints.append("\(events) events became \(answered) messages") }
            return complaints
        }
    }
}
