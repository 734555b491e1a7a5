import Emulators
import FoundationEssentials
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import StorageSQLite
import Testing

/// `parley migrate copy`: who started tiny can grow, and come back.
@Suite(.timeLimit(.minutes(4)))
struct CopyTests {
    @Test(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"))
    func `a gateway goes on where its copy was made`() async throws {
        try await withUsedFolder { folder in
            let path = "\(folder)/parley.sqlite"
            let key = try MasterKeys.loadOrCreate(path: "\(folder)/master.key").keys.current
            try await withTestPostgresURL { url in
                let report = try await Self.copy(from: "sqlite:\(path)", to: url)
                #expect(report.isGood)
                #expect(report.json["replaced_nul"]?.int == 2)
                #expect(report.json["master_key_ids"] == [.string(key.id)])
                let old = try await SQLiteDatabase.open(path: path)
                let new = try await PostgresDatabase.open(url: Secret(url))
                try await Self.expectAll(of: new, in: report)
                try await Self.compare(old, new, key)
                try await Self.goOn(old, new)
                await new.close()
                old.close()
            }
        }
    }

    @Test(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"))
    func `there and back again nothing has changed`() async throws {
        try await withUsedFolder { folder in
            try await withTestPostgresURL(migrated: false) { url in
                let there = try await Self.copy(from: "sqlite:\(folder)/parley.sqlite", to: url)
                let back = try await Self.copy(from: url, to: "sqlite:\(folder)/back/parley.sqlite")
                #expect(there.isGood && back.isGood)
                #expect(Self.checksums(there) == Self.checksums(back))
                try await withTestPostgresURL(migrated: false) { other in
                    let beside = try await Self.copy(from: url, to: other)
                    #expect(beside.isGood)
                    #expect(Self.checksums(beside).filter { !$0.hasPrefix("inbox_keys ") } == Self.checksums(there))
                }
            }
        }
    }

    @Test func `one SQLite database is copied into another, whatever it holds`() async throws {
        try await withUsedFolder { folder in
            let report = try await Self.copy(
                from: "sqlite:\(folder)/parley.sqlite",
                to: "sqlite:\(folder)/new/parley.sqlite"
            )
            #expect(report.isGood)
            #expect(report.json["replaced_nul"]?.int == 0)
            let database = try await SQLiteDatabase.open(path: "\(folder)/new/parley.sqlite")
            let names = try await database.read(.house) { connection in
                try await connection.query("SELECT name FROM contacts WHERE name LIKE 'A%'").map { $0["name"] }
            }
            #expect(names.contains(.text("A\0B")))
            try await Self.expectAll(of: database, in: report)
            database.close()
        }
    }

    @Test func `what cannot be copied is refused, and told how to put right`() async throws {
        try await withUsedFolder { folder in
            let source = "sqlite:\(folder)/parley.sqlite"
            await Self.expectRefusal("there is no database", from: "sqlite:\(folder)/nothing", to: source)
            await Self.expectRefusal("--from is no database URL", from: "mysql://secret@x/y", to: source)
            await Self.expectRefusal("--to is being served, or is the same", from: source, to: source)
            _ = try await Self.copy(from: source, to: "sqlite:\(folder)/new/parley.sqlite")
            await Self.expectRefusal("not empty", from: source, to: "sqlite:\(folder)/new/parley.sqlite")
            let serving = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            try serving.lockForServing()
            await Self.expectRefusal("--from is being served", from: source, to: "sqlite:\(folder)/other/parley.sqlite")
            serving.close()
        }
    }

    @Test func `what arrives otherwise is taken back`() async throws {
        try await withUsedFolder { folder in
            let target = try await SQLiteDatabase.open(path: "\(folder)/new.sqlite")
            try await Migrator(target).up()
            try await target.transaction(.schema) { connection in
                _ = try await connection.execute(
                    """
                    CREATE TRIGGER meddling AFTER INSERT ON contacts BEGIN
                        UPDATE contacts SET locale = 'xx' WHERE id = new.id;
                    END
                    """
                )
            }
            let report = try await Self.copy(from: "sqlite:\(folder)/parley.sqlite", to: "sqlite:\(folder)/new.sqlite")
            #expect(!report.isGood)
            #expect(report.json["is_same"]?.bool == false)
            let left = try await target.read(.house) { try await $0.first("SELECT count(*) AS n FROM businesses", []) }
            #expect(try left?.int("n") == 0)
            target.close()
        }
    }
}

// MARK: - Used, copied, compared

extension CopyTests {
    private static let quiet = {
        var logger = Logger(label: "copy.tests")
        logger.logLevel = .critical
        return logger
    }()

    /// A folder in which a gateway has worked on all channels, with one reply still to be sent, and odd texts.
    private func withUsedFolder(_ body: @Sendable (String) async throws -> Void) async throws {
        try await withTestFolder { folder in
            try await DemoHouse.run(in: folder) { house in
                for channel in DemoHouse.channels {
                    for text in [
                        "Do you have iPhone 15 in stock?", "Call me: ann@example.com", "I want to talk to a human",
                    ] {
                        _ = try await house.reply(to: try await house.ask(channel, text))
                    }
                }
                try await house.settled()
                house.world.setFaults(.unlimited { $0.rateLimit = 1 })
                try await house.ask("telegram", "What are your opening hours?", user: "bert")
                try await house.eventually("a reply waits for the platform") {
                    try await house.number("SELECT COUNT(*) FROM deliveries WHERE settled_at IS NULL") == 1
                }
            }
            let database = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            try await database.transaction(.house) { connection in
                // Its time has come in the meantime.
                let now = SQLValue.timestamp(SystemClock().now.advanced(by: .seconds(-5)))
                try await connection.execute("UPDATE lanes SET claimable_at = $1", [now])
                try await connection.execute("UPDATE deliveries SET not_before = $1 WHERE settled_at IS NULL", [now])
                try await connection.execute(
                    "UPDATE contacts SET name = $1 WHERE id = (SELECT min(id) FROM contacts)",
                    [.text("A\0B")]
                )
                let json = #"{"z": 1.0, "a": 1e2, "big": 12345678901234567890, "text": "x\u0000y\\u0000", "z": 2}"#
                try await connection.execute(
                    "UPDATE leads SET extra_data = $1 WHERE id = (SELECT min(id) FROM leads)",
                    [.text(json)]
                )
            }
            database.close()
            try await body(folder)
        }
    }

    private static func copy(from source: String, to target: String) async throws -> Report {
        try await Operations.copyDatabase(try await ParleySettings.read(), from: Secret(source), to: Secret(target))
    }

    private static func expectRefusal(_ problem: String, from source: String, to target: String) async {
        do {
            _ = try await copy(from: source, to: target)
            Issue.record("it was copied: \(problem)")
        } catch let error as OperationError {
            #expect(error.problem.contains(problem) && !error.fix.isEmpty)
            #expect(!error.description.contains("secret"))
        } catch {
            Issue.record("\(error)")
        }
    }

    private static func checksums(_ report: Report) -> [String] {
        (report.json["tables"]?.array ?? []).map {
            "\($0["table"]?.string ?? "") \($0["rows"]?.int ?? -1) \($0["checksum"]?.string ?? "")"
        }.sorted()
    }

    /// A table that a later migration adds must not be left out, nor one that has rows come without.
    private static func expectAll(of database: any SQLDatabase, in report: Report) async throws {
        let sql =
            database.dialect == .sqlite
            ? "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            : """
            SELECT relname AS name FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            """
        let names = try await database.read(.schema) { connection in
            try await connection.query(sql).map { try $0.text("name") }
        }
        // Its own list; a number; made from the entries; made from the events.
        let apart = names.filter {
            ["migrations", "fence_sequence", "inbox_keys"].contains($0) || $0.hasPrefix("knowledge_search")
        }
        var counts: [String: Int64] = [:]
        for table in report.json["tables"]?.array ?? [] {
            counts[table["table"]?.string ?? ""] = table["target_rows"]?.int
        }
        #expect(counts.keys.sorted() == names.filter { !apart.contains($0) }.sorted())
        for (table, count) in counts {
            let row = try await database.read(.house) { try await $0.first("SELECT count(*) AS n FROM \(table)", []) }
            #expect(try row?.int("n") == count, "\(table)")
        }
        for used in ["messages", "turns", "inbox_events", "leads", "journey_events", "deliveries", "tool_executions"] {
            #expect(counts[used, default: 0] > 0, "\(used) was not tried")
        }
    }

    /// The stores say the same of both.
    private static func compare(_ old: any SQLDatabase, _ new: any SQLDatabase, _ key: MasterKey) async throws {
        let stores = [old, new].map { Stores($0, vault: CredentialVault(key), clock: SystemClock()) }
        let businesses = try await stores[0].businesses.list()
        #expect(!businesses.isEmpty)
        #expect(try await stores[1].businesses.list() == businesses)
        for business in businesses.map(\.id) {
            let integrations = try await stores[0].integrations.list(of: business)
            #expect(integrations.count == DemoHouse.channels.count)
            for id in integrations.map(\.id) {
                let (before, after) = (
                    try await stores[0].integrations.load(id), try await stores[1].integrations.load(id)
                )
                #expect(before != nil && before?.credentials == after?.credentials)
                // The members of a JSON object have no order on PostgreSQL.
                #expect(before?.record.channel == after?.record.channel && before?.record.name == after?.record.name)
                #expect(before?.record.webhookURL == after?.record.webhookURL)
                #expect(before?.record.settings["bot_id"] == after?.record.settings["bot_id"])
            }
            #expect(
                try await stores[0].dataIntegrations.load(of: business).map(\.credentials)
                    == stores[1].dataIntegrations.load(of: business).map(\.credentials)
            )
            let leads = try await stores[0].leads.page(of: business).map { "\($0.id) \($0.email ?? "") \($0.channel)" }
            #expect(
                try await stores[1].leads.page(of: business).map { "\($0.id) \($0.email ?? "") \($0.channel)" } == leads
            )
            #expect(!leads.isEmpty)
            let found = try await stores[1].knowledge.search("What are your opening hours?", in: business)
            #expect(found.first?.answer.contains("9:00") == true)
        }
        let turns = try await old.read(.house) { connection in
            try await connection.query("SELECT id FROM turns ORDER BY id").map { try $0.id("id", Turn.self) }
        }
        for turn in turns {
            let before = try await stores[0].journeys.find(turn.description)
            let after = try await stores[1].journeys.find(turn.description)
            #expect(before != nil && before?.events.map(\.dedupeKey) == after?.events.map(\.dedupeKey))
        }
    }

    /// What waits is sent, by a holder whose fence is higher than any before; what came already is known.
    private static func goOn(_ old: any SQLDatabase, _ new: any SQLDatabase) async throws {
        let now = SystemClock().now
        let lanes = LaneStore(new)
        let businesses = try await lanes.outlook(.deliver, at: now).ready
        let claims = try await lanes.claim(
            .deliver,
            businesses.map { LaneShare(business: $0, count: 5) },
            for: "node",
            perBusiness: 5,
            lease: .seconds(15),
            at: now
        )
        let claim = try #require(claims.first)
        let fence = try await old.read(.schema) { try await $0.first("SELECT value FROM fence_sequence", []) }
        #expect(try claim.fence > fence?.int("value") ?? .max)
        let waiting = try await DeliveryStore(new).next(claim)
        #expect(waiting?.text.contains("9:00") == true)

        let events = try await old.read(.house) { connection in
            try await connection.query("SELECT * FROM inbox_events")
        }
        let again = try events.map { row in
            InboxEntry(
                id: ID(at: now),
                businessID: try row.id("business_id"),
                integrationID: try row.id("channel_integration_id"),
                dedupeKey: try row.text("dedupe_key"),
                conversationKey: try row.text("conversation_key"),
                kind: try row.text("kind"),
                position: try row.int("position"),
                event: try row.text("event"),
                receivedAt: now,
                debounce: .zero
            )
        }
        #expect(again.count > 10)
        #expect(try await InboxStore(new).keep(again, at: now).allSatisfy { !$0 })
    }
}
