import ParleyCore
import Storage

// No claim and no id of one business reaches what another has.
extension StorageConformance {
    static func hotIsolation(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let (ours, theirs) = (traffic.ours, traffic.theirs)
        // The same keys, the same sender, the same platform ids.
        let (turn, sending, first) = try await traffic.answered("e", in: ours, replies: 2, at: time)
        let delivered = AttemptOutcome(.delivered(platformMessageID: "1"), verdict: "delivered")
        let second = try await traffic.deliveries.settle(first, delivered, claim: sending, at: time)
        guard let second else { return findings.expect(false, "no second delivery") }
        try await limit(turn, traffic)
        try await traffic.keep("open", in: ours, at: after(1))
        let claim = try await traffic.claim(at: after(1))
        let mine = try await traffic.conversation(claim, at: after(1))
        guard let event = try await traffic.waiting(claim).first else { return findings.expect(false, "no event") }
        let before = try await traffic.contents(of: ours.business)

        let (_, foreignSending, foreignFirst) = try await traffic.answered("e", in: theirs, at: after(2))
        try await traffic.keep("open", in: theirs, at: after(2))
        let foreign = try await traffic.claim(at: after(2))
        findings.expect(foreign.businessID, is: theirs.business, "whose claim it is")
        findings.expect(
            try await traffic.waiting(foreign).map(\.businessID),
            is: [theirs.business],
            "whose events wait"
        )
        findings.expect(try await traffic.find(foreign)?.id == mine.id, is: false, "a shared conversation")
        findings.expect(try await traffic.deliveries.next(foreignSending)?.id, is: foreignFirst.id, "what is next")
        let situation = try await traffic.turns.situation(foreign, channel: "telegram") { _ in "u1" }
        findings.expect(situation.events.map(\.businessID), is: [theirs.business], "whose events a turn answers")
        findings.expect(situation.conversation?.id == mine.id, is: false, "a turn in another's conversation")
        findings.expect(situation.remembered.count, is: 2, "a turn remembers")
        try await reads(turn, mine, traffic, &findings)

        let passed = PassedOver(
            closing: [(event.id, event.dedupeKey)],
            steps: [JourneyStep("gate", "closed", at: after(3))],
            reports: [
                PlatformReport(platformMessageID: "1", deliveryID: first.id, state: "failed", reason: nil),
                PlatformReport(platformMessageID: "2", deliveryID: second.id, state: "failed", reason: nil),
            ],
            humanUntil: after(9000)
        )
        // Refused or without effect: both leave alone what is not theirs.
        try? await traffic.turns.passOver(passed, conversation: mine, claim: foreign, at: after(3))
        var withMessages = passed
        withMessages.messages = [traffic.message(event)]
        withMessages.messages[0].id = ID(at: after(3))
        try? await traffic.turns.passOver(withMessages, conversation: mine, claim: foreign, at: after(3))
        var stolen = traffic.turn([event], in: mine, at: after(3))
        stolen.leads = [LeadFields(name: "Eve")]
        stolen.humanUntil = after(9000)
        let theft = stolen
        _ = await findings.error("a turn in another's conversation") {
            _ = try await traffic.turns.commit(theft, claim: foreign, at: after(3))
        }
        _ = try? await traffic.deliveries.settle(
            second,
            AttemptOutcome(.dead(reason: "stolen"), verdict: "dead"),
            claim: foreignSending,
            at: after(3)
        )
        try? await traffic.deliveries.markSending(second, mayRepeat: true, claim: foreignSending, at: after(3))
        findings.expect(
            try await traffic.conversations.setOwner(human: after(9), of: mine.id, in: theirs.business, at: time),
            is: false,
            "owning another's conversation"
        )
        let redelivered = traffic.entry("open", in: theirs, at: after(4))
        _ = try await traffic.inbox.keep([redelivered], at: after(4))
        findings.expect(try await traffic.contents(of: ours.business), is: before, "what another business has changed")
    }

    /// Lets a turn be one that told somebody of a limit.
    private static func limit(_ turn: TurnCommit, _ traffic: Traffic) async throws {
        _ = try await traffic.database.transaction(.house) { connection in
            try await connection.execute(
                "UPDATE turns SET outcome = 'limited', model_name = $1 WHERE id = $2",
                [.text(UsageRecord.noModel), .id(turn.turnID)]
            )
        }
    }

    private static func reads(
        _ turn: TurnCommit,
        _ conversation: ConversationRecord,
        _ traffic: Traffic,
        _ findings: inout Findings
    ) async throws {
        let theirs = traffic.theirs
        let (remembered, hasReply) = try await traffic.database.read(.house) { connection in
            let remembered = try await traffic.conversations.remembered(
                conversation.id,
                session: conversation.sessionID,
                of: theirs.business,
                upTo: 20,
                on: connection
            )
            let hasReply = try await traffic.conversations.hasReply(
                in: conversation.id,
                of: theirs.business,
                on: connection
            )
            return (remembered, hasReply)
        }
        findings.expect(remembered.count, is: 0, "another's messages are remembered")
        findings.expect(hasReply, is: false, "another's reply is known")
        let usage = UsageStore(traffic.database)
        for (business, isTold) in [(traffic.ours.business, true), (theirs.business, false)] {
            let told = try await usage.hasToldOfLimit(in: conversation.id, of: business, since: time)
            findings.expect(told, is: isTold, "whether somebody was told of a limit")
        }
        for integration in [traffic.ours.integration, theirs.integration] {
            let journey = try await traffic.journeys.find(
                platformMessageID: "p-open",
                integrationID: integration,
                of: theirs.business
            )
            let businesses = Set(journey?.events.map(\.businessID) ?? [])
            findings.expect(businesses.isSubset(of: [theirs.business]), "another's journey is told")
        }
        let crossing = try await traffic.journeys.find(
            platformMessageID: "p-open",
            integrationID: traffic.ours.integration,
            of: theirs.business
        )
        findings.expect(crossing == nil, "a journey of another's integration is told")
        let dead = try await traffic.deliveries.dead(of: theirs.business, upTo: 10)
        findings.expect(dead.allSatisfy { $0.businessID == theirs.business }, "another's dead are listed")
    }
}
