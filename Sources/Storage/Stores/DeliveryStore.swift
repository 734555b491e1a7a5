import ParleyCore

/// Committed deliveries. A send is marked before it starts and settled after, under the claim of its conversation.
package struct DeliveryStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// The oldest delivery of the claim's conversation that is not settled.
    package func next(_ claim: Claim) async throws -> DeliveryRecord? {
        try await database.read(.business(claim.businessID)) { try await DeliveryStore.next(claim, on: $0) }
    }

    /// Marks the delivery as being sent. Throws ``ClaimLost`` when somebody else has taken over.
    ///
    /// - Parameter mayRepeat: an earlier attempt may have arrived; counted and flagged for good.
    package func markSending(
        _ delivery: DeliveryRecord,
        mayRepeat: Bool,
        claim: Claim,
        at now: Timestamp
    ) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            try await DeliveryStore.markSending(delivery.id, mayRepeat: mayRepeat, claim: claim, on: connection)
        }
    }

    /// Keeps what became of an attempt, and marks the next delivery as being sent in the same commit.
    ///
    /// - Parameter goesOn: false leaves the next one to whoever claims the conversation next.
    /// - Returns: the next delivery, if it may be sent at once; otherwise the claim has been ended.
    package func settle(
        _ delivery: DeliveryRecord,
        _ outcome: AttemptOutcome,
        claim: Claim,
        goesOn: Bool = true,
        at now: Timestamp
    ) async throws -> DeliveryRecord? {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            let next: DeliveryRecord?
            let writes = DeliveryStore.keeping(outcome, of: delivery, claim: claim, at: now)
            if outcome.settlement.isFinal {
                next = try await DeliveryStore.next(
                    claim,
                    after: delivery.id,
                    on: connection,
                    alongside: writes + [claim.ending(unlessOthersThan: delivery.id)]
                )
                guard next != nil else { return nil }
            } else {
                try await connection.write(together: writes)
                next = try await DeliveryStore.next(claim, on: connection)
            }
            guard let next else {
                try await claim.end(next: nil, on: connection)
                return nil
            }
            guard goesOn, next.notBefore <= now, next.state == .waiting else {
                try await claim.end(next: (max(now, next.notBefore), now), on: connection)
                return nil
            }
            try await DeliveryStore.markSending(next.id, mayRepeat: false, claim: claim, on: connection)
            return next
        }
    }

    /// Ends a claim in whose conversation nothing can be sent before `time`; nil when there is nothing at all. What was
    /// enqueued since somebody looked is not left behind.
    package func rest(_ claim: Claim, until time: Timestamp?, at now: Timestamp) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            let next = try await time == nil ? DeliveryStore.next(claim, on: connection)?.notBefore : nil
            try await claim.end(next: (time ?? next).map { (max(now, $0), now) }, on: connection)
        }
    }

    /// Settles deliveries by what the platform reported in a webhook; never downgrades. What is not ours is passed over.
    ///
    /// All deliveries first and their messages after them, as ``settle(_:_:claim:goesOn:at:)`` has it: two that write the same ones
    /// wait for each other, and never in a circle.
    static func keep(
        _ reports: [PlatformReport],
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        var messages: [(id: ID<Message>, state: String)] = []
        for report in reports {
            guard let delivery = try await settle(by: report, claim: claim, at: now, on: connection) else { continue }
            if let message = delivery.messageID { messages.append((message, report.state)) }
            try await JourneyStore.append(
                [
                    JourneyStep(
                        "report",
                        report.state,
                        rule: "platform_status",
                        value: report.reason ?? report.platformMessageID,
                        at: now
                    )
                ],
                to: delivery.id,
                of: claim.businessID,
                on: connection
            )
        }
        for message in messages {
            try await connection.execute(
                """
                UPDATE messages SET delivery_state = $3 WHERE business_id = $1 AND id = $2
                    AND (CASE COALESCE(delivery_state, '') WHEN 'failed' THEN 4 WHEN 'read' THEN 3
                        WHEN 'delivered' THEN 2 WHEN 'sent' THEN 1 ELSE 0 END)
                    < (CASE $3 WHEN 'failed' THEN 4 WHEN 'read' THEN 3 WHEN 'delivered' THEN 2
                        WHEN 'sent' THEN 1 ELSE 0 END)
                """,
                [.id(claim.businessID), .id(message.id), .text(message.state)]
            )
        }
    }

    /// The delivery that a report is about; nil when it is not ours.
    private static func settle(
        by report: PlatformReport,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws -> DeliveryRecord? {
        let row = try await connection.first(
            """
            SELECT * FROM (
                SELECT * FROM deliveries WHERE business_id = $1 AND channel_integration_id = $2 AND id = $3
                UNION ALL
                SELECT * FROM deliveries
                WHERE business_id = $1 AND channel_integration_id = $2 AND platform_message_id = $4
            ) AS ours ORDER BY id DESC LIMIT 1
            """,
            [.id(claim.businessID), .id(claim.integrationID), .id(report.deliveryID), .text(report.platformMessageID)]
        )
        guard let row else { return nil }
        let delivery = try DeliveryRecord(row)
        let hasFailed = report.state == "failed"
        if delivery.settledAt == nil || (hasFailed && delivery.state == .delivered) {
            try await connection.execute(
                """
                UPDATE deliveries SET state = $3, settled_at = $4, platform_message_id = $5, dead_reason = $6
                WHERE business_id = $1 AND id = $2
                """,
                [
                    .id(claim.businessID), .id(delivery.id), .text(hasFailed ? "dead" : "delivered"), .timestamp(now),
                    .text(report.platformMessageID),
                    .text(hasFailed ? report.reason ?? "the platform reported a failure" : nil),
                ]
            )
        }
        return delivery
    }

    /// Dead deliveries, newest first, of one business or of all.
    package func dead(of business: ID<Business>?, upTo count: Int) async throws -> [DeliveryRecord] {
        try await database.read(business.map { .business($0) } ?? .house) { connection in
            try await connection.query(
                business == nil
                    ? "SELECT * FROM deliveries WHERE state = 'dead' ORDER BY id DESC LIMIT $1"
                    : """
                    SELECT * FROM deliveries WHERE state = 'dead' AND business_id = $2 ORDER BY id DESC LIMIT $1
                    """,
                business.map { [.int(count), .id($0)] } ?? [.int(count)]
            ).map { try DeliveryRecord($0) }
        }
    }

    package func find(_ id: ID<Delivery>) async throws -> DeliveryRecord? {
        try await database.read(.house) { connection in
            try await connection.first(
                "SELECT * FROM deliveries WHERE business_id IN (SELECT id FROM businesses) AND id = $1",
                [.id(id)]
            ).map {
                try DeliveryRecord($0)
            }
        }
    }

    /// Puts a dead delivery back into its conversation's lane. False when it is not dead.
    package func revive(_ id: ID<Delivery>, at now: Timestamp) async throws -> Bool {
        try await database.transaction(.house) { connection in
            let row = try await connection.first(
                """
                UPDATE deliveries SET state = 'waiting', settled_at = NULL, dead_reason = NULL, attempts = 0,
                    created_at = $2, not_before = $2
                WHERE business_id IN (SELECT id FROM businesses) AND id = $1 AND state = 'dead'
                RETURNING business_id, channel_integration_id, conversation_key
                """,
                [.id(id), .timestamp(now)]
            )
            guard let row else { return false }
            try await connection.execute(
                """
                INSERT INTO lanes (
                    act, business_id, channel_integration_id, conversation_key, claimable_at, waiting_since
                ) VALUES ('deliver', $1, $2, $3, $4, $4)
                ON CONFLICT (act, business_id, channel_integration_id, conversation_key)
                DO UPDATE SET claimable_at = lanes.claimable_at WHERE FALSE
                """,
                [row["business_id"], row["channel_integration_id"], row["conversation_key"], .timestamp(now)]
            )
            try await JourneyStore.append(
                [JourneyStep("deliver", "revived", rule: "dead_retry", at: now)],
                to: id,
                of: try row.id("business_id"),
                on: connection
            )
            return true
        }
    }

    // MARK: Within somebody's commit

    static func next(_ claim: Claim, on connection: any SQLConnection) async throws -> DeliveryRecord? {
        try await connection.first(
            """
            SELECT * FROM deliveries
            WHERE business_id = $1 AND channel_integration_id = $2 AND conversation_key = $3 AND settled_at IS NULL
            ORDER BY position LIMIT 1
            """,
            [.id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey)]
        ).map { try DeliveryRecord($0) }
    }

    /// The next but one that is being settled by `writes`.
    private static func next(
        _ claim: Claim,
        after settled: ID<Delivery>,
        on connection: any SQLConnection,
        alongside writes: [SQLWrite]
    ) async throws -> DeliveryRecord? {
        try await connection.query(
            """
            SELECT * FROM deliveries
            WHERE business_id = $1 AND channel_integration_id = $2 AND conversation_key = $3 AND settled_at IS NULL
                AND id <> $4
            ORDER BY position LIMIT 1
            """,
            [.id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey), .id(settled)],
            alongside: writes
        ).first.map { try DeliveryRecord($0) }
    }

    static func markSending(
        _ id: ID<Delivery>,
        mayRepeat: Bool,
        claim: Claim,
        on connection: any SQLConnection
    ) async throws {
        let written = try await connection.execute(
            """
            UPDATE deliveries SET state = 'sending', attempts = attempts + 1,
                may_be_duplicate = may_be_duplicate OR $3
            WHERE business_id = $1 AND id = $2 AND settled_at IS NULL
            """,
            [.id(claim.businessID), .id(id), .bool(mayRepeat)]
        )
        guard written == 1 else { throw ClaimLost() }
    }

    /// Where a claim's next deliveries stand in its conversation. Positions are times, so that they grow even when
    /// everything before is settled and gone.
    ///
    /// - Parameter isFirst: the conversation has no deliveries that wait.
    static func nextPosition(
        in claim: Claim,
        isFirst: Bool,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws -> Int64 {
        if isFirst { return now.microseconds }
        let last = try await connection.first(
            """
            SELECT MAX(position) AS last FROM deliveries
            WHERE business_id = $1 AND channel_integration_id = $2 AND conversation_key = $3 AND settled_at IS NULL
            """,
            [.id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey)]
        )?.optionalInt("last")
        return max(now.microseconds, (last ?? 0) + 1)
    }
}

