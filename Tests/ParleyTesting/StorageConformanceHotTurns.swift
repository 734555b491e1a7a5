import ParleyCore
import Storage

// A turn's commit: all of it or nothing, under a claim that still holds.
extension StorageConformance {
    static func wholeTurn(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let business = traffic.ours.business
        let knowledge = KnowledgeStore(database, clock: ManualClock(time))
        _ = try await knowledge.importAll([KnowledgeDraft(question: "q", answer: "a")], for: business)
        try await traffic.keep("a", "b", in: traffic.ours, at: time)
        let claim = try await traffic.claim(at: after(100))
        let events = try await traffic.waiting(claim)
        let conversation = try await traffic.conversation(claim, at: after(100))
        var turn = traffic.turn(events, in: conversation, replies: 2, at: after(200))
        turn.sessionID = ID(at: after(200))
        turn.startsSession = true
        turn.intent = "capture_lead"
        turn.executions = [
            TurnCommit.Execution(
                tool: "capture_lead",
                arguments: "{}",
                resultDigest: "d",
                isError: false,
                isCacheHit: true,
                milliseconds: 3
            )
        ]
        turn.leads = [LeadFields(email: "ada@example.com", sourceIntent: "capture_lead")]
        turn.memory = ["email": "ada@example.com"]
        turn.humanUntil = after(9000)
        turn.usedKnowledge = try await knowledge.list(of: business).map(\.id)
        let sending = try await traffic.turns.commit(turn, claim: claim, at: after(200))

        findings.expect(sending?.claim.act, is: .deliver, "the act of the handed-over claim")
        findings.expect(sending?.claim.holder, is: "node", "its holder")
        findings.expect(sending?.first.id, is: turn.deliveries.first?.id, "the first delivery")
        let rows = try await deliveryRows(of: turn, traffic)
        findings.expect(rows.map(\.state), is: [.sending, .waiting], "the deliveries' states")
        findings.expect(rows.map(\.attempts), is: [1, 0], "their attempts")
        findings.expect(rows.map(\.text), is: ["part 0", "part 1"], "their texts")
        findings.expect(rows.map(\.payload), is: [["part": 0], ["part": 1]], "their payloads")
        findings.expect(rows.map(\.messageID), is: [turn.replyID, turn.replyID], "their message")
        findings.expect(rows.map(\.turnID), is: [turn.turnID, turn.turnID], "their turn")

        findings.expect(try await traffic.lane(traffic.ours) == nil, "the lane of the answered events is still there")
        findings.expect(try await traffic.waiting(claim).count, is: 0, "open events")
        let messages: [SQLValue] = [.id(business), .id(turn.turnID)]
        let kept = try await database.read(.house) { connection in
            try await connection.query(
                "SELECT role, content, session_id FROM messages WHERE business_id = $1 AND turn_id = $2",
                messages
            )
        }
        findings.expect(
            kept.map { $0.optionalText("role") ?? "" }.sorted(),
            is: ["assistant", "user", "user"],
            "roles"
        )
        findings.expect(
            Set(kept.map { $0.optionalText("content") ?? "" }),
            is: ["Hello a", "Hello b", "Hello yourself"],
            "contents"
        )
        findings.expect(
            kept.map { $0.optionalID("session_id", Session.self) },
            is: [turn.sessionID, turn.sessionID, turn.sessionID],
            "the messages' session"
        )
        let row = try await traffic.row("SELECT * FROM turns WHERE business_id = $1", [.id(business)])
        findings.expect(try row.text("user_message"), is: "Hello a\nHello b", "the turn's question")
        findings.expect(try row.text("bot_reply"), is: "Hello yourself", "the turn's reply")
        findings.expect(try row.int("tokens_in"), is: 30, "the turn's tokens")
        findings.expect(try row.text("model_name"), is: "offline", "the turn's model")
        try await effects(of: turn, traffic, &findings)
    }

