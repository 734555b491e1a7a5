import ParleyCore
import ParleyTesting
import Pipeline
import Storage
import Testing

/// Retention where tables are cut by the week: made before they are needed, dropped as a whole.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"), .timeLimit(.minutes(4)))
struct PartitionTests {
    /// A Monday, 00:00 UTC, far from the weeks that migrations make.
    private static let monday = Timestamp(seconds: 1_830_470_400)
    private static let sunday = after(days: 6, hours: 23)
    private static let week = "p20280103"

    private static func after(days: Int64, hours: Int64 = 0) -> Timestamp {
        monday.advanced(by: .seconds(86_400 * days + 3600 * hours))
    }

    /// One gateway's tables, with two businesses.
    private struct House: Sendable {
        let database: any SQLDatabase
        let clock = ManualClock(monday)
        let ours: ID<Business>
        let theirs: ID<Business>

        init(_ database: any SQLDatabase, theirs settings: JSON = [:]) async throws {
            self.database = database
            let store = BusinessStore(database, clock: clock)
            ours = try await store.create(name: "Ours").id
            theirs = try await store.create(name: "Theirs").id
            _ = try await store.change(settings: settings, of: theirs)
        }

        /// The daily run, as it would be at a moment.
        func prune(at moment: Timestamp) async throws -> PruneResult {
            let pace = Pruner.Pace(batch: 100, pause: .zero, rest: 0)
            return try await Pruner(database, clock: ManualClock(moment), pace: pace).prune(as: "test")
        }

        func note(_ business: ID<Business>, at moment: Timestamp) async throws {
            try await database.transaction(.house) { connection in
                _ = try await connection.execute(
                    """
                    INSERT INTO journey_events (business_id, subject_id, id, step, verdict, created_at)
                    VALUES ($1, $2, $3, 'gate', 'open', $4)
                    """,
                    [.id(business), .uuid(UUID7(at: moment)), .uuid(UUID7(at: moment)), .timestamp(moment)]
                )
            }
        }

        /// In which partition each row of a table lies, oldest first.
        func places(_ table: String) async throws -> [String] {
            try await database.read(.house) { connection in
                try await connection.query("SELECT tableoid::regclass::text AS name FROM \(table) ORDER BY id").map {
                    try $0.text("name")
                }
            }
        }

        func owners(_ table: String) async throws -> [ID<Business>] {
            try await database.read(.house) { connection in
                try await connection.query("SELECT business_id FROM \(table) ORDER BY id").map {
                    try $0.id("business_id")
                }
            }
        }

        func exists(_ table: String) async throws -> Bool {
            try await database.read(.schema) { connection in
                try await connection.first(database.dialect.tableNamed, [.text(table)]) != nil
            }
        }
    }

    private static let tables = ["messages", "journey_events", "inbox_events", "analytics_events"]

