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
        /// By each index.
        let byIndex: [String: Int64]

        init(_ database: PostgresDatabase) async throws {
            // One connection: what it has counted is told with the end of this transaction.
            try await database.transaction(.schema) { connection in
                _ = try await connection.query("SELECT pg_stat_force_next_flush()::text AS done")
            }
            let tables = "relname ~ '^(\(Growth.tables.joined(separator: "|")))'"
            func counts(_ sql: String) async throws -> [String: Int64] {
                let rows = try await database.read(.schema) { try await $0.query(sql) }
                return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.text("name"), try $0.int("n")) })
            }
            bySequence = try await counts(
                "SELECT relname::text AS name, seq_tup_read AS n FROM pg_stat_user_tables WHERE \(tables)"
            )
            byIndex = try await counts(
                "SELECT indexrelname::text AS name, idx_tup_read AS n FROM pg_stat_user_indexes WHERE \(tables)"
            )
        }

        static func - (later: Reading, earlier: Reading) -> (bySequence: [String: Int64], byIndex: [String: Int64]) {
            func difference(_ later: [String: Int64], _ earlier: [String: Int64]) -> [String: Int64] {
                Dictionary(uniqueKeysWithValues: later.map { ($0.key, $0.value - (earlier[$0.key] ?? 0)) })
                    .filter { $0.value > 0 }
            }
            return (difference(later.bySequence, earlier.bySequence), difference(later.byIndex, earlier.byIndex))
        }
    }

    @Test func `a turn reads no more because more is stored`() async throws {
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
                let read = try await Reading(database) - before
                #expect(read.bySequence == [:])
                // Forty messages are remembered in the two looks of a turn; the rest is the turn's own, and what the turns
                // before it have left in the indexes of what waits, for as long as anybody on this server has an older
                // snapshot. A statement that walks through what is stored reads more than a thousand.
                #expect(read.byIndex.values.reduce(0, +) < 10 * 500, "\(read.byIndex)")
            }
        }
    }
}
