import ParleyCore

/// The exclusive, fenced right to work on one conversation. Only ``LaneStore`` makes one.
package struct Claim: Sendable, Hashable {
    package enum Act: String, Sendable, CaseIterable { case answer, deliver }

    package let act: Act
    package let businessID: ID<Business>
    package let integrationID: ID<Integration>
    package let conversationKey: String
    package let holder: String
    /// Grows with every claim of the conversation: a late holder's writes and sends are refused by it.
    package let fence: Int64
    /// How often in a row the lane was claimed, this time included, without anybody having ended or given back a claim on it:
    /// every one of those who claimed it before was lost, or their process was.
    package let begun: Int64

    init(
        act: Act,
        businessID: ID<Business>,
        integrationID: ID<Integration>,
        conversationKey: String,
        holder: String,
        fence: Int64,
        begun: Int64
    ) {
        self.act = act
        self.businessID = businessID
        self.integrationID = integrationID
        self.conversationKey = conversationKey
        self.holder = holder
        self.fence = fence
        self.begun = begun
    }

    func isBefore(_ other: Claim) -> Bool {
        if act != other.act { return act.rawValue < other.act.rawValue }
        if businessID != other.businessID { return businessID < other.businessID }
        if integrationID != other.integrationID { return integrationID < other.integrationID }
        return conversationKey.utf8.lexicographicallyPrecedes(other.conversationKey.utf8)
    }

    /// The lane's key as parameters $1…$4, and the fence as $5.
    var parameters: [SQLValue] {
        [.text(act.rawValue), .id(businessID), .id(integrationID), .text(conversationKey), .integer(fence)]
    }
}

/// The lease ran out and somebody else took over: whatever was being done must not be written or sent.
package struct ClaimLost: Error {
    package init() {}
}

/// A claim whose work came to nothing, told by a process that lives to say so.
package struct UndoneClaim: Sendable {
    package var claim: Claim
    /// From when on somebody may try again.
    package var claimableAt: Timestamp
    /// Whether it was no fault of what waits in the lane: then the beginning is taken back.
    package var isInnocent: Bool

    package init(_ claim: Claim, claimableAt: Timestamp, isInnocent: Bool) {
        self.claim = claim
        self.claimableAt = claimableAt
        self.isInnocent = isInnocent
    }
}

/// How many lanes of a business may be claimed at once.
package struct LaneShare: Sendable, Equatable {
    package var business: ID<Business>
    package var count: Int

    package init(business: ID<Business>, count: Int) {
        self.business = business
        self.count = count
    }
}

