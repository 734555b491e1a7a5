import CoordinationRedis
import Emulators
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import ServiceLifecycle
import Storage
import StoragePostgres
import StorageSQLite
import Testing

/// A whole demo on free ports and in a folder of its own: gateway, emulated platforms, model and shop, over real HTTP
/// and a real database, with a second connection to look into that.
struct DemoHouse: Sendable {
    let demo: Demo
    let folder: String
    let addresses: DemoAddresses
    let file: JSON
    let baseURL: String
    let businessID: ID<Business>
    let database: OpenDatabase
    let stores: Stores
    let log: RecordedLog

    var world: EmulatedWorld { demo.world }
    var model: EmulatedModel { demo.model }
    var shop: EmulatedShop { demo.shop }

    /// All channels of the demo business.
    static let channels: [ChannelID] = ["slack", "telegram", "discord", "whatsapp"]

    /// What a house keeps its things in.
    enum Engine: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case sqlite, postgres

        var testDescription: String { rawValue }
        static var available: [Engine] { TestPostgres.isThere ? allCases : [.sqlite] }
    }

    /// Starts a house, lends it, and ends it by a graceful shutdown whatever happens.
    ///
    /// - Parameters:
    ///   - faults: set before anybody writes. By default nothing goes wrong and no platform limits the rate.
    ///   - usesScriptedModel: asks the emulated OpenAI-compatible model, not the offline one.
    ///   - redis: what the gateway shares with others; none by default.
    ///   - redelivery: how fast the platforms' waiting passes; 0.01 makes Slack's minute 0.6 s.
    static func run(
        on engine: Engine = .sqlite,
        in folder: String? = nil,
        seed: UInt64 = 7,
        faults: EmulatorFaults = .unlimited,
        usesScriptedModel: Bool = false,
        debounce: Duration = .milliseconds(50),
        redelivery: Double = 0.01,
        redis: RedisAddress? = nil,
        _ body: @Sendable (DemoHouse) async throws -> Void
    ) async throws {
        @Sendable func begin(in folder: String, _ postgres: String?) async throws {
            try await start(
                in: folder,
                postgres,
                seed,
                faults,
                usesScriptedModel,
                debounce,
                redelivery,
                redis,
                body
            )
        }
        try await Turnstile.houses.pass {
            if let folder { return try await begin(in: folder, nil) }
            try await withTestFolder { folder in
                switch engine {
                case .sqlite: try await begin(in: folder, nil)
                case .postgres: try await withTestPostgresURL { url in try await begin(in: folder, url) }
                }
            }
        }
    }

    private static func start(
        in folder: String,
        _ postgres: String?,
        _ seed: UInt64,
        _ faults: EmulatorFaults,
        _ usesScriptedModel: Bool,
        _ debounce: Duration,
        _ redelivery: Double,
        _ redis: RedisAddress?,
        _ body: @Sendable (DemoHouse) async throws -> Void
    ) async throws {
        var settings = try await ParleySettings.read()
        if postgres != nil { settings.masterKey = Secret(String(repeating: "5a", count: 32)) }
        settings.host = "127.0.0.1"
        settings.port = try FreePorts.pair()
        settings.debounce = debounce
        settings.redis = redis
        if usesScriptedModel {
            settings.model = "openai:scripted"
            settings.openAIBaseURL = "http://127.0.0.1:\(settings.port + 1)/openai/v1"
            settings.openAIKey = Secret("sk-emulated-for-tests")
        }
        let (ready, continuation) = AsyncStream<DemoAddresses>.makeStream()
        let log = RecordedLog()
        let demo = Demo(
            settings: settings,
            folder: folder,
            database: postgres.map { Secret($0) },
            metrics: TestMetrics.registry,
            logger: log.logger,
            seed: seed,
            timing: EmulatorTiming(redelivery: redelivery)
        ) { continuation.yield($0) }
        demo.world.setFaults(faults)
        let services = ServiceGroup(services: [demo], logger: log.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await services.run()
            }
            var addresses: DemoAddresses?
            for await address in ready {
                addresses = address
                break
            }
            do {
                guard let addresses else {
                    try await group.waitForAll()
                    throw HouseProblem("the demo ended before it was ready\n\(log.text)")
                }
                try await lend(demo, folder, postgres, settings, addresses, log, body)
                await services.triggerGracefulShutdown()
                try await group.waitForAll()
            } catch {
                // A server that is cancelled hard over a fresh connection makes NIO trap.
                await services.triggerGracefulShutdown()
                try? await group.waitForAll()
                throw error
            }
        }
    }

    private static func lend(
        _ demo: Demo,
        _ folder: String,
        _ postgres: String?,
        _ settings: ParleySettings,
        _ addresses: DemoAddresses,
        _ log: RecordedLog,
        _ body: @Sendable (DemoHouse) async throws -> Void
    ) async throws {
        let file = try JSON(parsing: TestFile.read(addresses.file))
        let database: OpenDatabase
        let key: MasterKey
        if let postgres {
            database = OpenDatabase(try await PostgresDatabase.open(url: Secret(postgres)))
            key = try MasterKey(text: settings.masterKey ?? Secret(""))
        } else {
            database = OpenDatabase(try await SQLiteDatabase.open(path: folder + "/parley.sqlite"))
            key = try MasterKeys.loadOrCreate(path: folder + "/master.key").keys.current
        }
        let house = DemoHouse(
            demo: demo,
            folder: folder,
            addresses: addresses,
            file: file,
            baseURL: "http://127.0.0.1:\(settings.port)",
            businessID: try #require(file["business_id"]?.string.flatMap { ID($0) }),
            database: database,
            stores: Stores(database, vault: CredentialVault(key), clock: SystemClock()),
            log: log
        )
        do {
            try await body(house)
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }
}

