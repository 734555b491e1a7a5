import ParleyCore
import Storage

// What is old goes; nothing that is open, and nothing that was spent, goes with it.
extension StorageConformance {
    static func jobs(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let jobs = JobStore(database)
        let lease = Duration.seconds(60)
        findings.expect(try await jobs.job("retention"), is: nil, "a job that was never begun")
        guard let (first, start) = try await jobs.take("retention", for: "a", lease: lease, at: time) else {
            return findings.expect(false, "a new job is not given")
        }
        findings.expect(start, is: [:], "where a new job begins")
        findings.expect(
            try await jobs.take("retention", for: "b", lease: lease, at: after(59_000)) == nil,
            "two do the same"
        )
        findings.expect(
            try await jobs.take("other", for: "b", lease: lease, at: after(59_000)) != nil,
            "another job has to wait"
        )
        try await jobs.renew(first, lease: lease, cursor: ["at": "x"], at: after(59_000))
        findings.expect(
            try await jobs.take("retention", for: "b", lease: lease, at: after(118_000)) == nil,
            "a renewed job is taken away"
        )
        // The holder has died.
        guard let (second, cursor) = try await jobs.take("retention", for: "b", lease: lease, at: after(120_000)) else {
            return findings.expect(false, "nobody can go on")
        }
        findings.expect(cursor, is: ["at": "x"], "where the next goes on")
        do {
            try await jobs.renew(first, lease: lease, cursor: ["at": "y"], at: after(120_000))
            findings.expect(false, "a late holder goes on")
        } catch is JobLost {}
        try await jobs.release(first, isFinished: true, at: after(120_000))
        findings.expect(try await jobs.job("retention")?.holder, is: "b", "the holder after a late release")
        try await jobs.release(second, isFinished: false, at: after(121_000))
        let interrupted = try await jobs.job("retention")
        findings.expect(interrupted?.holder == nil, "a released job is held")
        findings.expect(interrupted?.cursor, is: ["at": "x"], "the cursor of an interrupted run")
        guard let (third, _) = try await jobs.take("retention", for: "c", lease: lease, at: after(121_000)) else {
            return findings.expect(false, "a released job is not given")
        }
        try await jobs.release(third, isFinished: true, at: after(122_000))
        let finished = try await jobs.job("retention")
        findings.expect(finished?.cursor, is: [:], "the cursor of a finished run")
        findings.expect(finished?.finishedAt, is: after(122_000), "when it was finished")
    }

    static func retention(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        try await traffic.converse(in: traffic.ours, ending: .delivered(platformMessageID: "1"), at: time)
        try await traffic.converse(in: traffic.beside, ending: .dead(reason: "gone"), at: after(1))
        let open = Traffic.Address(business: traffic.ours.business, integration: traffic.ours.integration, key: "open")
        let (_, _, unsettled) = try await traffic.answered("u", in: open, at: after(2))
        try await traffic.keep("unanswered", in: open, at: after(3))
        try await traffic.note(unsettled.id.uuid, in: open, at: after(3))
        let waiting = try await traffic.row("SELECT id FROM inbox_events WHERE dedupe_key = $1", [.text("unanswered")])
        try await traffic.note(try waiting.id("id", Inbound.self).uuid, in: open, at: after(3))
        let theirs = try await traffic.contents(of: traffic.theirs.business)

        // A day before each time is up, nothing goes; afterwards all of it, in batches.
        let store = RetentionStore(database)
        let policy = RetentionPolicy()
        let gone: [Retained: Int] = [
            .turnTexts: 3, .messages: 4, .toolExecutions: 2, .turns: 3, .journey: 5, .inbox: 3, .deliveries: 1,
            .deadLetters: 1, .analytics: 3,
        ]
        for retained in Retained.allCases {
            let young = time.advanced(by: .seconds(86_400 * (policy[retained] - 1)))
            let early = try await traffic.prune(retained, policy, at: young)
            findings.expect(early, is: 0, "\(retained) that went too early")
            let old = time.advanced(by: .seconds(86_400 * (policy[retained] + 1)))
            let cutOff = policy.cutOff(retained, at: old)
            let counted = try await store.count(retained, of: traffic.ours.business, before: cutOff)
            findings.expect(counted, is: Int64(gone[retained] ?? 0), "\(retained) counted")
            let went = try await traffic.prune(retained, policy, at: old)
            findings.expect(went, is: gone[retained] ?? 0, "\(retained) that went")
            let left = try await store.count(retained, of: traffic.ours.business, before: cutOff)
            findings.expect(left, is: 0, "\(retained) that are left")
        }
        let attempts = try await traffic.count("delivery_attempts")
        findings.expect(attempts, is: 0, "attempts without their delivery")
        // The open conversation is as it was.
        findings.expect(try await traffic.count("inbox_events WHERE closed_at IS NULL"), is: 1, "events that wait")
        findings.expect(try await traffic.count("deliveries WHERE settled_at IS NULL"), is: 1, "deliveries that wait")
        findings.expect(try await traffic.count("messages"), is: 2, "messages of the open conversation")
        findings.expect(try await traffic.count("journey_events"), is: 2, "steps of what is open")
        findings.expect(try await traffic.count("api_usage"), is: 1, "rows of usage")
        findings.expect(try await traffic.contents(of: traffic.theirs.business), is: theirs, "another business's rows")
    }

