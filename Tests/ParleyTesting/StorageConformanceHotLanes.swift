import ParleyCore
import Storage

// The lanes: one holder at a time, each with a higher fence than the one before.
extension StorageConformance {
    static func dueLanes(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        findings.expect(try await traffic.lanes.outlook(.answer, at: time).next, is: nil, "the next time of nothing")
        _ = try await traffic.inbox.keep(
            [traffic.entry("a", in: ours, debounce: .milliseconds(500), at: time)],
            at: time
        )
        let outlook = try await traffic.lanes.outlook(.answer, at: time)
        let deliveries = try await traffic.lanes.outlook(.deliver, at: time)
        findings.expect(outlook.next, is: after(500), "the next time")
        findings.expect(outlook.ready, is: [], "who is ready too early")
        findings.expect(deliveries.next, is: nil, "the next time to deliver")
        findings.expect(try await traffic.claims(at: after(499)).count, is: 0, "claims a moment too early")
        findings.expect(try await traffic.claims(.deliver, at: after(500)).count, is: 0, "claims of the other act")
        findings.expect(try await traffic.claims(upTo: 0, at: after(500)).count, is: 0, "claims of no lanes")
        let claim = try await traffic.claim(at: after(500))
        findings.expect(claim.businessID, is: ours.business, "the claim's business")
        findings.expect(claim.integrationID, is: ours.integration, "the claim's integration")
        findings.expect(claim.conversationKey, is: ours.key, "the claim's conversation")
        findings.expect(claim.holder, is: "node", "the claim's holder")
        findings.expect(try await traffic.claims(at: after(500)).count, is: 0, "a second claim")
        findings.expect(claim.begun, is: 1, "beginnings")
        try await traffic.keep("b", in: traffic.theirs, at: time)
        let depth = try await traffic.lanes.depth().filter { $0.act == "answer" }
        findings.expect(depth.map(\.waiting), is: [1], "lanes that wait")
        findings.expect(depth.map(\.held), is: [1], "lanes that are held")
        try await traffic.lanes.release(claim, claimableAt: after(600))
        findings.expect(
            try await traffic.claims(at: after(600)).first?.begun,
            is: 2,
            "beginnings with the second claim"
        )
    }

