import ParleyCore
import Storage

// What turns leave behind for the next one, which only the database can confirm.
extension StorageConformance {
    static func hints(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        var moment = 0
        var hint: TurnHint?
        // Past the twentieth message, and over a new session.
        for number in 0..<16 {
            moment += 1000
            let (claim, read) = try await traffic.begun("e\(number)", at: after(moment))
            if let hint, let known = hint.remembered {
                findings.expect(known, is: read.remembered, "what turn \(number) is told to start from")
                let marked = TurnHint(session: hint.session, remembered: known.map { $0.marked })
                let told = try await traffic.situation(claim, marked)
                findings.expect(
                    told.remembered,
                    is: known.map { $0.marked },
                    "what turn \(number) did not have to read"
                )
                findings.expect(told.isFromHint, is: true, "whether that is told")
                findings.expect(told.hasReply, is: true, "a reply before turn \(number)")
                let session = try await traffic.situation(claim, TurnHint(session: hint.session, remembered: nil))
                findings.expect(session.remembered, is: read.remembered, "what is read when only the session is known")
                findings.expect(session.isFromHint, is: false, "a hint without messages")
                findings.expect(session.hasReply, is: true, "a reply in a known session")
            }
            guard let conversation = read.conversation else { return findings.expect(false, "no conversation") }
            var turn = traffic.turn(read.events, in: conversation, at: after(moment + 10))
            if number == 4 {
                turn.startsSession = true
                turn.sessionID = ID(at: after(moment))
            }
            let sending = try await traffic.turns.commit(turn, claim: claim, at: after(moment + 10))
            findings.expect(sending == nil, is: number > 0, "older deliveries before turn \(number)")
            hint = TurnHint(after: turn, remembered: read.remembered, at: after(moment + 10))
        }
        findings.expect(hint?.remembered?.count, is: Limits.contextMessages, "the messages of the new session")
        guard let hint else { return }
        try await disprove(hint, traffic, &findings)
    }

    // What comes between two turns makes a hint untrue.
    private static func disprove(_ hint: TurnHint, _ traffic: Traffic, _ findings: inout Findings) async throws {
        let marked = TurnHint(session: hint.session, remembered: hint.remembered?.map { $0.marked })
        let (claim, read) = try await traffic.begun("passed", at: after(60_000))
        guard let conversation = read.conversation, let event = read.events.first else {
            return findings.expect(false, "nothing to pass over")
        }
        findings.expect(try await traffic.situation(claim, marked).isFromHint, is: true, "a hint that still holds")
        for (what, untrue) in [
            ("conversation", SessionHint(hint.session, conversation: ID(at: after(0)))),
            ("session", SessionHint(hint.session, session: ID(at: after(0)))),
            ("count", SessionHint(hint.session, more: 1)), ("count", SessionHint(hint.session, more: -1)),
            ("moment", SessionHint(hint.session, later: .milliseconds(1))),
        ] {
            let found = try await traffic.situation(claim, TurnHint(session: untrue, remembered: marked.remembered))
            findings.expect(found.isFromHint, is: false, "a hint with another \(what)")
            findings.expect(found.remembered, is: read.remembered, "what is read in spite of another \(what)")
        }
        let passed = PassedOver(
            closing: [(event.id, event.dedupeKey)],
            steps: [JourneyStep("gate", "closed", rule: "owner", value: "human", at: after(60_010))],
            messages: [traffic.message(event)]
        )
        try await traffic.turns.passOver(passed, conversation: conversation, claim: claim, at: after(60_010))
        // Where nothing waits no hint is asked.
        try await traffic.keep("waiting", in: traffic.ours, at: after(60_015))
        let now = try await traffic.situation(claim, marked)
        findings.expect(now.isFromHint, is: false, "a hint from before a message that was passed over")
        findings.expect(now.remembered.last?.content, is: "Hello passed", "that message")
        findings.expect(now.remembered.count, is: Limits.contextMessages, "the messages with it")
        findings.expect(now.hasReply, is: true, "a reply")

        // Another conversation, another business: the hint is of neither.
        try await traffic.turns.passOver(
            PassedOver(closing: now.events.map { ($0.id, $0.dedupeKey) }, steps: []),
            conversation: nil,
            claim: claim,
            at: after(60_018)
        )
        try await traffic.turns.end(claim, debounce: .zero, at: after(60_020))
        for address in [traffic.ours("another"), traffic.theirs] {
            let (claim, alone) = try await traffic.begun("other", in: address, at: after(70_000))
            let other = try await traffic.situation(claim, marked)
            findings.expect(other.remembered, is: alone.remembered, "what is said elsewhere")
            findings.expect(other.isFromHint, is: false, "a hint of another conversation")
            findings.expect(other.hasReply, is: false, "a reply elsewhere")
            try await traffic.turns.passOver(
                PassedOver(closing: other.events.map { ($0.id, $0.dedupeKey) }, steps: []),
                conversation: nil,
                claim: claim,
                at: after(70_010)
            )
            try await traffic.turns.end(claim, debounce: .zero, at: after(70_020))
        }
    }
}

extension StorageConformance.Traffic {
    /// Keeps an event and claims it: the claim, and what it starts from without a hint.
    fileprivate func begun(
        _ dedupeKey: String,
        in address: Address? = nil,
        at now: Timestamp
    ) async throws -> (claim: Claim, read: TurnSituation) {
        try await keep(dedupeKey, in: address ?? ours, at: now)
        let claim = try await claim(at: now)
        _ = try await conversation(claim, at: now)
        return (claim, try await situation(claim, nil))
    }

    fileprivate func situation(_ claim: Claim, _ hint: TurnHint?) async throws -> TurnSituation {
        try await turns.situation(claim, channel: "telegram", hint: hint) { _ in "u1" }
    }
}

extension RememberedMessage {
    /// As the database does not have it.
    fileprivate var marked: RememberedMessage {
        RememberedMessage(
            id: id,
            role: role,
            content: "hinted: \(content)",
            senderName: senderName,
            createdAt: createdAt
        )
    }
}

extension SessionHint {
    /// The same but for one thing.
    fileprivate init(
        _ hint: SessionHint,
        conversation: ID<Conversation>? = nil,
        session: ID<Session>? = nil,
        more: Int64 = 0,
        later: Duration = .zero
    ) {
        self.init(
            conversationID: conversation ?? hint.conversationID,
            sessionID: session ?? hint.sessionID,
            messageCount: hint.messageCount + more,
            lastActivityAt: hint.lastActivityAt.advanced(by: later)
        )
    }
}
