import ParleyCore
import Storage

// The outbox: marked before, settled after, never in doubt without saying so.
extension StorageConformance {
    static func goingDown(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let (turn, claim, first) = try await traffic.answered(in: traffic.ours, replies: 2, at: time)
        let arrived = AttemptOutcome(.delivered(platformMessageID: "1"), verdict: "delivered")
        let next = try await traffic.deliveries.settle(first, arrived, claim: claim, goesOn: false, at: after(1))
        findings.expect(next == nil, "somebody who goes down went on")
        let second = try await traffic.deliveries.find(turn.deliveries.last?.id ?? first.id)
        findings.expect(second?.state, is: .waiting, "the state of what was not begun")
        findings.expect(second?.attempts, is: 0, "its attempts")
        let taken = try await traffic.claim(.deliver, at: after(1))
        findings.expect(
            try await traffic.deliveries.next(taken)?.id,
            is: second?.id,
            "what somebody else finds at once"
        )
    }

    static func settling(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let deliveries = traffic.deliveries
        let (turn, claim, first) = try await traffic.answered(in: traffic.ours, replies: 2, at: time)
        findings.expect(first.attempts, is: 0, "the attempts before the one that the turn's commit marks")
        let marked = try await deliveries.find(first.id)
        findings.expect(marked?.state, is: .sending, "the state of a delivery that is being sent")
        findings.expect(marked?.attempts, is: 1, "its attempts")
        findings.expect(try await deliveries.next(claim)?.id, is: first.id, "the oldest that is not settled")

        // Asked to wait: the attempt is given back, and the next one stays behind.
        let step = JourneyStep("send", "retry", at: after(1))
        let wait = AttemptOutcome(
            .again(at: after(5000), counts: false),
            verdict: "retry",
            reason: "slow down",
            milliseconds: 7,
            steps: [step]
        )
        findings.expect(try await deliveries.settle(first, wait, claim: claim, at: after(1)) == nil, "one overtook")
        let waiting = try await deliveries.find(first.id)
        findings.expect(waiting?.state, is: .waiting, "a delivery that waits")
        findings.expect(waiting?.attempts, is: 0, "its attempts")
        findings.expect(waiting?.notBefore, is: after(5000), "until when it waits")
        let lane = try await traffic.lane(traffic.ours, .deliver)
        findings.expect(lane?.claimableAt, is: after(5000), "until when its lane waits")
        findings.expect(lane?.holder, is: .some(nil), "who holds it")
        findings.expect(try await traffic.claims(.deliver, at: after(4999)).count, is: 0, "claims before")

        // Another way: in plain text, elsewhere, at once.
        let second = try await traffic.claim(.deliver, at: after(5000))
        guard let taken = try await deliveries.next(second) else { return findings.expect(false, "nothing is next") }
        findings.expect(taken.id, is: first.id, "the one that was put off")
        try await deliveries.markSending(taken, mayRepeat: false, claim: second, at: after(5000))
        let otherwise = AttemptOutcome(
            .again(at: after(5001), inPlainText: true, address: ["chat": 8]),
            verdict: "formatting"
        )
        guard let plain = try await deliveries.settle(taken, otherwise, claim: second, at: after(5001)) else {
            return findings.expect(false, "it was not sent again at once")
        }
        findings.expect(plain.id, is: first.id, "what is sent again")
        let sending = try await deliveries.find(first.id)
        findings.expect(sending?.state, is: .sending, "the state of a delivery that is sent again")
        findings.expect(sending?.attempts, is: 2, "its attempts, as this one counts")
        findings.expect(sending?.usesPlainText, is: true, "its plain text")
        findings.expect(sending?.address, is: ["chat": 8], "its new address")
        let oncemore = AttemptOutcome(.again(at: after(5002)), verdict: "retry")
        _ = try await deliveries.settle(plain, oncemore, claim: second, at: after(5002))
        let kept = try await deliveries.find(first.id)
        findings.expect(kept?.usesPlainText, is: true, "plain text, once chosen")
        findings.expect(kept?.address, is: ["chat": 8], "an address, once moved to")

        // Arrived: the next one is marked in the same commit.
        let arrived = AttemptOutcome(.delivered(platformMessageID: "77"), verdict: "delivered")
        let next = try await deliveries.settle(plain, arrived, claim: second, at: after(5003))
        findings.expect(next?.id, is: turn.deliveries.last?.id, "the next delivery")
        let done = try await deliveries.find(first.id)
        findings.expect(done?.state, is: .delivered, "a delivery that arrived")
        findings.expect(done?.platformMessageID, is: "77", "its platform id")
        findings.expect(done?.settledAt, is: after(5003), "when it was settled")
        findings.expect(try await messageState(turn, traffic), is: "sent", "the reply's state")
        guard let next else { return }
        findings.expect(try await deliveries.find(next.id)?.state, is: .sending, "the state of the next")
        let refused = AttemptOutcome(.dead(reason: "blocked"), verdict: "dead")
        findings.expect(try await deliveries.settle(next, refused, claim: second, at: after(5004)) == nil, "a third")
        findings.expect(try await deliveries.find(next.id)?.deadReason, is: "blocked", "why it is dead")
        findings.expect(try await traffic.lane(traffic.ours, .deliver) == nil, "an empty lane is left")
        let attempts = try await database.read(.house) { connection in
            try await connection.query(
                "SELECT attempt, verdict FROM delivery_attempts WHERE delivery_id = $1 ORDER BY attempt",
                [.id(first.id)]
            ).map { "\(try $0.int("attempt")) \(try $0.text("verdict"))" }
        }
        findings.expect(attempts, is: ["1 retry", "2 formatting", "3 retry", "4 delivered"], "the list of attempts")
        let steps = try await traffic.journeys.find("\(first.id)")?.steps
        findings.expect(steps?.contains(step), is: true, "the step of the attempt")
    }

