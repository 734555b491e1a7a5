import ParleyCore

/// The exclusive, fenced right to work on one conversation. Only ``LaneStore`` makes one.
package struct Claim: Sendable, Hashable {
    package enum Act: String, Sendable { case answer, deliver }

    package let act: Act
    package let businessID: ID<Business>
    package let integrationID: ID<Integration>
    package let conversationKey: String
    package let holder: String
    /// Grows with every claim of the conversation: a late holder's writes and sends are refused by it.
    package let fence: Int64

    fileprivate init(
        act: Act,
        businessID: ID<Business>,
        integrationID: ID<Integration>,
        conversationKey: String,
        holder: String,
        fence: Int64
    ) {
        self.act = act
        self.businessID = businessID
        self.integrationID = integrationID
        self.conversationKey = conversationKey
        self.holder = holder
        self.fence = fence
    }

    /// The lane's key as parameters $1…$4, and the fence as $5.
    fileprivate var parameters: [SQLValue] {
        [.text(act.rawValue), .id(businessID), .id(integrationID), .text(conversationKey), .integer(fence)]
    }
}

/// The lease ran out and somebody else took over: whatever was being done must not be written or sent.
package struct ClaimLost: Error {
    package init() {}
}

/// The claimable conversations. A lane exists while there is work; it is inserted and deleted, never kept.
package struct LaneStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Takes up to `count` lanes whose time has come: businesses in turn, then the longest waiting.
    ///
    /// - Parameters:
    ///   - perBusiness: lanes of one business that may be held at once, by all holders together.
    ///   - lease: how long each claim lives without ``renew(_:lease:at:)``.
    package func claim(
        _ act: Claim.Act,
        upTo count: Int,
        for holder: String,
        perBusiness: Int,
        lease: Duration,
        at now: Timestamp
    ) async throws -> [Claim] {
        let isWorkWaiting = try await database.read(.dispatch) { connection in
            try await connection.first(
                "SELECT 1 AS waiting FROM lanes WHERE act = $1 AND claimable_at <= $2 LIMIT 1",
                [.text(act.rawValue), .timestamp(now)]
            ) != nil
        }
        guard isWorkWaiting, count > 0 else { return [] }
        return try await database.transaction(.dispatch) { connection in
            let candidates = try await connection.query(
                """
                SELECT business_id, channel_integration_id, conversation_key FROM (
                    SELECT business_id, channel_integration_id, conversation_key, claimable_at,
                        ROW_NUMBER() OVER (PARTITION BY business_id ORDER BY claimable_at) AS place
                    FROM lanes WHERE act = $1 AND claimable_at <= $2
                ) AS waiting
                WHERE place + (
                    SELECT COUNT(*) FROM lanes AS held
                    WHERE held.act = $1 AND held.business_id = waiting.business_id
                        AND held.holder IS NOT NULL AND held.claimable_at > $2
                ) <= $3
                ORDER BY place, claimable_at LIMIT $4
                """,
                [.text(act.rawValue), .timestamp(now), .int(perBusiness), .int(count)]
            )
            guard !candidates.isEmpty else { return [] }
            if let advance = database.dialect.advanceFence { try await connection.execute(advance) }
            var claims: [Claim] = []
            for row in candidates {
                let claimed = try await connection.first(
                    """
                    UPDATE lanes SET holder = $5, claimable_at = $6, fence = \(database.dialect.nextFence)
                    WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                        AND claimable_at <= $7
                    RETURNING fence
                    """,
                    [
                        .text(act.rawValue), row["business_id"], row["channel_integration_id"],
                        row["conversation_key"], .text(holder), .timestamp(now.advanced(by: lease)), .timestamp(now),
                    ]
                )
                guard let claimed else { continue }
                claims.append(
                    Claim(
                        act: act,
                        businessID: try row.id("business_id"),
                        integrationID: try row.id("channel_integration_id"),
                        conversationKey: try row.text("conversation_key"),
                        holder: holder,
                        fence: try claimed.int("fence")
                    )
                )
            }
            if act == .answer { try await LaneStore.countAttempts(claims, on: connection) }
            return claims
        }
    }

    /// When the next lane becomes claimable, so that a loop can sleep until then; nil when there is none.
    package func nextTime(_ act: Claim.Act) async throws -> Timestamp? {
        try await database.read(.dispatch) { connection in
            try await connection.first(
                "SELECT MIN(claimable_at) AS next FROM lanes WHERE act = $1",
                [.text(act.rawValue)]
            )?.optionalTimestamp("next")
        }
    }

    /// Heartbeat: prolongs the leases. Returns the claims that are lost.
    ///
    /// A claim that ended a moment ago is not lost; its lane waits for its next holder and is not put off.
    package func renew(_ claims: [Claim], lease: Duration, at now: Timestamp) async throws -> [Claim] {
        guard !claims.isEmpty else { return [] }
        return try await database.transaction(.dispatch) { connection in
            let written = try await connection.batch(
                """
                UPDATE lanes SET claimable_at = CASE WHEN holder IS NULL THEN claimable_at ELSE $6 END
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND fence = $5
                """,
                claims.map { $0.parameters + [.timestamp(now.advanced(by: lease))] }
            )
            return zip(claims, written).filter { $0.1 == 0 }.map(\.0)
        }
    }

    /// Gives the claim back undone; the lane can be claimed again at `time`. Does nothing if the claim is lost.
    package func release(_ claim: Claim, claimableAt time: Timestamp) async throws {
        _ = try await database.transaction(.dispatch) { connection in
            try await connection.execute(
                """
                UPDATE lanes SET holder = NULL, claimable_at = $6
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND fence = $5 AND holder IS NOT NULL
                """,
                claim.parameters + [.timestamp(time)]
            )
        }
    }

    /// Frees every lane, for the start of the only process on a database: whoever held one is dead.
    ///
    /// Events that were begun often may be what kills the process: their lanes wait, the more often the longer, so that the
    /// innocent are answered first and a culprit runs alone.
    package func releaseAll(at now: Timestamp) async throws -> Int {
        try await database.transaction(.dispatch) { connection in
            let held = try await connection.query(
                """
                SELECT l.act, l.business_id, l.channel_integration_id, l.conversation_key, (
                    SELECT MAX(e.attempts) FROM inbox_events e
                    WHERE e.business_id = l.business_id AND e.channel_integration_id = l.channel_integration_id
                        AND e.conversation_key = l.conversation_key AND e.closed_at IS NULL
                ) AS attempts
                FROM lanes l WHERE l.holder IS NOT NULL
                """
            )
            try await connection.batch(
                """
                UPDATE lanes SET holder = NULL, claimable_at = $5
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                """,
                held.map { row in
                    let begun = row["act"] == .text(Claim.Act.answer.rawValue) ? row.optionalInt("attempts") ?? 0 : 0
                    let wait: Duration = begun <= 3 ? .zero : .milliseconds(min(begun, 20) * 250)
                    return [
                        row["act"], row["business_id"], row["channel_integration_id"], row["conversation_key"],
                        .timestamp(now.advanced(by: wait)),
                    ]
                }
            )
            return held.count
        }
    }

    /// Frees what one holder still has of one act, for its orderly end.
    package func releaseAll(_ act: Claim.Act, of holder: String, at now: Timestamp) async throws {
        _ = try await database.transaction(.dispatch) { connection in
            try await connection.execute(
                "UPDATE lanes SET holder = NULL, claimable_at = $3 WHERE act = $1 AND holder = $2",
                [.text(act.rawValue), .text(holder), .timestamp(now)]
            )
        }
    }

    /// How many lanes wait and how many are held, for the metrics.
    package func depth() async throws -> [(act: String, waiting: Int64, held: Int64)] {
        try await database.read(.dispatch) { connection in
            try await connection.query(
                """
                SELECT act, SUM(CASE WHEN holder IS NULL THEN 1 ELSE 0 END) AS waiting,
                    SUM(CASE WHEN holder IS NULL THEN 0 ELSE 1 END) AS held
                FROM lanes GROUP BY act
                """
            ).map { (try $0.text("act"), try $0.int("waiting"), try $0.int("held")) }
        }
    }

    // Counted before the work, so that an event which kills the process is noticed by its successors.
    private static func countAttempts(_ claims: [Claim], on connection: any SQLConnection) async throws {
        try await connection.batch(
            """
            UPDATE inbox_events SET attempts = attempts + 1
            WHERE business_id = $1 AND channel_integration_id = $2 AND conversation_key = $3 AND closed_at IS NULL
            """,
            claims.map { [.id($0.businessID), .id($0.integrationID), .text($0.conversationKey)] }
        )
    }
}