    static func exclusiveLanes(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let entries = (0..<60).map { number in
            let address = [traffic.ours, traffic.beside, traffic.theirs][number % 3]
            return traffic.entry("e\(number)", in: address("chat \(number)"), at: time)
        }
        _ = try await traffic.inbox.keep(entries, at: time)
        let claims = try await withThrowingTaskGroup(of: [Claim].self) { group in
            for number in 0..<20 {
                group.addTask {
                    var mine: [Claim] = []
                    for _ in 0..<10 { mine += try await traffic.claims(upTo: 3, for: "node \(number)", at: time) }
                    return mine
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        findings.expect(claims.count, is: 60, "claims of 60 lanes by 20 claimers")
        findings.expect(Set(claims.map(\.conversationKey)).count, is: 60, "lanes claimed")
        findings.expect(try await traffic.claims(at: time).count, is: 0, "claims afterwards")
    }

    static func fairLanes(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        for number in 0..<5 { try await traffic.keep("o\(number)", in: traffic.ours("o\(number)"), at: after(number)) }
        for number in 0..<2 {
            try await traffic.keep("t\(number)", in: traffic.theirs("t\(number)"), at: after(10 + number))
        }
        let now = after(100)
        let waiting = Set(try await traffic.lanes.outlook(.answer, at: now).ready)
        findings.expect(
            waiting,
            is: [traffic.ours.business, traffic.theirs.business],
            "the businesses whose lanes wait"
        )
        let first = try await traffic.lanes.claim(
            .answer,
            [
                LaneShare(business: traffic.ours.business, count: 2),
                LaneShare(business: traffic.theirs.business, count: 1),
            ],
            for: "node",
            perBusiness: 3,
            lease: Traffic.lease,
            at: now
        )
        findings.expect(Set(first.map(\.conversationKey)), is: ["o0", "o1", "t0"], "the longest waiting of each")
        let rest = try await traffic.claims(perBusiness: 3, at: now)
        findings.expect(
            Set(rest.map(\.conversationKey)),
            is: ["o2", "t1"],
            "the rest, with three for each business"
        )
        findings.expect(
            try await traffic.claims(perBusiness: 3, at: now).count,
            is: 0,
            "claims beyond a business's share"
        )
        guard let done = first.first(where: { $0.conversationKey == "o0" }),
            let other = first.first(where: { $0.conversationKey == "t0" })
        else { return }
        try await traffic.lanes.release(other, claimableAt: after(60_000))
        findings.expect(try await traffic.claims(perBusiness: 3, at: now).count, is: 0, "the other's place was taken")
        try await traffic.lanes.release(done, claimableAt: after(60_000))
        let next = try await traffic.claims(perBusiness: 3, at: now)
        findings.expect(next.map(\.conversationKey), is: ["o3"], "who follows on a free place")
        let later = now.advanced(by: Traffic.lease)
        findings.expect(
            try await traffic.claims(perBusiness: 3, at: later).count,
            is: 4,
            "leases that ran out are no burden"
        )
    }

    static func growingFences(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        var fences: [Int64] = []
        for round in 0..<3 {
            try await traffic.keep("e\(round)", in: traffic.ours, at: time)
            let first = try await traffic.claim(at: time)
            try await traffic.lanes.release(first, claimableAt: time)
            let second = try await traffic.claim(at: time)
            let late = time.advanced(by: Traffic.lease)
            let third = try await traffic.claim(at: late)
            let commit = traffic.turn(
                try await traffic.waiting(third),
                in: try await traffic.conversation(third, at: late),
                at: late
            )
            let sending = try await traffic.turns.commit(commit, claim: third, at: late)
            findings.expect(try await traffic.lane(traffic.ours) == nil, "the lane was not deleted")
            guard let sending else { return findings.expect(false, "no claim on the deliveries") }
            fences += [first.fence, second.fence, third.fence, sending.claim.fence]
            let delivered = AttemptOutcome(.delivered(platformMessageID: nil))
            _ = try await traffic.deliveries.settle(sending.first, delivered, claim: sending.claim, at: late)
            findings.expect(try await traffic.lane(traffic.ours, .deliver) == nil, "the other lane was not deleted")
        }
        findings.expect(zip(fences, fences.dropFirst()).allSatisfy(<), "the fences are \(fences)")
    }

    static func leases(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        try await traffic.keep("a", in: ours, at: time)
        let claim = try await traffic.claim(at: time)
        let renewed = try await traffic.lanes.renew([claim], lease: .seconds(15), at: after(10_000))
        findings.expect(renewed, is: [], "claims lost at a heartbeat")
        findings.expect(try await traffic.claims(at: after(24_999)).count, is: 0, "claims within the renewed lease")
        let taken = try await traffic.claim(at: after(25_000))
        findings.expect(taken.fence > claim.fence, "the fence of a takeover")
        let lost = try await traffic.lanes.renew([claim, taken], lease: .seconds(15), at: after(26_000))
        findings.expect(lost, is: [claim], "claims lost at the next heartbeat")
        findings.expect(try await traffic.lanes.renew([], lease: .seconds(15), at: time), is: [], "no claims lost")

        let before = try await traffic.lane(ours)
        try await traffic.lanes.release(claim, claimableAt: after(0))
        findings.expect(try await traffic.lane(ours), is: before, "a lane released by one who has lost it")
        try await traffic.lanes.release(taken, claimableAt: after(30_000))
        let released = Traffic.Lane(claimableAt: after(30_000), waitingSince: time)
        findings.expect(try await traffic.lane(ours), is: released, "a released lane")
        findings.expect(
            try await traffic.lanes.renew([taken], lease: .seconds(15), at: after(27_000)),
            is: [],
            "a claim given back is not lost"
        )
        findings.expect(try await traffic.lane(ours), is: released, "a late heartbeat puts nobody off")
        await findings.lost("a claim given back") {
            try await traffic.turns.end(taken, debounce: .zero, at: after(28_000))
        }
        findings.expect(try await traffic.claims(at: after(29_999)).count, is: 0, "claims before the time")

        let third = try await traffic.claim(at: after(30_000))
        try await traffic.keep("b", in: traffic.theirs, at: after(30_000))
        _ = try await traffic.claim(at: after(30_000))
        _ = try await traffic.inbox.keep(
            [traffic.entry("c", in: ours("c"), debounce: .seconds(2), at: after(30_000))],
            at: after(30_000)
        )
        findings.expect(try await traffic.lanes.releaseAll(at: after(30_100)), is: 2, "lanes freed")
        let freed = Traffic.Lane(claimableAt: after(30_100), waitingSince: time)
        findings.expect(try await traffic.lane(ours), is: freed, "a freed lane")
        findings.expect(try await traffic.lane(ours("c"))?.claimableAt, is: after(32_000), "a lane that nobody held")
        await findings.lost("a claim of before") {
            try await traffic.turns.end(third, debounce: .zero, at: after(30_100))
        }
        findings.expect(try await traffic.claims(at: after(30_100)).count, is: 2, "claims of freed lanes")

        // Begun four times by now: a suspect waits, so that it runs when the innocent are done.
        _ = try await traffic.lanes.releaseAll(at: after(30_200))
        findings.expect(
            try await traffic.lane(ours)?.claimableAt,
            is: after(30_200 + 4 * 250),
            "a lane that was begun four times"
        )
    }

    /// What nobody lived to tell of counts, one after the other; what was no fault of the events does not, and neither does
    /// what waited behind others.
    static func beginnings(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        var now = time
        func begun() async throws -> Claim {
            now = now.advanced(by: Traffic.lease)
            return try await traffic.claim(at: now)
        }
        for number in 0..<5 { try await traffic.keep("e\(number)", in: traffic.ours, at: time) }
        // Long enough a queue, whose events are answered one by one, makes nobody suspect.
        for round in 0..<3 {
            let claim = try await traffic.claim(at: now)
            findings.expect(claim.begun, is: 1, "beginnings of what waited behind \(round) others")
            let events = try await traffic.waiting(claim, upTo: 1)
            let turn = traffic.turn(events, in: try await traffic.conversation(claim, at: now), replies: 0, at: now)
            _ = try await traffic.turns.commit(turn, claim: claim, at: now)
        }
        // Three processes that died.
        findings.expect(try await begun().begun, is: 1, "the first beginning")
        findings.expect(try await begun().begun, is: 2, "the second")
        let third = try await begun()
        findings.expect(third.begun, is: 3, "the third")
        // One that saw the database go away, and tells it twice.
        let undone = UndoneClaim(third, claimableAt: now, isInnocent: true)
        try await traffic.lanes.release([undone])
        try await traffic.lanes.release([undone])
        // One that was overtaken, and tells it when another has begun.
        let slow = try await traffic.claim(at: now)
        findings.expect(slow.begun, is: 3, "beginnings, less one by who lived to tell")
        let other = try await begun()
        findings.expect(other.begun, is: 4, "beginnings after a takeover")
        let lane = try await traffic.lane(traffic.ours)
        try await traffic.lanes.release([UndoneClaim(slow, claimableAt: now, isInnocent: true)])
        findings.expect(try await traffic.lane(traffic.ours), is: lane, "the lane of who took over")
        try await traffic.turns.putOff(other, debounce: .zero, at: now)
        let last = try await traffic.claim(at: now.advanced(by: .seconds(1)))
        findings.expect(last.begun, is: 3, "beginnings, less one by who was overtaken and one put off")
        try await traffic.lanes.release([UndoneClaim(last, claimableAt: now, isInnocent: false)])
        let failed = try await traffic.claim(at: now.advanced(by: .seconds(1)))
        findings.expect(failed.begun, is: 4, "beginnings with one that failed")
        try await traffic.lanes.releaseAll(.answer, of: "node", at: now)
        findings.expect(try await traffic.claim(at: now).begun, is: 4, "beginnings without one of an orderly end")
    }

    static func takeover(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        let end = time.advanced(by: Traffic.lease)
        let (_, sending, first) = try await traffic.answered("old", in: ours, replies: 2, at: time)
        try await traffic.keep("a", in: ours, at: time)
        let claim = try await traffic.claim(at: time)
        let conversation = try await traffic.conversation(claim, at: time)
        let events = try await traffic.waiting(claim)
        guard let event = events.first else { return findings.expect(false, "no event") }

        _ = try await traffic.claim(at: end)
        _ = try await traffic.claim(.deliver, at: end)
        let before = try await traffic.contents(of: ours.business)
        await findings.lost("open") {
            try await traffic.conversations.open(claim, sender: SenderRecord(channelUserID: "u2"), at: end)
        }
        await findings.lost("passOver") {
            let passed = PassedOver(
                closing: [(event.id, event.dedupeKey)],
                steps: [JourneyStep("gate", "closed", at: end)],
                humanUntil: end
            )
            try await traffic.turns.passOver(passed, conversation: conversation, claim: claim, at: end)
        }
        await findings.lost("commit") {
            _ = try await traffic.turns.commit(
                traffic.turn(events, in: conversation, at: end),
                claim: claim,
                at: end
            )
        }
        await findings.lost("end") { try await traffic.turns.end(claim, debounce: .zero, at: end) }
        await findings.lost("markSending") {
            try await traffic.deliveries.markSending(first, mayRepeat: true, claim: sending, at: end)
        }
        await findings.lost("settle") {
            let outcome = AttemptOutcome(.delivered(platformMessageID: "1"), verdict: "delivered")
            _ = try await traffic.deliveries.settle(first, outcome, claim: sending, at: end)
        }
        await findings.lost("rest") { try await traffic.deliveries.rest(sending, until: end, at: end) }
        await findings.lost("rest for good") { try await traffic.deliveries.rest(sending, until: nil, at: end) }
        findings.expect(try await traffic.contents(of: ours.business), is: before, "what late holders have left")
    }
}