/// The claimable conversations. A lane exists while there is work; it is inserted and deleted, never kept.
package struct LaneStore: Sendable {
    let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// The businesses that have lanes whose time has come, in the order of their ids, from behind `last` on; and when the
    /// next lane's time comes, so that a loop can sleep until then.
    ///
    /// One step through the index for each business, however many lanes it has.
    package func outlook(
        _ act: Claim.Act,
        after last: ID<Business>? = nil,
        upTo count: Int = 256,
        at now: Timestamp
    ) async throws -> (ready: [ID<Business>], next: Timestamp?) {
        let time = database.dialect.leaseTime("$2")
        let rows = try await database.read(.dispatch) { connection in
            try await connection.query(
                """
                WITH RECURSIVE ready (business_id) AS (
                    SELECT (
                        SELECT business_id FROM lanes WHERE act = $1 AND claimable_at <= \(time) AND business_id > $3
                        ORDER BY business_id LIMIT 1
                    )
                    UNION ALL
                    SELECT (
                        SELECT business_id FROM lanes
                        WHERE act = $1 AND claimable_at <= \(time) AND business_id > ready.business_id
                        ORDER BY business_id LIMIT 1
                    ) FROM ready WHERE ready.business_id IS NOT NULL
                ), page AS (
                    SELECT business_id FROM ready WHERE business_id IS NOT NULL LIMIT $4
                )
                SELECT business_id, CAST(NULL AS timestamptz) AS next FROM page
                UNION ALL
                SELECT NULL, MIN(claimable_at) FROM lanes WHERE act = $1 AND claimable_at > \(time)
                """,
                [.text(act.rawValue), .timestamp(now), .afterID(last), .int(count)]
            )
        }
        return (
            rows.compactMap { $0.optionalID("business_id") }.sorted(),
            rows.compactMap { $0.optionalTimestamp("next") }.first
        )
    }

    /// Takes lanes whose time has come, the longest waiting of each business first.
    ///
    /// - Parameters:
    ///   - shares: how many lanes may be taken of which business.
    ///   - perBusiness: lanes of one business that may be held at once, by all holders together. Holders that claim at the
    ///     same moment may overstep it by what each of them takes.
    ///   - lease: how long each claim lives without ``renew(_:lease:at:)``.
    package func claim(
        _ act: Claim.Act,
        _ shares: [LaneShare],
        for holder: String,
        perBusiness: Int,
        lease: Duration,
        at now: Timestamp
    ) async throws -> [Claim] {
        guard !shares.isEmpty else { return [] }
        let taking = Taking(act: act, shares: shares, holder: holder, perBusiness: perBusiness, lease: lease, now: now)
        return switch database.dialect {
        case .sqlite: try await takeOneByOne(taking)
        case .postgres: try await takeAtOnce(taking)
        }
    }

    /// Heartbeat: prolongs the leases. Returns the claims that are lost.
    ///
    /// A claim that ended a moment ago is not lost; its lane waits for its next holder and is not put off.
    package func renew(_ claims: [Claim], lease: Duration, at now: Timestamp) async throws -> [Claim] {
        guard !claims.isEmpty else { return [] }
        // In the lanes' order, so that holders of several never wait for each other in a circle.
        let claims = claims.sorted { $0.isBefore($1) }
        let end = database.dialect.leaseTime("$6", plusMicroseconds: "$7")
        return try await database.transaction(.dispatch) { connection in
            let written = try await connection.batch(
                """
                UPDATE lanes SET claimable_at = CASE WHEN holder IS NULL THEN claimable_at ELSE \(end) END
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND fence = $5
                """,
                claims.map { $0.parameters + [.timestamp(now), .integer(lease.microseconds)] }
            )
            return zip(claims, written).filter { $0.1 == 0 }.map(\.0)
        }
    }

    /// Gives claims back undone. Of a lane that somebody else has taken over only the beginning is taken back, if it is to be.
    package func release(_ undone: [UndoneClaim]) async throws {
        guard !undone.isEmpty else { return }
        // However far ahead the caller's clock is.
        let latest = database.dialect.leaseTime("$6", plusMicroseconds: "\(Limits.releaseMaximum.microseconds)")
        let claimableAt = database.dialect.earlier("$6", latest)
        try await database.transaction(.dispatch) { connection in
            try await connection.batch(
                """
                UPDATE lanes SET holder = CASE WHEN fence = $5 THEN NULL ELSE holder END,
                    claimable_at = CASE WHEN fence = $5 THEN \(claimableAt) ELSE claimable_at END,
                    begun = CASE WHEN begun > 0 THEN begun - $7 ELSE begun END
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                    AND (fence > $5 OR fence = $5 AND holder IS NOT NULL)
                """,
                undone.sorted { $0.claim.isBefore($1.claim) }.map {
                    $0.claim.parameters + [.timestamp($0.claimableAt), .integer($0.isInnocent ? 1 : 0)]
                }
            )
        }
    }

    /// Frees every lane, for the start of the only process on a database: whoever held one is dead.
    ///
    /// What was begun often may be what kills the process: such lanes wait, the more often the longer, so that the
    /// innocent are answered first and a culprit runs alone.
    package func releaseAll(at now: Timestamp) async throws -> Int {
        try await database.transaction(.dispatch) { connection in
            let held = try await connection.query(
                """
                SELECT act, business_id, channel_integration_id, conversation_key, begun
                FROM lanes WHERE holder IS NOT NULL
                """
            )
            try await connection.batch(
                """
                UPDATE lanes SET holder = NULL, claimable_at = $5
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                """,
                held.map { row in
                    let begun = row["act"] == .text(Claim.Act.answer.rawValue) ? row.optionalInt("begun") ?? 0 : 0
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

    /// Frees what one holder still has of one act, for its orderly end, which nobody's work is to blame for.
    package func releaseAll(_ act: Claim.Act, of holder: String, at now: Timestamp) async throws {
        _ = try await database.transaction(.dispatch) { connection in
            try await connection.execute(
                """
                UPDATE lanes SET holder = NULL, claimable_at = \(database.dialect.leaseTime("$3")),
                    begun = CASE WHEN begun > 0 THEN begun - 1 ELSE begun END
                WHERE act = $1 AND holder = $2
                """,
                [.text(act.rawValue), .text(holder), .timestamp(now)]
            )
        }
    }

    /// How many lanes wait and how many are held, for the metrics.
    package func depth() async throws -> [(act: String, waiting: Int64, held: Int64)] {
        try await database.read(.dispatch) { connection in
            let found = try await connection.query(
                """
                SELECT act, SUM(CASE WHEN holder IS NULL THEN 1 ELSE 0 END) AS waiting,
                    SUM(CASE WHEN holder IS NULL THEN 0 ELSE 1 END) AS held
                FROM lanes GROUP BY act
                """
            ).map { (act: try $0.text("act"), waiting: try $0.int("waiting"), held: try $0.int("held")) }
            // An act without lanes is told, too.
            return Claim.Act.allCases.map { act in
                found.first { $0.act == act.rawValue } ?? (act: act.rawValue, waiting: 0, held: 0)
            }
        }
    }
}

// What the other stores do with a claim inside their own transactions.
extension Claim {
    /// Throws ``ClaimLost`` unless the claim still holds: neither taken over nor given back; to be called first in every transaction that it protects.
    func check(_ dialect: Dialect, on connection: any SQLConnection) async throws {
        let held = try await connection.first(
            """
            SELECT 1 AS held FROM lanes
            WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                AND fence = $5 AND holder IS NOT NULL\(dialect.lockingRow)
            """,
            parameters
        )
        guard held != nil else { throw ClaimLost() }
    }
}