extension DeliveryStore {
    /// Deliveries on their way into the outbox.
    struct Enqueuing {
        var deliveries: [NewDelivery]
        var conversation: ID<Conversation>
        var turn: ID<Turn>?
        var message: ID<Message>?
        /// Of the first; the others follow it.
        var position: Int64
        /// Whoever enqueues them sends the first at once: it is marked from the beginning.
        var isSendingFirst: Bool
    }

    static func write(_ enqueuing: Enqueuing, claim: Claim, at now: Timestamp) -> SQLWrite {
        .rows(
            into: "deliveries",
            columns: """
                business_id, id, channel_integration_id, conversation_key, conversation_id, turn_id, message_id, \
                position, address, payload, text, state, attempts, not_before, created_at
                """,
            enqueuing.deliveries.enumerated().map { index, delivery in
                let isSending = enqueuing.isSendingFirst && index == 0
                return [
                    .id(claim.businessID), .id(delivery.id), .id(claim.integrationID), .text(claim.conversationKey),
                    .id(enqueuing.conversation), .id(enqueuing.turn), .id(enqueuing.message),
                    .integer(enqueuing.position + Int64(index)), .json(delivery.address), .json(delivery.payload),
                    .text(delivery.text),
                    .text((isSending ? DeliveryRecord.State.sending : .waiting).rawValue), .int(isSending ? 1 : 0),
                    .timestamp(now), .timestamp(now),
                ]
            }
        )
    }

