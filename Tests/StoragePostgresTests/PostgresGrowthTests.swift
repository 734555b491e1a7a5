import Bench
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// A turn must cost as much when a million messages are stored as when there are few; `parley bench --only growth`
/// measures it.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresGrowthTests {
    /// Rows that were read of the tables that grow, up to now.
    private struct Reading {
        /// By sequential scans, of each table.
        let bySequence: [String: Int64]

        init(_ database: PostgresDatabase) async throws {
            // One connection: what it has counted is told with the end of this transaction.
            try await database.transaction(.schema) { connection in
                _ = try await connection.query("SELECT pg_stat_force_next_flush()::text AS done")
            }
            let tables = "relname ~ '^(\(Growth.tables.joined(separator: "|")))'"
            let rows = try await database.read(.schema) { connection in
                try await connection.query(
                    "SELECT relname::text AS name, seq_tup_read AS n FROM pg_stat_user_tables WHERE \(tables)"
                )
            }
            bySequence = Dictionary(
                uniqueKeysWithValues: try rows.map { (try $0.text("name"), try $0.int("n")) }
            )
        }

        /// The tables that were read by sequential scans since another reading.
        func scanned(since earlier: Reading) -> [String: Int64] {
            bySequence.filter { $0.value > earlier.bySequence[$0.key] ?? 0 }
        }
    }

    @Test func `no turn reads a table that grows from end to end`() async throws {
        try await withTestPostgres("pool=1") { database in
            let path = try await HotPath(database)
            try await path.turn(0)
            for (round, range) in [0..<4000, 4000..<12_000].enumerated() {
                try await Growth.fill(database, turns: range, of: path.business, turnsOfAConversation: 4)
                let first = 100 * (round + 1)
                // The huge conversation goes on with a session in which little has been said.
                try await path.turn(first, startsSession: true)
                // The server settles for a lasting plan after five executions.
                for number in 1..<10 { try await path.turn(first + number) }
                let before = try await Reading(database)
                for number in 10..<20 { try await path.turn(first + number) }
                let after = try await Reading(database)
                #expect(after.scanned(since: before) == [:])
            }
        }
    }
}
