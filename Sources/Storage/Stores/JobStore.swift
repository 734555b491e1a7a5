import ParleyCore

/// A job that one process at a time does, held for as long as it says that it lives.
package struct JobHold: Sendable, Hashable {
    package let name: String
    package let holder: String
}

/// Somebody else has taken a job over: what was begun must not be written.
package struct JobLost: Error {
    package init() {}
}

/// A job as it stands.
package struct JobRecord: Sendable, Equatable {
    /// Nil when nobody does it.
    package let holder: String?
    package let heldUntil: Timestamp?
    /// Where to go on; empty after a run that came to its end.
    package let cursor: JSON
    package let finishedAt: Timestamp?

    package func isHeld(at now: Timestamp) -> Bool {
        guard holder != nil, let heldUntil else { return false }
        return heldUntil > now
    }
}

/// Work that is done by one node at a time: a lease in a row, so that it works on every engine and through every pool.
package struct JobStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Takes a job that nobody holds, with the cursor of the run that did not come to its end; nil when somebody holds it.
    package func take(
        _ name: String,
        for holder: String,
        lease: Duration,
        at now: Timestamp
    ) async throws -> (hold: JobHold, cursor: JSON)? {
        let dialect = database.dialect
        return try await database.transaction(.house) { connection in
            try await connection.first(
                """
                INSERT INTO jobs (name, holder, held_until)
                VALUES ($1, $2, \(dialect.leaseTime("$3", plusMicroseconds: "$4")))
                ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
                    WHERE jobs.holder IS NULL OR jobs.held_until <= \(dialect.leaseTime("$3"))
                RETURNING cursor
                """,
                [.text(name), .text(holder), .timestamp(now), .integer(lease.microseconds)]
            ).map { (JobHold(name: name, holder: holder), try $0.json("cursor")) }
        }
    }

    /// Says that the holder lives. Throws ``JobLost``.
    package func renew(_ hold: JobHold, lease: Duration, cursor: JSON, at now: Timestamp) async throws {
        try await database.transaction(.house) { connection in
            try await hold.renew(lease: lease, cursor: cursor, at: now, database.dialect, on: connection)
        }
    }

    /// Lets a job go. Does nothing when it is lost.
    ///
    /// - Parameter isFinished: it came to its end; otherwise somebody goes on from its cursor.
    package func release(_ hold: JobHold, isFinished: Bool, at now: Timestamp) async throws {
        try await database.transaction(.house) { connection in
            _ = try await connection.execute(
                isFinished
                    ? """
                    UPDATE jobs SET holder = NULL, held_until = NULL, cursor = '{}', finished_at = $3
                    WHERE name = $1 AND holder = $2
                    """ : "UPDATE jobs SET holder = NULL, held_until = NULL WHERE name = $1 AND holder = $2",
                [.text(hold.name), .text(hold.holder)] + (isFinished ? [.timestamp(now)] : [])
            )
        }
    }

    /// Nil when it was never begun.
    package func job(_ name: String) async throws -> JobRecord? {
        try await database.read(.house) { connection in
            try await connection.first(
                "SELECT holder, held_until, cursor, finished_at FROM jobs WHERE name = $1",
                [.text(name)]
            ).map {
                JobRecord(
                    holder: $0.optionalText("holder"),
                    heldUntil: $0.optionalTimestamp("held_until"),
                    cursor: try $0.json("cursor"),
                    finishedAt: $0.optionalTimestamp("finished_at")
                )
            }
        }
    }
}

extension JobHold {
    /// Says inside a transaction that the holder lives and where it is; to be called first, so that a late holder writes
    /// nothing.
    func renew(
        lease: Duration,
        cursor: JSON,
        at now: Timestamp,
        _ dialect: Dialect,
        on connection: any SQLConnection
    ) async throws {
        let written = try await connection.execute(
            """
            UPDATE jobs SET held_until = \(dialect.leaseTime("$3", plusMicroseconds: "$4")), cursor = $5
            WHERE name = $1 AND holder = $2
            """,
            [.text(name), .text(holder), .timestamp(now), .integer(lease.microseconds), .json(cursor)]
        )
        guard written == 1 else { throw JobLost() }
    }
}