    private static func effects(
        of turn: TurnCommit,
        _ traffic: Traffic,
        _ findings: inout Findings
    ) async throws {
        let business: SQLValue = .id(traffic.ours.business)
        func row(_ table: String) async throws -> SQLRow {
            try await traffic.row("SELECT * FROM \(table) WHERE business_id = $1", [business])
        }
        let conversation = try await row("conversations")
        findings.expect(try conversation.int("message_count"), is: 3, "messages counted")
        findings.expect(try conversation.int("token_count"), is: 42, "tokens counted")
        findings.expect(try conversation.timestamp("last_activity_at"), is: after(200), "the last activity")
        findings.expect(try conversation.id("session_id", Session.self), is: turn.sessionID, "the session")
        findings.expect(try conversation.timestamp("session_started_at"), is: after(200), "the session's beginning")
        findings.expect(try conversation.text("owner"), is: "human", "the owner")
        findings.expect(try conversation.timestamp("owner_until"), is: after(9000), "the owner's lease")
        let usage = try await row("api_usage")
        findings.expect(try usage.int("messages"), is: 1, "the usage's messages")
        findings.expect(try usage.int("tokens_out"), is: 12, "the usage's tokens")
        findings.expect(try usage.int("tool_calls"), is: 1, "the usage's tool calls")
        let lead = try await row("leads")
        findings.expect(try lead.text("email"), is: "ada@example.com", "the lead")
        findings.expect(try lead.id("contact_id", Contact.self), is: turn.conversation.contactID, "the lead's contact")
        let memory = try await row("conversation_memory")
        findings.expect(try memory.json("context_data"), is: turn.memory, "the memory")
        findings.expect(try memory.int("message_count"), is: 2, "the memory's messages")
        let execution = try await row("tool_executions")
        findings.expect(try execution.text("tool_name"), is: "capture_lead", "the tool")
        findings.expect(try execution.bool("is_cache_hit"), is: true, "whether it was cached")
        findings.expect(try await row("knowledge_entries").int("usage_count"), is: 1, "the entry's use")
        findings.expect(try await row("journey_events").text("step"), is: "commit", "the step")
        for type in ["turn", "lead_captured", "handed_over"] {
            let count = try await traffic.count("analytics_events WHERE event_type = $1", [.text(type)])
            findings.expect(count, is: 1, "events called \(type)")
        }
        let next = try await traffic.find(try await nextClaim(traffic))
        findings.expect(next?.memory, is: turn.memory, "the memory of the next turn")
        findings.expect(next?.isOwnedByHuman(at: after(8999)), is: true, "owned by a human")
        findings.expect(next?.isOwnedByHuman(at: after(9000)), is: false, "owned by a human for ever")
    }

    private static func nextClaim(_ traffic: Traffic) async throws -> Claim {
        try await traffic.keep("next", in: traffic.ours, at: after(300))
        return try await traffic.claim(at: after(300))
    }

    private static func deliveryRows(of turn: TurnCommit, _ traffic: Traffic) async throws -> [DeliveryRecord] {
        var records: [DeliveryRecord] = []
        for delivery in turn.deliveries {
            if let record = try await traffic.deliveries.find(delivery.id) { records.append(record) }
        }
        return records
    }

    // MARK: All or nothing

    static func halfTurn(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let (_, sending, first) = try await traffic.answered("old", in: traffic.ours, at: time)
        _ = try await traffic.deliveries.settle(
            first,
            AttemptOutcome(.delivered(platformMessageID: "1")),
            claim: sending,
            at: time
        )
        try await traffic.keep("a", in: traffic.ours, at: time)
        let claim = try await traffic.claim(at: time)
        let events = try await traffic.waiting(claim)
        let conversation = try await traffic.conversation(claim, at: time)
        let good = traffic.turn(events, in: conversation, replies: 2, at: time)
        var withEffects = good
        withEffects.leads = [LeadFields(name: "Ada")]
        withEffects.steps = []

        var unknownOutcome = withEffects
        unknownOutcome.outcome = "forgotten"
        var repeatedMessage = withEffects
        repeatedMessage.replyID = ID(events.first?.id.uuid ?? good.replyID.uuid)
        // The very last rows that a commit writes.
        var repeatedDelivery = withEffects
        repeatedDelivery.deliveries = [NewDelivery(id: first.id, address: [:], payload: [:], text: "again")]
        let broken = [
            ("an unknown outcome", unknownOutcome), ("a message twice", repeatedMessage),
            ("a delivery twice", repeatedDelivery),
        ]
        let before = try await traffic.contents(of: traffic.ours.business)
        for (what, turn) in broken {
            _ = await findings.error(what) { _ = try await traffic.turns.commit(turn, claim: claim, at: time) }
            findings.expect(try await traffic.contents(of: traffic.ours.business), is: before, "what \(what) leaves")
        }
        // An unknown conversation: one that another's claim has opened.
        try await traffic.keep("a", in: traffic.theirs, at: time)
        let foreign = try await traffic.conversation(try await traffic.claim(at: time), at: time)
        let theirs = try await traffic.contents(of: traffic.theirs.business)
        _ = await findings.error("an unknown conversation") {
            let turn = traffic.turn(events, in: foreign, at: time)
            _ = try await traffic.turns.commit(turn, claim: claim, at: time)
        }
        findings.expect(try await traffic.contents(of: traffic.ours.business), is: before, "what that leaves")
        findings.expect(
            try await traffic.contents(of: traffic.theirs.business),
            is: theirs,
            "what that leaves of others'"
        )

        findings.expect(try await traffic.waiting(claim).count, is: 1, "open events")
        findings.expect(try await traffic.lane(traffic.ours)?.holder, is: "node", "the lane's holder")
        let sent = try await traffic.turns.commit(good, claim: claim, at: time)
        findings.expect(sent?.first.id, is: good.deliveries.first?.id, "the turn, done again")
    }

