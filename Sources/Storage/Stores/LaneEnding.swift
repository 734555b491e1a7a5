import ParleyCore

// How a claim ends, and how the claim of an answer becomes that of its deliveries.

extension Claim {
    /// Ends the claim, after ``check(_:on:)`` in the same transaction: the lane goes, or becomes claimable at `next`.
    /// Nothing of what was begun before counts any more.
    func end(next: (claimableAt: Timestamp, waitingSince: Timestamp)?, on connection: any SQLConnection) async throws {
        // The lane is ours and nobody else's until this transaction ends: the claim was checked in it.
        if let next {
            try await connection.write(
                """
                UPDATE lanes SET holder = NULL, claimable_at = $6, waiting_since = $7, begun = 0
                WHERE \(Claim.isThis)
                """,
                with: parameters + [.timestamp(next.claimableAt), .timestamp(next.waitingSince)]
            )
        } else {
            try await connection.write("DELETE FROM lanes WHERE \(Claim.isThis)", with: parameters)
        }
    }

    /// Ends the claim of an answer, after ``check(_:on:)`` in the same transaction: the lane goes when no event waits but
    /// those that are being closed, or becomes claimable when it has been quiet for `debounce`.
    ///
    /// Looking and letting go are one step, after the lane was locked: nothing can be stranded between the two. Nothing of
    /// what was begun before counts any more.
    ///
    /// - Parameter isUndone: nothing was done, so that only this beginning does not count.
    func ending(
        closing: [ID<Inbound>],
        debounce: Duration,
        isUndone: Bool = false,
        dialect: Dialect,
        at now: Timestamp
    ) -> [SQLWrite] {
        let waiting = """
            FROM inbox_events
            WHERE business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4 AND closed_at IS NULL
                AND \(dialect.isNone("id", of: "$6"))
            """
        let quiet = dialect.earlier(
            dialect.time("waiting.latest", plusMicroseconds: "$8"),
            dialect.time("waiting.earliest", plusMicroseconds: "$9")
        )
        // Not later than the longest debounce, however far ahead the clocks of the nodes are that told the times.
        let claimableAt = dialect.earlier(
            dialect.later("$7", quiet),
            dialect.leaseTime("$7", plusMicroseconds: "$9")
        )
        let parameters = parameters + [dialect.ids(closing)]
        return [
            .statement(
                "DELETE FROM lanes WHERE \(Claim.isThis) AND NOT EXISTS (SELECT 1 \(waiting))",
                parameters
            ),
            .statement(
                """
                UPDATE lanes SET holder = NULL, claimable_at = \(claimableAt),
                    waiting_since = waiting.earliest,
                    begun = CASE WHEN $10 = 1 AND begun > 0 THEN begun - 1 ELSE 0 END
                FROM (SELECT MIN(received_at) AS earliest, MAX(received_at) AS latest \(waiting)) AS waiting
                WHERE \(Claim.isThis) AND waiting.earliest IS NOT NULL
                """,
                parameters + [
                    .timestamp(now), .integer(debounce.microseconds), .integer(Limits.debounceMaximum.microseconds),
                    .int(isUndone ? 1 : 0),
                ]
            ),
        ]
    }

    /// Ends the claim on deliveries, after ``check(_:on:)`` in the same transaction, if there are no others but one.
    func ending(unlessOthersThan settled: ID<Delivery>) -> SQLWrite {
        .statement(
            """
            DELETE FROM lanes WHERE \(Claim.isThis) AND NOT EXISTS (
                SELECT 1 FROM deliveries
                WHERE business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND settled_at IS NULL AND id <> $6
            )
            """,
            parameters + [.id(settled)]
        )
    }

    /// The lane of ``parameters``, while it is held by this claim.
    private static let isThis = """
        act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4 AND fence = $5
            AND holder IS NOT NULL
        """
}

extension Claim {
    /// ``check(_:on:)``; then opens the conversation's delivery lane, and takes it when nobody holds it: whoever made a
    /// reply sends it, without looking for it again.
    ///
    /// Nil when the lane exists. Then it has older deliveries in it: they go first, and whoever holds it will see the new
    /// ones. It is locked all the same, so that it cannot be let go as empty before this is committed.
    func checkAndTakeDeliveries(
        lease: Duration,
        dialect: Dialect,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws -> Claim? {
        let lane: [SQLValue] = [
            .id(businessID), .id(integrationID), .text(conversationKey), .timestamp(now),
            .integer(lease.microseconds), .text(holder),
        ]
        let row: SQLRow?
        switch dialect {
        case .sqlite:
            try await check(dialect, on: connection)
            if let advance = dialect.advanceFence { try await connection.execute(advance) }
            row = try await connection.first(
                Self.deliveryLane("VALUES ('deliver', $1, $2, $3, $4 + $5, $4, $6, \(dialect.nextFence))"),
                lane
            )
        case .postgres:
            guard
                let held = try await connection.first(
                    Self.checkingAndTaking,
                    lane + [.text(act.rawValue), .integer(fence)]
                )
            else { throw ClaimLost() }
            row = held["fence"] == .null ? nil : held
        }
        guard let row else { return nil }
        return Claim(
            act: .deliver,
            businessID: businessID,
            integrationID: integrationID,
            conversationKey: conversationKey,
            holder: holder,
            fence: try row.int("fence"),
            begun: 1
        )
    }

    private static func deliveryLane(_ source: String) -> String {
        """
        INSERT INTO lanes (
            act, business_id, channel_integration_id, conversation_key, claimable_at, waiting_since, holder, fence
        ) \(source)
        ON CONFLICT (act, business_id, channel_integration_id, conversation_key)
        DO UPDATE SET claimable_at = lanes.claimable_at WHERE FALSE
        RETURNING fence
        """
    }

    /// PostgreSQL: one statement. The answer's lane is locked first, in the order in which heartbeats lock them too.
    private static let checkingAndTaking = """
        WITH held AS MATERIALIZED (
            SELECT 1 AS held FROM lanes
            WHERE act = $7 AND business_id = $1::uuid AND channel_integration_id = $2::uuid
                AND conversation_key = $3::text AND fence = $8 AND holder IS NOT NULL
            FOR UPDATE
        ), taken AS (
            \(deliveryLane(
                """
                SELECT 'deliver', $1::uuid, $2::uuid, $3::text,
                    parley_lease_time($4) + $5 * interval '1 microsecond', $4::timestamptz, $6, nextval('fence_sequence')
                FROM held
                """
            ))
        )
        SELECT (SELECT fence FROM taken) AS fence FROM held
        """
}