// MARK: What the demo file tells

extension DemoHouse {
    func webhookURL(_ channel: ChannelID) -> String { entry(channel)?["webhook_url"]?.string ?? "" }
    func bot(_ channel: ChannelID) -> String { entry(channel)?["bot"]?.string ?? "" }

    func credential(_ name: String, of channel: ChannelID) -> String {
        entry(channel)?["credentials"]?[name]?.string ?? ""
    }

    private func entry(_ channel: ChannelID) -> JSON? {
        file["integrations"]?.array?.first { $0["channel"]?.string == channel.name }
    }
}

// MARK: The database, through a second connection

extension DemoHouse {
    func rows(_ sql: String, _ parameters: [SQLValue] = []) async throws -> [SQLRow] {
        try await database.read(.house) { try await $0.query(sql, parameters) }
    }

    /// The one number that a query gives.
    func number(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Int {
        Int(clamping: try await rows("SELECT (\(sql)) AS number", parameters).first?.int("number") ?? -1)
    }

    /// Waits until nothing is left to answer or to deliver. There is no bell over a second connection, so it looks again.
    func settled(within limit: Duration = .seconds(30)) async throws {
        try await eventually("everything is answered and delivered", within: limit) {
            let open = try await number(
                """
                SELECT (SELECT COUNT(*) FROM inbox_events WHERE closed_at IS NULL)
                     + (SELECT COUNT(*) FROM deliveries WHERE settled_at IS NULL) + (SELECT COUNT(*) FROM lanes)
                """
            )
            return open == 0
        }
    }

    func change(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Int {
        try await database.transaction(.house) { try await $0.execute(sql, parameters) }
    }

    /// Leaves the agents without tools, so that the scripted model repeats what it is told.
    func takeToolsAway() async throws {
        _ = try await change("DELETE FROM agent_tools")
    }

    func eventually(
        _ what: String,
        within limit: Duration = .seconds(30),
        _ isTrue: @Sendable () async throws -> Bool
    ) async throws {
        let deadline = ContinuousClock.now.advanced(by: limit)
        while try await !isTrue() {
            guard ContinuousClock.now < deadline else { throw HouseProblem("never: \(what)\n\(await report())") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// Why a test could not go on, with what the house has to say.
struct HouseProblem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension EmulatorFaults {
    /// Nothing goes wrong, and load meets no limit.
    static var unlimited: EmulatorFaults { EmulatorFaults.unlimited { _ in } }

    static func unlimited(_ change: (inout EmulatorFaults) -> Void) -> EmulatorFaults {
        var faults = EmulatorFaults()
        faults.rateLimits = false
        change(&faults)
        return faults
    }
}
