import CoordinationKit
import Emulators
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Pipeline
import Storage
import StorageSQLite
import Testing

/// A platform that tells a whole bot to wait is heard by every node, also by one that is started afterwards.
@Suite(.timeLimit(.minutes(4)))
struct HoldTests {
    @Test func `a gateway that is started again keeps to the wait of the one before`() async throws {
        try await withTestFolder { folder in
            let refusing = EmulatorFaults.unlimited { $0.rateLimit = 1 }
            try await DemoHouse.run(in: folder, faults: refusing, usesScriptedModel: true) { house in
                try await house.takeToolsAway()
                try await house.ask("slack", "first", user: "ann")
                try await house.eventually("the wait is written down") {
                    try await house.number("SELECT COUNT(*) FROM channel_integrations WHERE held_until IS NOT NULL")
                        == 1
                }
            }
            // Long enough to be seen; the first reply may go.
            let until = SystemClock().now.advanced(by: .seconds(3600))
            let database = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            try await database.transaction(.house) { connection in
                try await connection.execute(
                    "UPDATE channel_integrations SET held_until = $1 WHERE held_until IS NOT NULL",
                    [.timestamp(until)]
                )
                try await connection.execute(
                    "UPDATE deliveries SET state = 'dead', dead_reason = 'test', settled_at = created_at WHERE settled_at IS NULL"
                )
            }
            database.close()
            try await DemoHouse.run(in: folder, seed: 8, usesScriptedModel: true) { house in
                let post = try await house.ask("slack", "second", user: "ann")
                try await house.eventually("the reply waits as long as the platform wants") {
                    try await house.number(
                        "SELECT COUNT(*) FROM deliveries WHERE not_before >= $1",
                        [.timestamp(until)]
                    )
                        == 1
                }
                #expect(house.replies(after: post).isEmpty)
                #expect(!house.calls("slack").contains { $0.method.hasSuffix("chat.postMessage") })
                // It was the wait alone. The gateway remembers it for 2 s more.
                try await house.eventually("the reply is there") {
                    try await house.database.transaction(.house) { connection in
                        for change in [
                            "channel_integrations SET held_until = NULL", "deliveries SET not_before = created_at",
                            "lanes SET claimable_at = waiting_since",
                        ] { try await connection.execute("UPDATE \(change)") }
                    }
                    return house.replies(after: post).contains { $0.words == "You said: second" }
                }
            }
        }
    }

    @Test(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"))
    func `a node without Redis hears of another one's wait within 2 s`() async throws {
        try await withTestPostgresURL { url in
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret(
                url + (url.contains("?") ? "&" : "?") + "pool=2&pool_timeout=60&connect_timeout=30"
            )
            settings.masterKey = Secret(String(repeating: "5a", count: 32))
            settings.redis = nil
            var logger = Logger(label: "holds.tests")
            logger.logLevel = .critical
            let clocks = [ManualClock(SystemClock().now), ManualClock(SystemClock().now.advanced(by: .seconds(3600)))]
            let first = try await Workbench.open(settings, clock: clocks[0], logger: logger)
            let second = try await Workbench.open(settings, clock: clocks[1], logger: logger)
            let nodes = [first, second].map { Self.directory(of: $0, logger) }
            let business = try await first.stores.businesses.create(name: "Acme").id
            let bot = try await first.stores.integrations.connect(
                id: ID(at: SystemClock().now),
                business: business,
                channel: "slack",
                name: "A bot",
                credentials: Secret(Array("{}".utf8))
            ).id
            for node in nodes { #expect(try await node.integration(bot)?.heldUntil == nil) }

            await nodes[0].noteHold(of: bot, in: business, until: clocks[0].now.advanced(by: .seconds(300)))
            // What it knows it remembers for 2 s.
            #expect(try await nodes[1].integration(bot)?.heldUntil == nil)
            clocks[1].advance(by: .seconds(2))
            // By its own clock, which is an hour off.
            let heard = try #require(try await nodes[1].integration(bot)?.heldUntil)
            let left = heard.since(clocks[1].now)
            #expect(left > .seconds(200) && left <= .seconds(301), "\(left)")
            await first.close()
            await second.close()
        }
    }

    private static func directory(of workbench: Workbench, _ logger: Logger) -> StoredDirectory {
        StoredDirectory(
            stores: workbench.stores,
            models: ModelShelf(workbench.settings, transport: workbench.transport, clock: workbench.clock),
            settings: workbench.settings,
            cache: LocalResponseCache(),
            transport: workbench.transport,
            clock: workbench.clock,
            logger: logger
        )
    }
}
