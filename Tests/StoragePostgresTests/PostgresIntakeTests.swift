import Foundation
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// What a batch of webhooks costs the server, by the server's own count.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"), .timeLimit(.minutes(4)))
struct PostgresIntakeTests {
    @Test func `fifty webhooks are one statement, also when half of them are there already`() async throws {
        // A server of its own: a busy one forgets what it has counted.
        try await TestServer.with { server in
            let admin = try String(contentsOfFile: server.folder + "/admin-url", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            try await TestPostgres.run("CREATE EXTENSION pg_stat_statements", at: admin)
            let patience = "?pool=1&connect_timeout=30&pool_timeout=60"
            let observer = try await PostgresDatabase.open(url: Secret(admin + patience))
            let database = try await PostgresDatabase.open(url: Secret(server.url + patience))
            do {
                try await Migrator(database).up()
                try await count(database, observer, admin)
            } catch {
                await observer.close()
                await database.close()
                throw error
            }
            await observer.close()
            await database.close()
        }
    }

    private func count(_ database: PostgresDatabase, _ observer: PostgresDatabase, _ admin: String) async throws {
        let inbox = InboxStore(database)
        let businesses = (0..<5).map { _ in ID<Business>(at: SystemClock().now) }
        let integrations = businesses.map { _ in ID<Integration>(at: SystemClock().now) }
        func batch(_ numbers: Range<Int>) -> [InboxEntry] {
            numbers.map { number in
                InboxEntry(
                    id: ID(at: SystemClock().now),
                    businessID: businesses[number % 5],
                    integrationID: integrations[number % 5],
                    dedupeKey: "e\(number)",
                    conversationKey: "chat \(number % 15)",
                    kind: "message",
                    position: Int64(number),
                    event: "{}",
                    receivedAt: SystemClock().now,
                    debounce: number.isMultiple(of: 2) ? .zero : .milliseconds(500)
                )
            }
        }
        // All new; half of them there already; all of them; and a single one.
        for (numbers, new) in [(0..<50, 0..<50), (25..<75, 50..<75), (25..<75, 0..<0), (75..<76, 75..<76)] {
            try await TestPostgres.run("SELECT pg_stat_statements_reset()", at: admin)
            let isNew = try await inbox.keep(batch(numbers), at: SystemClock().now)
            #expect(isNew == numbers.map { new.contains($0) })
            let statements = try await observer.read(.schema) { connection in
                try await connection.query(
                    """
                    SELECT s.query, s.calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
                    WHERE d.datname = 'parley'
                    """
                ).map { "\(try $0.int("calls")) \(try $0.text("query").prefix { $0.isLetter })" }
            }
            // SELECT sets the scope.
            #expect(statements.sorted() == ["1 BEGIN", "1 COMMIT", "1 SELECT", "1 WITH"], "\(numbers)")
        }
        #expect(try await database.one("SELECT count(*) AS n FROM inbox_events") == 76)
    }
}