    static func ownRetention(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        try await traffic.converse(in: traffic.ours, ending: .delivered(platformMessageID: "1"), at: time)
        try await traffic.converse(in: traffic.theirs, ending: .delivered(platformMessageID: "1"), at: time)
        let settings: JSON = [
            "retention": ["messages_days": 5, "turns_days": "x", "inbox_days": 1, "journey_days": 9_000_000]
        ]
        let policy = RetentionPolicy(settings: settings)
        findings.expect(policy[.messages], is: 5, "days of messages")
        findings.expect(policy[.turnTexts], is: 5, "days of a turn's texts")
        findings.expect(policy[.turns], is: Limits.turnDays, "days that cannot be read")
        findings.expect(policy[.inbox], is: Limits.inboxDaysMinimum, "days below what a platform redelivers")
        findings.expect(policy[.journey], is: Limits.retentionDaysMaximum, "days beyond reason")
        let now = time.advanced(by: .seconds(86_400 * 6))
        findings.expect(try await traffic.prune(.turnTexts, policy, at: now), is: 1, "texts that went")
        findings.expect(try await traffic.prune(.messages, policy, at: now), is: 2, "messages that went")
        let theirs: SQLValue = .id(traffic.theirs.business)
        findings.expect(try await traffic.count("messages WHERE business_id = $1", [theirs]), is: 2, "theirs")
        let texts = "turns WHERE user_message <> '' AND bot_reply IS NOT NULL"
        findings.expect(try await traffic.count(texts), is: 1, "turns with their texts")
        findings.expect(try await traffic.count("turns WHERE tokens_in = 30"), is: 2, "turns with their numbers")
    }

    static func addedUp(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        for number in 0..<3 {
            let moment = after(number)
            try await traffic.converse(
                "e\(number)",
                in: traffic.ours,
                ending: .delivered(platformMessageID: nil),
                at: moment
            )
        }
        let usage = UsageStore(database)
        let day = time.day
        let business = traffic.ours.business
        let before = try await usage.usage(of: business, from: day, through: day)
        findings.expect(before.map(\.messages), is: [3], "messages before")
        findings.expect(before.map(\.toolCalls), is: [3], "tool calls before")
        findings.expect(before.map(\.costMicros), is: [21], "cost before")
        // Somebody has lost it.
        try await database.transaction(.house) { connection in
            _ = try await connection.execute("DELETE FROM api_usage WHERE business_id = $1", [.id(business)])
        }
        let policy = RetentionPolicy()
        let now = time.advanced(by: .seconds(86_400 * 100))
        findings.expect(try await traffic.prune(.toolExecutions, policy, at: now), is: 3, "tool executions that went")
        let added = try await usage.usage(of: business, from: day, through: day)
        findings.expect(added, is: before, "what was added up before they went")
        findings.expect(try await traffic.prune(.turns, policy, at: now), is: 3, "turns that went")
        let after = try await usage.usage(of: business, from: day, through: day)
        findings.expect(after, is: before, "the usage after all")
    }
}

extension StorageConformance.Traffic {
    /// A question, its answer, and what became of the delivery.
    func converse(
        _ dedupeKey: String = "e",
        in address: Address,
        ending settlement: AttemptOutcome.Settlement,
        at now: Timestamp
    ) async throws {
        try await keep(dedupeKey, in: address, at: now)
        let claim = try await claim(at: now)
        var commit = turn(try await waiting(claim), in: try await conversation(claim, at: now), at: now)
        commit.costMicros = 7
        commit.executions = [
            TurnCommit.Execution(
                tool: "capture_lead",
                arguments: "{}",
                resultDigest: "",
                isError: false,
                isCacheHit: false,
                milliseconds: 1
            )
        ]
        guard let sending = try await turns.commit(commit, claim: claim, at: now) else {
            throw Unexpected(what: "older deliveries")
        }
        let outcome = AttemptOutcome(
            settlement,
            verdict: "verdict",
            steps: [JourneyStep("send", "done", at: now)]
        )
        _ = try await deliveries.settle(sending.first, outcome, claim: sending.claim, at: now)
    }

    /// A step of something's journey.
    func note(_ subject: UUID7, in address: Address, at now: Timestamp) async throws {
        try await database.transaction(.house) { connection in
            _ = try await connection.execute(
                """
                INSERT INTO journey_events (business_id, subject_id, id, step, verdict, created_at)
                VALUES ($1, $2, $3, 'accept', 'kept', $4)
                """,
                [.id(address.business), .uuid(subject), .uuid(UUID7(at: now)), .timestamp(now)]
            )
        }
    }

    /// Prunes one kind of our rows, two at a time. How many went.
    func prune(_ retained: Retained, _ policy: RetentionPolicy, at now: Timestamp) async throws -> Int {
        let store = RetentionStore(database)
        let jobs = JobStore(database)
        guard let (hold, _) = try await jobs.take("retention", for: "node", lease: .seconds(60), at: now) else {
            throw Unexpected(what: "somebody else prunes")
        }
        var gone = 0
        var place: RetentionStore.Place?
        var checked: Set<CalendarDay> = []
        repeat {
            let batch = try await store.prune(
                retained,
                of: ours.business,
                before: policy.cutOff(retained, at: now),
                after: place,
                upTo: 2,
                checked: checked,
                job: (hold, [:]),
                at: now
            )
            gone += batch.gone
            (place, checked) = (batch.next, batch.checked)
        } while place != nil
        try await jobs.release(hold, isFinished: true, at: now)
        return gone
    }
}