    static func uncertainty(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let deliveries = traffic.deliveries
        let (_, claim, first) = try await traffic.answered(in: traffic.ours, replies: 2, at: time)
        let unknown = AttemptOutcome(.uncertain(until: after(200)), verdict: "uncertain", reason: "timed out")
        findings.expect(try await deliveries.settle(first, unknown, claim: claim, at: time) == nil, "one overtook")
        findings.expect(try await deliveries.find(first.id)?.state, is: .uncertain, "the state")
        findings.expect(try await traffic.claims(.deliver, at: after(199)).count, is: 0, "claims before")
        let second = try await traffic.claim(.deliver, at: after(200))
        guard let doubtful = try await deliveries.next(second) else { return findings.expect(false, "nothing is next") }
        findings.expect(doubtful.id, is: first.id, "what is next")
        findings.expect(doubtful.mayBeDuplicate, is: false, "flagged before it is repeated")
        try await deliveries.markSending(doubtful, mayRepeat: true, claim: second, at: after(200))
        findings.expect(try await deliveries.find(first.id)?.mayBeDuplicate, is: true, "flagged when it is repeated")
        _ = try await deliveries.settle(doubtful, AttemptOutcome(.again(at: after(300))), claim: second, at: after(200))
        let third = try await traffic.claim(.deliver, at: after(300))
        try await deliveries.markSending(doubtful, mayRepeat: false, claim: third, at: after(300))
        findings.expect(try await deliveries.find(first.id)?.mayBeDuplicate, is: true, "flagged for good")
        findings.expect(try await deliveries.find(first.id)?.attempts, is: 3, "attempts")
        let delivered = AttemptOutcome(.delivered(platformMessageID: nil))
        guard let next = try await deliveries.settle(doubtful, delivered, claim: third, at: after(300)) else {
            return findings.expect(false, "the next was not marked")
        }
        findings.expect(next.mayBeDuplicate, is: false, "whether the next is flagged")

        // A holder who died while sending: the lane comes back, and the delivery says so itself.
        let late = after(300).advanced(by: Traffic.lease)
        let heir = try await traffic.claim(.deliver, at: late)
        findings.expect(try await deliveries.next(heir)?.state, is: .sending, "what a dead holder leaves")
        try await deliveries.rest(heir, until: late.advanced(by: .seconds(1)), at: late)
        findings.expect(
            try await traffic.lane(traffic.ours, .deliver)?.claimableAt,
            is: late.advanced(by: .seconds(1)),
            "a lane at rest"
        )
        let last = try await traffic.claim(.deliver, at: late.advanced(by: .seconds(1)))
        let dead = AttemptOutcome(.dead(reason: "x"))
        _ = try await deliveries.settle(next, dead, claim: last, at: late)
        await findings.lost("sending what is settled") {
            try await deliveries.markSending(next, mayRepeat: true, claim: last, at: late)
        }
    }