    private static func keeping(
        _ outcome: AttemptOutcome,
        of delivery: DeliveryRecord,
        claim: Claim,
        at now: Timestamp
    ) -> [SQLWrite] {
        var writes: [SQLWrite] = []
        // The claim's business, not the record's: nobody settles what is another's.
        let key: [SQLValue] = [.id(claim.businessID), .id(delivery.id)]
        switch outcome.settlement {
        case .delivered(let platformMessageID):
            writes.append(
                .statement(
                    """
                    UPDATE deliveries SET state = 'delivered', settled_at = $3,
                        platform_message_id = COALESCE($4, platform_message_id)
                    WHERE business_id = $1 AND id = $2 AND settled_at IS NULL
                    """,
                    key + [.timestamp(now), .text(platformMessageID)]
                )
            )
        case .dead(let reason):
            writes.append(
                .statement(
                    """
                    UPDATE deliveries SET state = 'dead', settled_at = $3, dead_reason = $4
                    WHERE business_id = $1 AND id = $2 AND settled_at IS NULL
                    """,
                    key + [.timestamp(now), .text(reason)]
                )
            )
        case .again(let time, let inPlainText, let address, let counts):
            writes.append(
                .statement(
                    """
                    UPDATE deliveries SET state = 'waiting', not_before = $3,
                        uses_plain_text = uses_plain_text OR $4,
                        address = COALESCE($5, address),
                        attempts = CASE WHEN $6 = 1 THEN attempts ELSE attempts - 1 END
                    WHERE business_id = $1 AND id = $2 AND settled_at IS NULL
                    """,
                    key + [
                        .timestamp(time), .bool(inPlainText), address.map { .json($0) } ?? .null, .int(counts ? 1 : 0),
                    ]
                )
            )
        case .uncertain(let time):
            writes.append(
                .statement(
                    """
                    UPDATE deliveries SET state = 'uncertain', not_before = $3
                    WHERE business_id = $1 AND id = $2 AND settled_at IS NULL
                    """,
                    key + [.timestamp(time)]
                )
            )
        }
        if let verdict = outcome.verdict {
            writes.append(
                .statement(
                    """
                    INSERT INTO delivery_attempts (
                        business_id, delivery_id, attempt, verdict, reason, milliseconds, created_at
                    ) SELECT business_id, id, (
                            SELECT COUNT(*) + 1 FROM delivery_attempts a
                            WHERE a.business_id = d.business_id AND a.delivery_id = d.id
                        ), $3, $4, $5, $6
                    FROM deliveries d WHERE business_id = $1 AND id = $2
                    """,
                    key + [
                        .text(verdict), .text(outcome.reason), .int(outcome.milliseconds), .timestamp(now),
                    ]
                )
            )
        }
        writes += JourneyStore.appending(outcome.steps, to: delivery.id, of: claim.businessID)
        if let messageID = delivery.messageID, case .delivered = outcome.settlement {
            writes.append(
                .statement(
                    """
                    UPDATE messages SET delivery_state = COALESCE(delivery_state, 'sent')
                    WHERE business_id = $1 AND id = $2
                    """,
                    [.id(claim.businessID), .id(messageID)]
                )
            )
        }
        return writes
    }
}