    @Test func `a week is there before it is needed, and takes over what came too early`() async throws {
        try await withTestPostgres { database in
            let house = try await House(database)
            try await house.note(house.ours, at: Self.sunday)
            #expect(try await house.places("journey_events") == ["journey_events_default"])

            #expect(try await Partitions(database).makeAhead(at: Self.monday) == Self.tables.count * 5)
            for table in Self.tables {
                for name in ["p20280103", "p20280110", "p20280117", "p20280124", "p20280131"] {
                    #expect(try await house.exists("\(table)_\(name)"), "\(table)_\(name)")
                }
            }
            try await house.note(house.ours, at: Self.after(days: 34, hours: 23))
            #expect(
                try await house.places("journey_events") == ["journey_events_p20280103", "journey_events_p20280131"]
            )
            // A new week has the wall between businesses, too.
            let unguarded = try await house.database.read(.schema) { connection in
                try await connection.query(
                    "SELECT relname::text AS name FROM pg_class WHERE relname ~ '_p2028[0-9]{4}$' AND NOT relforcerowsecurity"
                ).map { try $0.text("name") }
            }
            #expect(unguarded == [])
            #expect(try await Partitions(database).makeAhead(at: Self.monday) == 0)
            #expect(try await Partitions(database).makeAhead(at: Self.after(days: 7)) == Self.tables.count)
        }
    }

    @Test func `a week goes as a whole once all of it is older than it is kept`() async throws {
        try await withTestPostgres { database in
            let house = try await House(database)
            try await Partitions(database).makeAhead(at: Self.monday)
            for business in [house.ours, house.theirs] {
                try await house.note(business, at: Self.monday)
                try await house.note(business, at: Self.sunday)
                try await house.note(business, at: Self.after(days: 7, hours: 1))
            }
            let days = Int64(Limits.journeyDays)
            let early = try await house.prune(at: Self.after(days: 7 + days - 1, hours: 23))
            #expect(!early.partitions.contains("journey_events_\(Self.week)"))
            #expect(try await house.owners("journey_events").count == 6)

            let result = try await house.prune(at: Self.after(days: 7 + days, hours: 1))
            #expect(result.partitions.contains("journey_events_\(Self.week)"))
            #expect((result.rows[.journey] ?? 0) == 0, "rows were deleted one by one")
            #expect(try await !house.exists("journey_events_\(Self.week)"))
            #expect(
                try await house.places("journey_events") == ["journey_events_p20280110", "journey_events_p20280110"]
            )
        }
    }

    @Test func `a business that keeps longer keeps its rows, and the others' are deleted`() async throws {
        try await withTestPostgres { database in
            let house = try await House(database, theirs: ["retention": ["journey_days": 60]])
            try await Partitions(database).makeAhead(at: Self.monday)
            for business in [house.ours, house.theirs] { try await house.note(business, at: Self.monday) }

            let first = try await house.prune(at: Self.after(days: 50))
            #expect(first.rows[.journey] == 1)
            #expect(!first.partitions.contains("journey_events_\(Self.week)"))
            #expect(try await house.owners("journey_events") == [house.theirs])

            let second = try await house.prune(at: Self.after(days: 7 + 60, hours: 1))
            #expect(second.partitions.contains("journey_events_\(Self.week)"))
            #expect(try await house.owners("journey_events").isEmpty)
        }
    }

    @Test func `what came when there was no week for it goes when it is old`() async throws {
        try await withTestPostgres { database in
            let house = try await House(database)
            for business in [house.ours, house.theirs] { try await house.note(business, at: Self.sunday) }
            #expect(try await house.places("journey_events") == ["journey_events_default", "journey_events_default"])
            let days = Int64(Limits.journeyDays)
            let early = try await house.prune(at: Self.sunday.advanced(by: .seconds(86_400 * (days - 1))))
            #expect(early.failures == [])
            #expect(try await house.owners("journey_events").count == 2)

            let late = Self.sunday.advanced(by: .seconds(86_400 * (days + 1)))
            let preview = try await Pruner(database, clock: ManualClock(late)).preview()
            #expect(preview.rows[.journey] == 2)
            #expect(try await house.prune(at: late).rows[.journey] == 2)
            #expect(try await house.owners("journey_events").isEmpty)
        }
    }

    @Test func `nobody waits long for a partition that somebody else reads`() async throws {
        try await withTestPostgres { database in
            let house = try await House(database)
            let partitions = Partitions(database)
            try await partitions.makeAhead(at: Self.monday)
            try await house.note(house.ours, at: Self.monday)
            let old = Self.after(days: 8)
            try await house.database.read(.schema) { connection in
                // As a backup does, for as long as it takes.
                _ = try await connection.query("SELECT 1 AS one FROM journey_events", [])
                await #expect(throws: SQLError.busy) { try await partitions.drop(.journey, before: old) }
                // Nobody stands behind a lock that is waited for.
                try await house.note(house.theirs, at: Self.after(days: 21))
            }
            #expect(try await partitions.drop(.journey, before: old).contains("journey_events_\(Self.week)"))
            #expect(try await house.owners("journey_events") == [house.theirs])
        }
    }

    @Test func `a webhook is known for as long as a platform repeats it, and an open one keeps its week`() async throws
    {
        try await withTestPostgres { database in
            let house = try await House(database, theirs: ["retention": ["inbox_days": 7]])
            try await Partitions(database).makeAhead(at: Self.monday)
            let integration = ID<Integration>(at: Self.monday)
            _ = try await IntegrationStore(database, vault: CredentialVault(.random()), clock: house.clock).connect(
                id: integration,
                business: house.theirs,
                channel: "telegram",
                name: "A bot",
                credentials: Secret(Array("{}".utf8))
            )
            let inbox = InboxStore(database)
            func keep(_ key: String, at moment: Timestamp) async throws -> [Bool] {
                let entry = InboxEntry(
                    id: ID(at: moment),
                    businessID: house.theirs,
                    integrationID: integration,
                    dedupeKey: key,
                    conversationKey: "D1",
                    kind: "message",
                    position: 1,
                    event: "{}",
                    receivedAt: moment,
                    debounce: .zero
                )
                return try await inbox.keep([entry], at: moment)
            }
            func close(_ key: String) async throws {
                try await house.database.transaction(.house) { connection in
                    _ = try await connection.execute(
                        "UPDATE inbox_events SET closed_at = received_at WHERE dedupe_key = $1",
                        [.text(key)]
                    )
                }
            }
            #expect(try await keep("open", at: Self.monday) == [true])
            #expect(try await keep("sunday", at: Self.sunday) == [true])
            #expect(try await keep("next", at: Self.after(days: 7, hours: 2)) == [true])
            try await close("sunday")
            try await close("next")

            // The row has gone after this business's 7 days; its key has not.
            let seven = try await house.prune(at: Self.sunday.advanced(by: .seconds(86_400 * 7 + 60)))
            #expect(seven.rows[.inbox] == 1)
            #expect(try await keep("sunday", at: Self.sunday.advanced(by: .seconds(86_400 * 7 + 120))) == [false])

            // The week could go by its age, were it not for the event that waits.
            let eight = Self.after(days: 7 + 8, hours: 1)
            #expect(try await !house.prune(at: eight).partitions.contains("inbox_events_\(Self.week)"))
            #expect(try await house.exists("inbox_events_\(Self.week)"))
            try await close("open")
            #expect(try await house.prune(at: eight).partitions.contains("inbox_events_\(Self.week)"))
            #expect(try await keep("next", at: eight) == [false])
            // After more than 8 days nobody repeats it: the key is forgotten with the rest.
            #expect(try await keep("sunday", at: eight) == [true])
        }
    }
}