// What the other stores do with a claim inside their own transactions.
extension Claim {
    /// Throws ``ClaimLost`` unless the claim still holds: neither taken over nor given back; to be called first in every transaction that it protects.
    func check(on connection: any SQLConnection) async throws {
        let held = try await connection.first(
            """
            SELECT 1 AS held FROM lanes
            WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                AND fence = $5 AND holder IS NOT NULL
            """,
            parameters
        )
        guard held != nil else { throw ClaimLost() }
    }

    /// Ends the claim: the lane goes when nothing waits in it, or becomes claimable at `next`. One atomic step, so that
    /// nothing can be stranded between looking and letting go.
    func end(next: (claimableAt: Timestamp, waitingSince: Timestamp)?, on connection: any SQLConnection) async throws {
        let written: Int
        if let next {
            written = try await connection.execute(
                """
                UPDATE lanes SET holder = NULL, claimable_at = $6, waiting_since = $7
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND fence = $5 AND holder IS NOT NULL
                """,
                parameters + [.timestamp(next.claimableAt), .timestamp(next.waitingSince)]
            )
        } else {
            written = try await connection.execute(
                """
                DELETE FROM lanes
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND fence = $5 AND holder IS NOT NULL
                """,
                parameters
            )
        }
        guard written == 1 else { throw ClaimLost() }
    }

    /// Opens the conversation's delivery lane, inside the transaction that enqueued deliveries, and takes it when nobody
    /// holds it: whoever made a reply sends it, without looking for it again.
    func takeDeliveryLane(
        lease: Duration,
        dialect: Dialect,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws -> Claim? {
        if let advance = dialect.advanceFence { try await connection.execute(advance) }
        let row = try await connection.first(
            """
            INSERT INTO lanes (
                act, business_id, channel_integration_id, conversation_key, claimable_at, waiting_since, holder, fence
            ) VALUES ('deliver', $1, $2, $3, $4, $5, $6, \(dialect.nextFence))
            ON CONFLICT (act, business_id, channel_integration_id, conversation_key) DO NOTHING
            RETURNING fence
            """,
            [
                .id(businessID), .id(integrationID), .text(conversationKey),
                .timestamp(now.advanced(by: lease)), .timestamp(now), .text(holder),
            ]
        )
        // A lane that exists has older deliveries in it: they go first, and whoever holds it will see the new ones.
        guard let row else { return nil }
        return Claim(
            act: .deliver,
            businessID: businessID,
            integrationID: integrationID,
            conversationKey: conversationKey,
            holder: holder,
            fence: try row.int("fence")
        )
    }
}
