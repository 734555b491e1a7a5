import ParleyCore
import ParleyTesting
import Pipeline
import Storage
import Synchronization
import Testing

/// Retention from one end to the other, and what happens when it is cut short.
@Suite struct PrunerTests {
    private static let now = Timestamp(seconds: 1_790_000_000)
    private static let hurried = Pruner.Pace(batch: 10, pause: .zero, rest: 0)
    /// Of each of the three businesses: as many steps, and as many analytics events.
    private static let old = 25
    private static let young = 3

    private static func days(_ count: Int64) -> Duration { .seconds(86_400 * count) }

    /// Three businesses with old and young rows, and one old row of nobody's.
    private static func fill(_ database: any SQLDatabase) async throws -> [ID<Business>] {
        let store = BusinessStore(database, clock: ManualClock(now))
        var businesses: [ID<Business>] = []
        for name in ["One", "Two", "Three"] { businesses.append(try await store.create(name: name).id) }
        let all = businesses
        try await database.transaction(.house) { connection in
            for business in all {
                for (count, moment) in [(old, now.advanced(by: days(-500))), (young, now)] {
                    try await connection.batch(
                        """
                        INSERT INTO journey_events (business_id, subject_id, id, step, verdict, created_at)
                        VALUES ($1, $2, $3, 'gate', 'open', $4)
                        """,
                        (0..<count).map { _ in
                            [.id(business), .uuid(UUID7(at: moment)), .uuid(UUID7(at: moment)), .timestamp(moment)]
                        }
                    )
                    try await connection.batch(
                        analytics,
                        (0..<count).map {
                            [.id(business), .uuid(UUID7(at: moment)), .text("t\($0 % 3)"), .timestamp(moment)]
                        }
                    )
                }
            }
            let moment = now.advanced(by: days(-500))
            try await connection.batch(analytics, [[.null, .uuid(UUID7(at: moment)), .text("t"), .timestamp(moment)]])
        }
        return businesses
    }

    private static let analytics = """
        INSERT INTO analytics_events (business_id, id, event_type, event_category, created_at)
        VALUES ($1, $2, $3, 'test', $4)
        """

    private static func left(_ database: any SQLDatabase) async throws -> [Int64] {
        var counts: [Int64] = []
        for table in ["journey_events", "analytics_events"] {
            let sql = "SELECT COUNT(*) AS count FROM \(table)"
            counts.append(try await database.read(.house) { try await $0.first(sql, [])?.int("count") ?? -1 })
        }
        return counts
    }

    private static let everything: [Retained: Int64] = [.journey: 75, .analytics: 76]

    private static func counted(_ result: PruneResult) -> [Retained: Int64] { result.rows.filter { $0.value > 0 } }

    @Test func `what does not work for one business is told, and done for all others`() async throws {
        try await withTestDatabase { database in
            let businesses = try await Self.fill(database)
            let open: any SQLDatabase = database
            try await open.transaction(.schema) { connection in
                try await connection.execute(
                    """
                    CREATE TRIGGER stop BEFORE DELETE ON journey_events WHEN old.business_id = '\(businesses[0])'
                    BEGIN SELECT RAISE(ABORT, 'stop'); END
                    """
                )
            }
            let pruner = Pruner(database, clock: ManualClock(Self.now), pace: Self.hurried)
            let result = try await pruner.prune(as: "a")
            #expect(result.failures.map(\.part) == [.rows(.journey, businesses[0])])
            #expect(Self.counted(result) == [.journey: 50, .analytics: 76])
            // Done for today.
            #expect(try await !pruner.isDue())
        }
    }

    @Test func `a dry run says what a run then does, and changes nothing`() async throws {
        try await withTestDatabase { database in
            let businesses = try await Self.fill(database)
            let pruner = Pruner(database, clock: ManualClock(Self.now), pace: Self.hurried)
            let before = try await Self.left(database)
            #expect(try await Self.counted(pruner.preview()) == Self.everything)
            #expect(try await Self.counted(pruner.preview(only: businesses[0])) == [.journey: 25, .analytics: 25])
            #expect(try await Self.left(database) == before)
            #expect(try await pruner.isDue())

            #expect(try await Self.counted(pruner.prune(as: "a")) == Self.everything)
            #expect(try await Self.left(database) == [9, 9])
            #expect(try await Self.counted(pruner.preview()).isEmpty)
            #expect(try await Self.counted(pruner.prune(as: "a")).isEmpty)
        }
    }

