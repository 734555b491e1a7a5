import ParleyCore

/// Deletes what is older than a business keeps it, batch by batch. What is still open stays, however old it is.
package struct RetentionStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    private var dialect: Dialect { database.dialect }

    /// Where a batch ended, for the next to go on.
    package struct Place: Sendable, Equatable {
        fileprivate let key: [SQLValue]
    }

    /// What a batch did.
    package struct Batch: Sendable {
        package let gone: Int
        /// Nil when there is no more.
        package let next: Place?
        /// The days whose usage was found to be added up.
        package let checked: Set<CalendarDay>
    }

    /// How many rows of a business would go now.
    ///
    /// - Parameter business: nil for the rows that are no business's.
    package func count(_ retained: Retained, of business: ID<Business>?, before cutOff: Timestamp) async throws -> Int64
    {
        let query = retained.query(business, cutOff, dialect)
        let sql = "SELECT COUNT(*) AS count FROM \(query.table) WHERE \(query.owner) AND \(query.condition)"
        return try await database.read(.house) { try await $0.first(sql, query.parameters)?.int("count") ?? 0 }
    }

    /// Deletes up to `limit` rows in one transaction, which also says that the job's holder lives.
    ///
    /// - Parameter checked: days whose usage is known to be added up.
    package func prune(
        _ retained: Retained,
        of business: ID<Business>?,
        before cutOff: Timestamp,
        after place: Place?,
        upTo limit: Int,
        checked: Set<CalendarDay>,
        job: (hold: JobHold, cursor: JSON),
        at now: Timestamp
    ) async throws -> Batch {
        // Looked for outside: a search through what stays must not hold up who writes.
        let keys = try await keys(retained, of: business, before: cutOff, after: place, upTo: limit)
        guard let last = keys.last else { return Batch(gone: 0, next: nil, checked: checked) }
        let days = business == nil ? [] : retained.countedDays(of: keys).subtracting(checked)
        let deletion = retained.deletion(of: keys, business, cutOff, dialect)
        let gone = try await database.transaction(.house) { connection in
            try await job.hold.renew(
                lease: Limits.retentionLease,
                cursor: job.cursor,
                at: now,
                dialect,
                on: connection
            )
            if let business {
                for day in days.sorted() { try await addUp(day, of: business, on: connection) }
            }
            let written = try await connection.batch(deletion.sql, deletion.rows)
            if let business, retained == .deliveries || retained == .deadLetters {
                try await connection.batch(
                    "DELETE FROM delivery_attempts WHERE business_id = $1 AND delivery_id = $2",
                    zip(keys, written).filter { $0.1 > 0 }.map { [.id(business)] + $0.0 }
                )
            }
            return written.reduce(0, +)
        }
        return Batch(
            gone: gone,
            next: keys.count == limit ? Place(key: last) : nil,
            checked: checked.union(days)
        )
    }

    private func keys(
        _ retained: Retained,
        of business: ID<Business>?,
        before cutOff: Timestamp,
        after place: Place?,
        upTo limit: Int
    ) async throws -> [[SQLValue]] {
        var query = retained.query(business, cutOff, dialect)
        let columns = query.key.joined(separator: ", ")
        var sql = "SELECT \(columns) FROM \(query.table) WHERE \(query.owner) AND \(query.condition)"
        if let place {
            sql += " AND (\(columns)) > (\(place.key.map { query.add($0) }.joined(separator: ", ")))"
        }
        sql += " ORDER BY \(columns) LIMIT \(query.add(.int(limit)))"
        let (text, names, parameters) = (sql, query.key, query.parameters)
        return try await database.read(.house) { connection in
            try await connection.query(text, parameters).map { row in names.map { row[$0] } }
        }
    }

    /// Adds up a business's turns of a day where that is missing. The turn's commit has done it: what is there stays, and
    /// whatever happened to it, nothing that was spent is forgotten.
    func addUp(_ day: CalendarDay, of business: ID<Business>, on connection: any SQLConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO api_usage (
                business_id, day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls, cost_micros,
                unpriced_messages
            )
            SELECT t.business_id, $2, t.model_name, COUNT(*), SUM(t.tokens_in), SUM(t.tokens_out), SUM(t.tokens_cached),
                SUM((
                    SELECT COUNT(*) FROM tool_executions e WHERE e.business_id = t.business_id AND e.turn_id = t.id
                )),
                COALESCE(SUM(t.cost_micros), 0), SUM(CASE WHEN t.cost_micros IS NULL THEN 1 ELSE 0 END)
            FROM turns t
            WHERE t.business_id = $1 AND t.id >= $3 AND t.id < $4 AND t.model_name IS NOT NULL AND t.model_name <> $5
            GROUP BY t.business_id, t.model_name
            ON CONFLICT (business_id, day, model) DO NOTHING
            """,
            [
                .id(business), .text(day.description), .uuid(UUID7(firstAt: day.start)),
                .uuid(UUID7(firstAt: day.advanced(by: 1).start)), .text(UsageRecord.noModel),
            ]
        )
    }
}
