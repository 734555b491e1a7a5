import Logging
import ParleyApp
import ParleyCore
import Storage

/// What the turns of a measurement cost PostgreSQL: statements, commits and write-ahead log, by the server's own count.
struct DatabaseWork: Sendable {
    private struct Count: Sendable {
        var commits: Int64
        var walBytes: Int64
        /// Nil where the extension pg_stat_statements is missing.
        var statements: (all: Int64, ofTransactions: Int64)?
    }

    private let database: OpenDatabase
    private let start: Count

    /// Nil on SQLite.
    static func begin(_ bed: Bed) async throws -> DatabaseWork? {
        guard let postgres = bed.postgres else { return nil }
        var settings = try await ParleySettings.read()
        settings.databaseURL = postgres
        let database = try await OpenDatabase.open(settings, logger: Logger(label: "bench"))
        return DatabaseWork(database: database, start: try await count(database))
    }

    /// The lines that tell it, for so many turns.
    func end(over turns: Int) async throws -> String {
        // The server counts each connection's transactions once a second at the most.
        try await Task.sleep(for: .milliseconds(1500))
        let end = try await Self.count(database)
        await database.close()
        func share(_ value: Int64) -> String { (Double(value) / Double(max(1, turns))).text(2) }
        var lines = """
              commits                \(share(end.commits - start.commits)) a turn
              write-ahead log        \(share(end.walBytes - start.walBytes)) bytes a turn
            """
        if let before = start.statements, let after = end.statements {
            let (all, frames) = (after.all - before.all, after.ofTransactions - before.ofTransactions)
            lines +=
                "\n  statements             \(share(all - frames)) a turn, and \(share(frames)) of BEGIN, scope and COMMIT"
        }
        return lines
    }

    private static func count(_ database: OpenDatabase) async throws -> Count {
        try await database.transaction(.schema) { connection in
            let row = try await connection.first(
                """
                SELECT xact_commit AS commits, (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint AS wal
                FROM pg_stat_database WHERE datname = current_database()
                """,
                []
            )
            let hasStatements = try await connection.first(database.dialect.tableNamed, [.text("pg_stat_statements")])
            var statements: (Int64, Int64)?
            if hasStatements != nil {
                let calls = try await connection.first(
                    """
                    SELECT COALESCE(SUM(calls), 0) AS calls, COALESCE(SUM(calls) FILTER (
                        WHERE query ILIKE 'BEGIN%' OR query ILIKE 'COMMIT%' OR query LIKE 'SELECT set_config(%'
                    ), 0) AS frames
                    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database()
                    """,
                    []
                )
                statements = (try calls?.int("calls") ?? 0, try calls?.int("frames") ?? 0)
            }
            return Count(
                commits: try row?.int("commits") ?? 0,
                walBytes: try row?.int("wal") ?? 0,
                statements: statements
            )
        }
    }
}
