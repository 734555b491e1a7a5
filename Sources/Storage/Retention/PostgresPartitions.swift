import ParleyCore

/// Tables that grow with every message are cut by the week where the engine can: old weeks are dropped, which costs the same
/// whatever is in them, instead of deleted row by row. On SQLite all of this does nothing.
package struct Partitions: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Whether rows that every business keeps equally long go with their partition.
    package func hold(_ retained: Retained) -> Bool { database.dialect.hasPartitions && retained.partitioned != nil }

    /// Makes the partitions of the weeks to come; what the default partition has caught of them moves over. How many were
    /// missing.
    @discardableResult
    package func makeAhead(at now: Timestamp) async throws -> Int {
        guard database.dialect.hasPartitions else { return 0 }
        var made = 0
        var failure: (any Error)?
        for table in Retained.allCases.compactMap(\.partitioned) {
            // A transaction for each: none waits for the locks of all, and none goes without because of another.
            do {
                made += try await database.transaction(.schema) { connection in
                    try await Self.waitBriefly(on: connection)
                    let row = try await connection.first(
                        "SELECT parley_make_partitions($1, $2, $3) AS made",
                        [.text(table), .timestamp(now), .int(Limits.partitionWeeks)]
                    )
                    return Int(clamping: try row?.int("made") ?? 0)
                }
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return made
    }

    /// The partitions that could go: every row in them is older than any business keeps it.
    package func expired(_ retained: Retained, before cutOff: Timestamp) async throws -> [String] {
        guard hold(retained), let table = retained.partitioned else { return [] }
        let moment = try await oldestToStay(retained, before: cutOff)
        return try await database.read(.schema) { connection in
            try await connection.query(
                """
                SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = to_regclass($1) AND c.relname ~ '_p[0-9]{8}$'
                    AND to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + interval '7 days' <= $2
                ORDER BY 1
                """,
                [.text(table), .timestamp(moment)]
            ).map { try $0.text("name") }
        }
    }

    /// Drops them. Their names.
    package func drop(_ retained: Retained, before cutOff: Timestamp) async throws -> [String] {
        guard hold(retained), let table = retained.partitioned else { return [] }
        let moment = try await oldestToStay(retained, before: cutOff)
        return try await database.transaction(.schema) { connection in
            try await Self.waitBriefly(on: connection)
            return try await connection.query(
                "SELECT name FROM parley_drop_partitions($1, $2) AS name",
                [.text(table), .timestamp(moment)]
            ).map { try $0.text("name") }
        }
    }

    /// How many rows are as old and lie in no week's partition, because there was none when they came.
    package func strays(_ retained: Retained, before cutOff: Timestamp) async throws -> Int64 {
        guard hold(retained), let table = retained.partitioned else { return 0 }
        let moment = try await oldestToStay(retained, before: cutOff)
        return try await database.read(.house) { connection in
            try await connection.first(
                "SELECT COUNT(*) AS count FROM \(table)_default WHERE id < $1",
                [.uuid(UUID7(firstAt: moment))]
            )?.int("count") ?? 0
        }
    }

    /// Deletes up to `limit` of them. How many.
    package func deleteStrays(_ retained: Retained, before cutOff: Timestamp, upTo limit: Int) async throws -> Int {
        guard hold(retained), let table = retained.partitioned else { return 0 }
        let moment = try await oldestToStay(retained, before: cutOff)
        return try await database.transaction(.house) { connection in
            try await connection.execute(
                """
                DELETE FROM \(table)_default WHERE ctid = ANY (
                    ARRAY(SELECT ctid FROM \(table)_default WHERE id < $1 LIMIT $2)
                )
                """,
                [.uuid(UUID7(firstAt: moment)), .int(limit)]
            )
        }
    }

    // Partitions come and go under locks for which all traffic waits once somebody else, a backup perhaps, is before them. So
    // they are not waited for: the next run tries again.
    private static func waitBriefly(on connection: any SQLConnection) async throws {
        _ = try await connection.query("SELECT set_config('lock_timeout', '2s', true)", [])
    }

    /// Forgets the keys of webhooks that no platform redelivers any more, up to `limit` of them. How many.
    package func forgetKeys(before cutOff: Timestamp, upTo limit: Int) async throws -> Int {
        guard database.dialect.hasPartitions else { return 0 }
        return try await database.transaction(.house) { connection in
            try await connection.execute(
                """
                DELETE FROM inbox_keys WHERE ctid = ANY (
                    ARRAY(SELECT ctid FROM inbox_keys WHERE received_at < $1 LIMIT $2)
                )
                """,
                [.timestamp(cutOff), .int(limit)]
            )
        }
    }

    // An event that is not answered stays, and so does its week.
    private func oldestToStay(_ retained: Retained, before cutOff: Timestamp) async throws -> Timestamp {
        guard retained == .inbox else { return cutOff }
        let waiting = try await database.read(.house) { connection in
            try await connection.first(
                "SELECT MIN(received_at) AS oldest FROM inbox_events WHERE closed_at IS NULL",
                []
            )?
            .optionalTimestamp("oldest")
        }
        return min(cutOff, waiting ?? cutOff)
    }
}

extension Retained {
    /// The table that is cut by time where the engine can.
    fileprivate var partitioned: String? {
        switch self {
        case .messages, .journey, .inbox, .analytics: rawValue
        case .turnTexts, .toolExecutions, .turns, .deliveries, .deadLetters: nil
        }
    }
}

extension Dialect {
    fileprivate var hasPartitions: Bool {
        switch self {
        case .sqlite: false
        case .postgres: true
        }
    }
}