    static func revival(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let deliveries = traffic.deliveries
        let dead = AttemptOutcome(.dead(reason: "blocked"), verdict: "dead")
        var ids: [ID<Delivery>] = []
        for (index, address) in [traffic.ours, traffic.theirs, traffic.ours].enumerated() {
            let now = after(index * 10)
            let (_, claim, first) = try await traffic.answered("e\(index)", in: address, at: now)
            findings.expect(try await deliveries.revive(first.id, at: now), is: false, "reviving what is not dead")
            _ = try await deliveries.settle(first, dead, claim: claim, at: now)
            ids.append(first.id)
        }
        let all = try await deliveries.dead(of: nil, upTo: 10)
        findings.expect(all.map(\.id), is: ids.reversed(), "the dead, newest first")
        findings.expect(try await deliveries.dead(of: nil, upTo: 2).count, is: 2, "at most two of the dead")
        let ours = try await deliveries.dead(of: traffic.ours.business, upTo: 10)
        findings.expect(ours.map(\.id), is: [ids[2], ids[0]], "our dead")
        findings.expect(try await deliveries.revive(ID(at: time), at: time), is: false, "reviving what never was")
        findings.expect(try await deliveries.revive(ids[0], at: after(100)), is: true, "reviving the dead")
        findings.expect(try await deliveries.revive(ids[0], at: after(100)), is: false, "reviving it again")
        let revived = try await deliveries.find(ids[0])
        findings.expect(revived?.state, is: .waiting, "the state")
        findings.expect(revived?.attempts, is: 0, "the attempts")
        findings.expect(revived?.deadReason, is: .some(nil), "the reason")
        findings.expect(revived?.settledAt, is: .some(nil), "when it was settled")
        findings.expect(
            try await deliveries.dead(of: traffic.ours.business, upTo: 10).map(\.id),
            is: [ids[2]],
            "the dead"
        )
        let claim = try await traffic.claim(.deliver, at: after(100))
        findings.expect(try await deliveries.next(claim)?.id, is: ids[0], "what is sent again")
        // While its lane is held, another one comes back behind it.
        findings.expect(try await deliveries.revive(ids[2], at: after(101)), is: true, "reviving the other")
        guard let revived else { return }
        let delivered = AttemptOutcome(.delivered(platformMessageID: nil))
        let next = try await deliveries.settle(revived, delivered, claim: claim, at: after(102))
        findings.expect(next?.id, is: ids[2], "what follows")
        let steps = try await traffic.journeys.find("\(ids[0])")?.steps.map(\.verdict)
        findings.expect(steps?.contains("revived"), is: true, "the journey of what was revived")
        findings.expect(try await deliveries.find(ID(at: time)) == nil, "what never was is found")
    }

    // MARK: What platforms report