    @Test func `one business alone can be pruned, which is not the daily run`() async throws {
        try await withTestDatabase { database in
            let businesses = try await Self.fill(database)
            let pruner = Pruner(database, clock: ManualClock(Self.now), pace: Self.hurried)
            let result = try await pruner.prune(as: "a", only: businesses[1])
            #expect(Self.counted(result) == [.journey: 25, .analytics: 25])
            #expect(try await Self.left(database) == [59, 60])
            #expect(try await pruner.isDue())
        }
    }

    @Test func `a business's own days count`() async throws {
        try await withTestDatabase { database in
            let businesses = try await Self.fill(database)
            let store = BusinessStore(database)
            _ = try await store.changeSettings(of: businesses[0]) { $0["retention"] = ["journey_days": 600] }
            let pruner = Pruner(database, clock: ManualClock(Self.now), pace: Self.hurried)
            #expect(try await Self.counted(pruner.prune(as: "a")) == [.journey: 50, .analytics: 76])
        }
    }

    @Test func `it is due once a day`() async throws {
        try await withTestDatabase { database in
            let clock = ManualClock(Self.now)
            let pruner = Pruner(database, clock: clock, pace: Self.hurried)
            #expect(try await pruner.isDue())
            _ = try await pruner.prune(as: "a")
            #expect(try await !pruner.isDue())
            clock.advance(by: .seconds(86_399))
            #expect(try await !pruner.isDue())
            clock.advance(by: .seconds(1))
            #expect(try await pruner.isDue())
        }
    }

    @Test(arguments: 1...14)
    func `a process that dies halfway is followed by one that goes on from there`(_ commits: Int) async throws {
        try await withTestDatabase { database in
            _ = try await Self.fill(database)
            let clock = ManualClock(Self.now)
            let dying = Pruner(DyingDatabase(database, after: commits), clock: clock, pace: Self.hurried)
            await #expect(throws: SQLError.disconnected) { _ = try await dying.prune(as: "dead") }
            let gone = try await Self.left(database).reduce(169) { $0 - $1 }

            let next = Pruner(database, clock: clock, pace: Self.hurried)
            #expect(try await !next.isDue())
            await #expect(throws: AlreadyPruning.self) { _ = try await next.prune(as: "next") }
            clock.advance(by: Limits.retentionLease)
            #expect(try await next.isDue())
            let result = try await next.prune(as: "next")
            #expect(result.wasResumed == (commits > 1))
            #expect(result.total + gone == 151)
            #expect(try await Self.left(database) == [9, 9])
            #expect(try await JobStore(database).job(Pruner.job)?.cursor == [:])
        }
    }

    @Test func `of two at once one works, and a late one writes nothing`() async throws {
        try await withTestDatabase { database in
            _ = try await Self.fill(database)
            let slowClock = ManualClock(Self.now)
            let slow = Pruner(database, clock: slowClock, pace: Pruner.Pace(batch: 10, pause: .seconds(1), rest: 0))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: JobLost.self) { _ = try await slow.prune(as: "slow") }
                }
                await slowClock.untilSleeping()
                let other = Pruner(database, clock: ManualClock(Self.now), pace: Self.hurried)
                await #expect(throws: AlreadyPruning.self) { _ = try await other.prune(as: "other") }

                // The slow one is taken for dead, and wakes when all is done.
                let later = Pruner(
                    database,
                    clock: ManualClock(Self.now.advanced(by: Limits.retentionLease * 2)),
                    pace: Self.hurried
                )
                let result = try await later.prune(as: "later")
                #expect(result.wasResumed)
                let after = try await Self.left(database)
                #expect(after == [9, 9])
                slowClock.advance(by: .seconds(1))
                try await group.waitForAll()
                #expect(try await Self.left(database) == after)
            }
        }
    }
}

/// A database whose process dies after so many commits: nothing comes through any more.
private final class DyingDatabase: SQLDatabase {
    private let database: any SQLDatabase
    private let left: Mutex<Int>

    init(_ database: any SQLDatabase, after commits: Int) {
        self.database = database
        left = Mutex(commits)
    }

    var dialect: Dialect { database.dialect }

    func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        try await database.read(scope, body)
    }

    func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        let lives = left.withLock { left in
            left -= 1
            return left >= 0
        }
        guard lives else { throw SQLError.disconnected }
        return try await database.transaction(scope, body)
    }
}
