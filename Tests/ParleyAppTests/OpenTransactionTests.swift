import Emulators
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import Testing

/// What waits for a model holds nothing that others wait for.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"), .timeLimit(.minutes(4)))
struct OpenTransactionTests {
    @Test func `no transaction is open while a model works, and none is long`() async throws {
        try await DemoHouse.run(on: .postgres, usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.model.setDelay(.seconds(2))
            let before = house.model.requestCount
            let posts = try await withThrowingTaskGroup(of: Void.self) { group in
                let posts = [try await house.ask("telegram", "Hello"), try await house.ask("slack", "Hello too")]
                group.addTask { for post in posts { _ = try await house.reply(to: post) } }
                group.addTask { try await Self.watch(house, until: posts) }
                try await group.waitForAll()
                return posts
            }
            #expect(house.model.requestCount == before + posts.count)
            for post in posts { #expect(try await house.reply(to: post).words.hasPrefix("You said: Hello")) }
        }
    }

    /// Looks until both are answered. A transaction that is open for as long as a model works is older than a second at
    /// some look.
    private static func watch(_ house: DemoHouse, until posts: [EmulatedPost]) async throws {
        var looks = 0
        var longest = 0.0
        var sessions: Int64 = 0
        let deadline = ContinuousClock.now + .seconds(30)
        while posts.contains(where: { house.replies(after: $0).isEmpty }), ContinuousClock.now < deadline {
            // As the login itself: others are not shown what it does.
            let found = try await house.database.read(.schema) { connection in
                try await connection.first(
                    """
                    SELECT count(*) AS sessions,
                        coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 AS longest
                    FROM pg_stat_activity
                    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
                    """,
                    []
                )
            }
            let row = try #require(found)
            looks += 1
            sessions = max(sessions, try row.int("sessions"))
            longest = max(longest, try row.real("longest"))
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(looks > 5 && sessions > 0)
        #expect(longest < 1, "seconds that a transaction was open")
    }
}