    static func reports(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let deliveries = traffic.deliveries
        let (turn, claim, first) = try await traffic.answered(in: traffic.ours, at: time)
        _ = try await deliveries.settle(first, AttemptOutcome(.uncertain(until: after(200))), claim: claim, at: time)
        try await report("wamid.1", first.id, "sent", traffic, at: after(10))
        var record = try await deliveries.find(first.id)
        findings.expect(record?.state, is: .delivered, "an uncertain delivery of which a report came")
        findings.expect(record?.platformMessageID, is: "wamid.1", "the platform's id of it")
        findings.expect(record?.settledAt, is: after(10), "when it was settled")
        findings.expect(try await messageState(turn, traffic), is: "sent", "the reply's state")
        for (state, wanted) in [("read", "read"), ("delivered", "read"), ("sent", "read")] {
            try await report("wamid.1", nil, state, traffic, at: after(20))
            findings.expect(try await messageState(turn, traffic), is: wanted, "the reply's state after \(state)")
            findings.expect(try await deliveries.find(first.id)?.state, is: .delivered, "the delivery after \(state)")
        }
        findings.expect(try await deliveries.find(first.id)?.settledAt, is: after(10), "when it was settled, still")
        let heir = try await traffic.claim(.deliver, at: after(200))
        findings.expect(try await deliveries.next(heir) == nil, "a delivery that was reported is sent again")
        try await deliveries.rest(heir, until: nil, at: after(200))
        findings.expect(try await traffic.lane(traffic.ours, .deliver) == nil, "an empty lane is left")

        try await report("wamid.1", nil, "failed", reason: "number is gone", traffic, at: after(30))
        record = try await deliveries.find(first.id)
        findings.expect(record?.state, is: .dead, "a delivery that failed afterwards")
        findings.expect(record?.deadReason, is: "number is gone", "why")
        findings.expect(try await messageState(turn, traffic), is: "failed", "the state of its reply")
        try await report("wamid.1", nil, "delivered", traffic, at: after(40))
        findings.expect(try await deliveries.find(first.id)?.state, is: .dead, "a dead delivery after a late report")
        findings.expect(try await messageState(turn, traffic), is: "failed", "the state of its reply after it")
        let verdicts = try await traffic.journeys.find("\(first.id)")?.steps.filter { $0.step == "report" }.map(
            \.verdict
        )
        let all = ["sent", "read", "delivered", "sent", "failed", "delivered"]
        findings.expect(verdicts?.sorted(), is: all.sorted(), "the reports on the journey")

        let before = try await traffic.contents(of: traffic.ours.business).filter { $0.hasPrefix("deliveries") }
        try await report("wamid.unknown", nil, "read", traffic, at: after(50))
        try await report("wamid.unknown", ID(at: time), "failed", traffic, at: after(50))
        let left = try await traffic.contents(of: traffic.ours.business).filter { $0.hasPrefix("deliveries") }
        findings.expect(left, is: before, "what reports on unknown messages change")
    }

    /// As a webhook brings it: an event that is passed over, in a conversation of `address`.
    static func report(
        _ platformMessageID: String,
        _ delivery: ID<Delivery>?,
        _ state: String,
        reason: String? = nil,
        _ traffic: Traffic,
        from address: Traffic.Address? = nil,
        at now: Timestamp
    ) async throws {
        let address = (address ?? traffic.ours)("reports")
        let key = "report \(platformMessageID) \(state) \(ID<Inbound>(at: now))"
        try await traffic.keep(key, in: address, at: now)
        let claim = try await traffic.claim(at: now)
        let passed = PassedOver(
            closing: try await traffic.waiting(claim).map { ($0.id, $0.dedupeKey) },
            steps: [],
            reports: [
                PlatformReport(
                    platformMessageID: platformMessageID,
                    deliveryID: delivery,
                    state: state,
                    reason: reason
                )
            ]
        )
        try await traffic.turns.passOver(passed, conversation: nil, claim: claim, at: now)
        try await traffic.turns.end(claim, debounce: .zero, at: now)
    }

    private static func messageState(_ turn: TurnCommit, _ traffic: Traffic) async throws -> String? {
        try await traffic.row(
            "SELECT delivery_state FROM messages WHERE business_id = $1 AND id = $2",
            [.id(turn.conversation.businessID), .id(turn.replyID)]
        ).optionalText("delivery_state")
    }
}
