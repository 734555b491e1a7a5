import ParleyCore
import ParleyTesting
import Pipeline
import Storage
import Testing

/// Many webhooks share a commit, and nothing else.
@Suite struct GroupCommitterTests {
    @Test func `what the database refuses of one webhook puts off no other, on SQLite`() async throws {
        try await withTestDatabase { try await Self.refusal($0) }
    }

    @Test(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"))
    func `what the database refuses of one webhook puts off no other, on PostgreSQL`() async throws {
        try await withTestPostgres { try await Self.refusal($0) }
    }

    private static func refusal(_ database: any SQLDatabase) async throws {
        let business = ID<Business>(at: SystemClock().now)
        let committer = GroupCommitter(InboxStore(database), clock: SystemClock())
        let (outcomes, told) = AsyncStream<(key: String, isKept: Bool)>.makeStream()
        // All wait before the first is begun, so that they are one batch.
        let events = [("a", "{}"), ("b", "no JSON"), ("c", "{}"), ("d", "{}")]
        for (key, event) in events {
            committer.keep([entry(key, event, of: business)]) { told.yield((key, (try? $0.get()) == [true])) }
        }
        var kept: [String: Bool] = [:]
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await committer.run() }
            for await outcome in outcomes {
                kept[outcome.key] = outcome.isKept
                if kept.count == events.count { break }
            }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        #expect(kept == ["a": true, "b": false, "c": true, "d": true])
        let stored = try await database.read(.house) { connection in
            try await connection.query("SELECT dedupe_key FROM inbox_events ORDER BY dedupe_key").map {
                try $0.text("dedupe_key")
            }
        }
        #expect(stored == ["a", "c", "d"])
    }

    private static func entry(_ key: String, _ event: String, of business: ID<Business>) -> InboxEntry {
        let now = SystemClock().now
        return InboxEntry(
            id: ID(at: now),
            businessID: business,
            integrationID: ID(at: now),
            dedupeKey: key,
            conversationKey: "chat",
            kind: "message",
            position: 1,
            event: event,
            receivedAt: now,
            debounce: .zero
        )
    }
}
