import Logging
import ParleyApp
import ParleyCore
import Storage

/// What the turns of a measurement cost PostgreSQL, by the server's own count.
struct DatabaseWork: Sendable {
    private struct Count: Sendable {
        var commits: Int64
        var walBytes: Int64
        /// Rows that sequential scans have read of the tables that grow.
        var scanned: Int64
        /// Of the server's processes that serve this database; nil when they run on another machine.
        var cpuSeconds: Double?
        /// Nil where the extension pg_stat_statements is missing, or the login may not read it.
        var statements: Statements?
    }

    private struct Statements: Sendable {
        var all: Int64
        /// BEGIN, scope and COMMIT.
        var frames: Int64
        /// Transactions that may write.
        var writing: Int64
        /// Pages of 8 KB that were looked at.
        var pages: Int64
    }

    /// Of one turn.
    struct Cost: Sendable {
        var transactions: Double
        var walBytes: Double
        /// Altogether, not of one turn.
        var rowsScanned: Int64
        var cpuMilliseconds: Double?
        var statements: Double?
        var frames: Double?
        var writing: Double?
        var pages: Double?
    }

    let database: OpenDatabase
    private let start: Count

    /// Nil on SQLite.
    static func begin(_ bed: Bed) async throws -> DatabaseWork? {
        guard let database = try await open(bed) else { return nil }
        return DatabaseWork(database: database, start: try await count(database))
    }

    static func open(_ bed: Bed) async throws -> OpenDatabase? {
        guard let postgres = bed.postgres else { return nil }
        var settings = try await ParleySettings.read()
        settings.databaseURL = postgres
        return try await OpenDatabase.open(settings, logger: Logger(label: "bench"))
    }

    func end(over turns: Int) async throws -> Cost {
        // The server counts each connection's transactions once a second at the most.
        try await Task.sleep(for: .milliseconds(1500))
        let end = try await Self.count(database)
        await database.close()
        func share(_ value: Int64) -> Double { Double(value) / Double(max(1, turns)) }
        var cost = Cost(
            transactions: share(end.commits - start.commits),
            walBytes: share(end.walBytes - start.walBytes),
            rowsScanned: end.scanned - start.scanned
        )
        if let before = start.cpuSeconds, let after = end.cpuSeconds {
            cost.cpuMilliseconds = (after - before) * 1000 / Double(max(1, turns))
        }
        if let before = start.statements, let after = end.statements {
            cost.frames = share(after.frames - before.frames)
            cost.statements = share(after.all - before.all) - share(after.frames - before.frames)
            cost.writing = share(after.writing - before.writing)
            cost.pages = share(after.pages - before.pages)
        }
        return cost
    }

    private static func count(_ database: OpenDatabase) async throws -> Count {
        try await database.transaction(.schema) { connection in
            let row = try await connection.first(
                """
                SELECT xact_commit AS commits, (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint AS wal, (
                        SELECT COALESCE(SUM(seq_tup_read), 0)::bigint FROM pg_stat_user_tables
                        WHERE relname ~ '^(\(Growth.tables.joined(separator: "|")))'
                    ) AS scanned
                FROM pg_stat_database WHERE datname = current_database()
                """,
                []
            )
            let processes = try await connection.query(
                "SELECT pid::bigint AS pid FROM pg_stat_activity WHERE datname = current_database()"
            ).map { Machine.cpuSeconds(of: Int32(clamping: try $0.int("pid"))) }
            return Count(
                commits: try row?.int("commits") ?? 0,
                walBytes: try row?.int("wal") ?? 0,
                scanned: try row?.int("scanned") ?? 0,
                cpuSeconds: processes.contains { $0 > 0 } ? processes.reduce(0, +) : nil,
                statements: try await statements(database, connection)
            )
        }
    }

    private static func statements(
        _ database: OpenDatabase,
        _ connection: any SQLConnection
    ) async throws -> Statements? {
        guard try await connection.first(database.dialect.tableNamed, [.text("pg_stat_statements")]) != nil,
            let row = try await connection.first(
                """
                SELECT COALESCE(SUM(calls), 0)::bigint AS calls, COALESCE(SUM(calls) FILTER (
                        WHERE query ILIKE 'BEGIN%' OR query ILIKE 'COMMIT%' OR query LIKE 'SELECT set_config(%'
                    ), 0)::bigint AS frames, COALESCE(SUM(calls) FILTER (
                        WHERE query ILIKE 'BEGIN%' AND query NOT ILIKE '%READ ONLY%'
                    ), 0)::bigint AS writing,
                    COALESCE(SUM(shared_blks_hit + shared_blks_read), 0)::bigint AS pages,
                    COUNT(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden
                FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()
                """,
                []
            ), try row.int("hidden") == 0
        else { return nil }
        return Statements(
            all: try row.int("calls"),
            frames: try row.int("frames"),
            writing: try row.int("writing"),
            pages: try row.int("pages")
        )
    }
}

extension DatabaseWork.Cost: CustomStringConvertible {
    /// Lines below those of the turns.
    var description: String {
        var lines = [
            "  transactions           \(transactions.text(2)) a turn"
                + (writing.map { ", \($0.text(2)) of them writing" } ?? ""),
            "  write-ahead log        \(walBytes.text(0)) bytes a turn",
        ]
        if let statements, let frames {
            lines.append(
                "  statements             \(statements.text(2)) a turn, and \(frames.text(2)) of BEGIN, scope and COMMIT"
            )
        } else {
            lines.append(
                "  statements             not counted: CREATE EXTENSION pg_stat_statements, GRANT pg_read_all_stats"
            )
        }
        if let pages { lines.append("  pages looked at        \(pages.text(1)) a turn") }
        if let cpuMilliseconds { lines.append("  CPU of PostgreSQL      \(cpuMilliseconds.text(2)) s per 1,000 turns") }
        return lines.joined(separator: "\n")
    }
}
