import ParleyCore

// How lanes are claimed on each engine: the same lanes, by what is cheapest there. A beginning is counted with the claim and
// before the work, so that what kills the process is noticed by its successors.

/// What ``LaneStore/claim(_:_:for:perBusiness:lease:at:)`` was asked for.
struct Taking: Sendable {
    let act: Claim.Act
    let shares: [LaneShare]
    let holder: String
    let perBusiness: Int
    let lease: Duration
    let now: Timestamp

    fileprivate func claim(_ row: SQLRow) throws(SQLError) -> Claim {
        Claim(
            act: act,
            businessID: try row.id("business_id"),
            integrationID: try row.id("channel_integration_id"),
            conversationKey: try row.text("conversation_key"),
            holder: holder,
            fence: try row.int("fence"),
            begun: try row.int("begun")
        )
    }
}

extension LaneStore {
    /// SQLite: statements cost no round trip, and nobody else claims meanwhile.
    func takeOneByOne(_ taking: Taking) async throws -> [Claim] {
        try await database.transaction(.dispatch) { connection in
            if let advance = database.dialect.advanceFence { try await connection.execute(advance) }
            var claims: [Claim] = []
            for share in taking.shares {
                for row in try await waiting(share, taking, on: connection) {
                    claims.append(try taking.claim(row))
                }
            }
            return claims
        }
    }

    private func waiting(
        _ share: LaneShare,
        _ taking: Taking,
        on connection: any SQLConnection
    ) async throws -> [SQLRow] {
        let held = try await connection.first(
            """
            SELECT COUNT(*) AS held FROM lanes
            WHERE act = $1 AND business_id = $2 AND holder IS NOT NULL AND claimable_at > $3
            """,
            [.text(taking.act.rawValue), .id(share.business), .timestamp(taking.now)]
        )?.int("held")
        let room = min(share.count, taking.perBusiness - Int(clamping: held ?? 0))
        guard room > 0 else { return [] }
        return try await connection.query(
            """
            UPDATE lanes SET holder = $5, claimable_at = $6, fence = \(database.dialect.nextFence), begun = begun + 1
            WHERE act = $1 AND business_id = $2 AND (channel_integration_id, conversation_key) IN (
                SELECT channel_integration_id, conversation_key FROM lanes
                WHERE act = $1 AND business_id = $2 AND claimable_at <= $3 ORDER BY claimable_at LIMIT $4
            )
            RETURNING business_id, channel_integration_id, conversation_key, fence, begun
            """,
            [
                .text(taking.act.rawValue), .id(share.business), .timestamp(taking.now), .int(room),
                .text(taking.holder), .timestamp(taking.now.advanced(by: taking.lease)),
            ]
        )
    }
}

extension LaneStore {
    /// PostgreSQL: one statement. Lanes that others are just changing are skipped: they are theirs, or will be seen the
    /// next time.
    func takeAtOnce(_ taking: Taking) async throws -> [Claim] {
        try await database.transaction(.dispatch) { connection in
            try await connection.query(
                Self.take,
                [
                    .text(taking.act.rawValue), .array(taking.shares.map { .id($0.business) }),
                    .array(taking.shares.map { .int($0.count) }), .int(taking.perBusiness), .timestamp(taking.now),
                    .integer(taking.lease.microseconds), .text(taking.holder),
                ]
            ).map { try taking.claim($0) }
        }
    }

    private static let take = """
        WITH chosen AS MATERIALIZED (
            SELECT free.* FROM unnest($2::uuid[], $3::bigint[]) AS share (business_id, count)
            CROSS JOIN LATERAL (
                SELECT business_id, channel_integration_id, conversation_key FROM lanes
                WHERE act = $1 AND business_id = share.business_id AND claimable_at <= parley_lease_time($5)
                ORDER BY claimable_at
                LIMIT least(share.count, greatest(0, $4 - (
                    SELECT count(*) FROM lanes AS held
                    WHERE held.act = $1 AND held.business_id = share.business_id AND held.holder IS NOT NULL
                        AND held.claimable_at > parley_lease_time($5)
                )))
                FOR UPDATE SKIP LOCKED
            ) AS free
        ), taken AS (
            UPDATE lanes SET holder = $7, fence = nextval('fence_sequence'), begun = lanes.begun + 1,
                claimable_at = parley_lease_time($5) + $6::bigint * interval '1 microsecond'
            FROM chosen
            WHERE lanes.act = $1 AND lanes.business_id = chosen.business_id
                AND lanes.channel_integration_id = chosen.channel_integration_id
                AND lanes.conversation_key = chosen.conversation_key
            RETURNING lanes.business_id, lanes.channel_integration_id, lanes.conversation_key, lanes.fence, lanes.begun
        )
        SELECT business_id, channel_integration_id, conversation_key, fence, begun FROM taken
        """
}
