import ParleyCore
import Storage

/// What a server must keep for a 200 to mean "on disk", and what was found.
package struct PostgresFinding: Sendable, Equatable {
    package let subject: String
    package let what: String
    /// What to do; nil when it is well.
    package let fix: String?
    /// Whether nothing may be acknowledged over this server as it is.
    package let isFatal: Bool

    package var isGood: Bool { fix == nil }

    static func good(_ subject: String, _ what: String) -> PostgresFinding {
        PostgresFinding(subject: subject, what: what, fix: nil, isFatal: false)
    }

    static func doubtful(_ subject: String, _ what: String, fix: String) -> PostgresFinding {
        PostgresFinding(subject: subject, what: what, fix: fix, isFatal: false)
    }

    static func fatal(_ subject: String, _ what: String, fix: String) -> PostgresFinding {
        PostgresFinding(subject: subject, what: what, fix: fix, isFatal: true)
    }
}

extension PostgresDatabase {
    /// Pipeline mode came with libpq 14; what is older is no longer maintained either.
    private static let oldestServer: Int64 = 140_000

    /// Looks at the server's version, at its promises, and at what is around it. Throws ``SQLError``.
    package func findings() async throws -> [PostgresFinding] {
        let asked = SystemClock().now
        let row = try await read(.schema) { connection in
            try await connection.first(
                """
                SELECT current_setting('server_version_num')::bigint AS version, version() AS title,
                    current_setting('synchronous_commit') AS commits, current_setting('fsync') AS syncs,
                    current_setting('full_page_writes') AS pages, pg_is_in_recovery() AS is_standby,
                    current_setting('default_transaction_read_only') AS reads_only,
                    current_setting('max_connections')::bigint AS places, clock_timestamp() AS moment
                """,
                []
            )
        }
        guard let row else { throw SQLError.unreadable(column: "server_version_num") }
        return [
            try Self.version(row), try Self.durability(row), try Self.role(row),
            try Self.places(row, needed: settings.connections),
            Self.clock(try row.timestamp("moment"), between: asked, and: SystemClock().now),
        ] + (try await surroundings())
    }

    private static func version(_ row: SQLRow) throws -> PostgresFinding {
        let title = try row.text("title").split(separator: " ").prefix(2).joined(separator: " ")
        return try row.int("version") >= oldestServer
            ? .good("server", title)
            : .fatal("server", "\(title) is too old", fix: "use PostgreSQL 14 or later")
    }

    private static func durability(_ row: SQLRow) throws -> PostgresFinding {
        for (column, setting) in [("syncs", "fsync"), ("pages", "full_page_writes")] {
            guard try row.text(column) == "on" else {
                return .fatal("durability", "\(setting) is off", fix: "set \(setting) = on and reload the server")
            }
        }
        let commits = try row.text("commits")
        guard commits != "off" else {
            return .fatal(
                "durability",
                "synchronous_commit is off: a commit may be lost after it was acknowledged",
                fix: "set synchronous_commit = on, for the server or: ALTER ROLE … SET synchronous_commit = on"
            )
        }
        return .good("durability", "fsync, full_page_writes, synchronous_commit=\(commits): a 200 means it is on disk")
    }

    private static func role(_ row: SQLRow) throws -> PostgresFinding {
        if try row.bool("is_standby") {
            return .fatal("writes", "the server is a standby", fix: "let PARLEY_DATABASE_URL name the primary")
        }
        if try row.text("reads_only") == "on" {
            return .fatal(
                "writes",
                "default_transaction_read_only is on",
                fix: "set it off for the login of PARLEY_DATABASE_URL"
            )
        }
        return .good("writes", "the server is a primary")
    }

    /// Leases and what waits for its turn go by the database's clock; replies that wait for a platform by each node's own.
    package static func clock(_ theirs: Timestamp, between asked: Timestamp, and answered: Timestamp) -> PostgresFinding
    {
        let apart = theirs < asked ? asked.since(theirs) : theirs > answered ? theirs.since(answered) : .zero
        guard apart > .seconds(2) else { return .good("clock", "the server's and this machine's agree") }
        return .doubtful(
            "clock",
            "this machine's is \(apart.milliseconds / 1000) s \(theirs < asked ? "ahead of" : "behind") the server's",
            fix: "timedatectl set-ntp true, on both"
        )
    }

    private static func places(_ row: SQLRow, needed: Int) throws -> PostgresFinding {
        let places = try row.int("places")
        // Other nodes want theirs, and an operator one.
        return Int64(needed) * 2 <= places
            ? .good("connections", "\(needed) of the server's \(places) at most")
            : .doubtful(
                "connections",
                "this node may take \(needed) of the server's \(places)",
                fix: "lower pool=\(needed) in PARLEY_DATABASE_URL, or raise max_connections"
            )
    }
}