    // MARK: Order

    static func orderedReplies(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        let (one, sending, first) = try await traffic.answered("a", in: ours, replies: 2, at: time)
        var commits = [one]
        for (key, milliseconds) in [("b", 10), ("c", 10)] {
            try await traffic.keep(key, in: ours, at: after(milliseconds))
            let claim = try await traffic.claim(at: after(milliseconds))
            let commit = traffic.turn(
                try await traffic.waiting(claim),
                in: try await traffic.conversation(claim, at: after(milliseconds)),
                replies: 2,
                at: after(milliseconds)
            )
            let handed = try await traffic.turns.commit(commit, claim: claim, at: after(milliseconds))
            findings.expect(handed == nil, "the reply to \(key) overtook")
            commits.append(commit)
        }
        var sent: [ID<Delivery>] = []
        var next: DeliveryRecord? = first
        while let delivery = next {
            sent.append(delivery.id)
            let outcome = AttemptOutcome(.delivered(platformMessageID: "\(sent.count)"), verdict: "delivered")
            next = try await traffic.deliveries.settle(delivery, outcome, claim: sending, at: after(20))
        }
        findings.expect(sent, is: commits.flatMap(\.deliveries).map(\.id), "the order of sending")
        findings.expect(try await traffic.lane(ours, .deliver) == nil, "an empty lane is left")
        let (four, _, fourth) = try await traffic.answered("d", in: ours, at: after(30))
        findings.expect(fourth.id, is: four.deliveries.first?.id, "the first delivery when all before are settled")
        let positions = try await database.read(.house) { connection in
            try await connection.query("SELECT position FROM deliveries WHERE business_id = $1", [.id(ours.business)])
                .map { try $0.int("position") }
        }
        let last = try await traffic.row("SELECT position FROM deliveries WHERE id = $1", [.id(fourth.id)])
        findings.expect(Set(positions).count, is: 7, "different positions")
        findings.expect(try last.int("position"), is: positions.max() ?? -1, "the last position")

        try await traffic.keep("silent", in: ours("silent"), at: after(40))
        let claim = try await traffic.claim(at: after(40))
        let silent = traffic.turn(
            try await traffic.waiting(claim),
            in: try await traffic.conversation(claim, at: after(40)),
            replies: 0,
            at: after(40)
        )
        findings.expect(
            try await traffic.turns.commit(silent, claim: claim, at: after(40)) == nil,
            "deliveries of nothing"
        )
        findings.expect(try await traffic.lane(ours("silent"), .deliver) == nil, "a lane for nothing")
    }

    // MARK: Without a turn

    static func passedOver(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        try await traffic.keep("a", "b", in: traffic.ours, at: time)
        let claim = try await traffic.claim(at: time)
        let conversation = try await traffic.conversation(claim, at: time)
        let events = try await traffic.waiting(claim)
        guard let first = events.first else { return findings.expect(false, "no event") }
        var colleague = traffic.message(first)
        colleague.id = ID(at: after(5))
        colleague.text = "I take this"
        let passed = PassedOver(
            closing: [(first.id, first.dedupeKey)],
            steps: [JourneyStep("gate", "closed", rule: "owner", value: "human", at: after(5))],
            humanUntil: after(60_000),
            messages: [traffic.message(first)],
            humanMessages: [colleague]
        )
        try await traffic.turns.passOver(passed, conversation: conversation, claim: claim, at: after(5))
        findings.expect(try await traffic.waiting(claim).map(\.dedupeKey), is: ["b"], "what still waits")
        findings.expect(try await traffic.lane(traffic.ours)?.holder, is: "node", "the claim goes on")
        findings.expect(try await traffic.find(claim)?.isOwnedByHuman(at: after(59_999)), is: true, "owned by a human")
        let situation = try await traffic.turns.situation(claim, channel: "telegram") { _ in "u1" }
        findings.expect(situation.events.map(\.dedupeKey), is: ["b"], "the events of the situation")
        findings.expect(situation.remembered.map(\.content).sorted(), is: ["Hello a", "I take this"], "what is kept")
        findings.expect(Set(situation.remembered.map(\.role)), is: [.user, .human], "who said it")
        findings.expect(situation.hasReply, is: false, "a reply")
        let unknown = try await traffic.turns.situation(claim, channel: "telegram") { _ in "nobody" }
        findings.expect(unknown.conversation == nil, "a conversation of somebody who was never seen")
        findings.expect(unknown.events.count, is: 1, "the events of somebody new")
        let journey = try await traffic.journeys.find("\(first.id)")
        findings.expect(journey?.steps.map(\.rule), is: ["owner"], "the reason")
        try await traffic.turns.end(claim, debounce: .zero, at: after(6))
        let lane = Traffic.Lane(claimableAt: after(6), waitingSince: time)
        findings.expect(try await traffic.lane(traffic.ours), is: lane, "the lane of what still waits")
    }
}
