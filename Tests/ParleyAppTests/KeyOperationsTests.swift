import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import StorageSQLite
import Testing

/// `parley keys`, and what the settings of keys do.
@Suite struct KeyOperationsTests {
    private static let old = String(repeating: "0d", count: 32)
    private static let new = String(repeating: "e1", count: 32)
    private static let quiet = {
        var logger = Logger(label: "keys.tests")
        logger.logLevel = .critical
        return logger
    }()

    private static func id(_ key: String) throws -> String { try MasterKey(text: Secret(key)).id }

    /// Settings of a database in which two businesses' credentials are under the old key.
    private func withSecrets(_ body: (ParleySettings, [ID<Business>]) async throws -> Void) async throws {
        try await withTestFolder { folder in
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
            settings.model = "offline"
            settings.publicURL = nil
            settings.masterKey = Secret(Self.old)
            var businesses: [ID<Business>] = []
            try await with(settings) { workbench in
                for name in ["Acme", "Bob's"] {
                    let business = try await workbench.stores.businesses.create(name: name).id
                    businesses.append(business)
                    _ = try await workbench.stores.integrations.connect(
                        id: ID(at: SystemClock().now),
                        business: business,
                        channel: "telegram",
                        name: name,
                        credentials: Secret(Array(#"{"bot_token":"1:hunter2"}"#.utf8))
                    )
                }
            }
            try await body(settings, businesses)
        }
    }

    private func with<Result: Sendable>(
        _ settings: ParleySettings,
        _ body: (Workbench) async throws -> Result
    ) async throws -> Result {
        try await Workbench.with(settings, logger: Self.quiet, body)
    }

    @Test func `the key is changed step by step, and each step says what is left`() async throws {
        try await withSecrets { settings, businesses in
            var settings = settings
            settings.masterKey = Secret(Self.new)
            // The new key alone opens nothing: a node with it does not serve, and nothing is rotated.
            try await with(settings) { workbench in
                await #expect(throws: SettingsError.self) { try await workbench.requireMasterKey() }
                let report = try await Operations(workbench).rotateKeys(isDry: false)
                #expect(!report.isGood)
                #expect(report.json["remaining"]?.int == 2)
                #expect("\(report.blocks)".contains("PARLEY_OTHER_MASTER_KEYS"))
            }
            settings.otherMasterKeys = Secret(" \(Self.old),\n")
            try await with(settings) { workbench in
                try await workbench.requireMasterKey()
                let dry = try await Operations(workbench).rotateKeys(isDry: true)
                #expect(dry.isGood)
                #expect(dry.json["remaining_under"] == [try Self.id(Self.old): 2])
                #expect(dry.json["secrets"]?.int == 0)
                let list = try await Operations(workbench).listKeys().json["keys"]?.array ?? []
                #expect(list.map { $0["state"] } == ["current", "to read"])
                #expect(list.map { $0["businesses"] } == [0, 2])
            }
            #expect("\(await Doctor.examine(settings).blocks)".contains("parley keys rotate"))
            try await with(settings) { workbench in
                let report = try await Operations(workbench).rotateKeys(isDry: false)
                #expect(report.isGood)
                #expect(report.json["businesses"]?.int == 2)
                #expect(report.json["secrets"]?.int == 2)
                #expect(report.json["remaining"]?.int == 0)
                for text in ["\(report.json)", "\(report.blocks)"] {
                    #expect(!text.contains(Self.old) && !text.contains(Self.new) && !text.contains("hunter2"))
                }
                let again = try await Operations(workbench).rotateKeys(isDry: false)
                #expect(again.isGood && again.json["businesses"]?.int == 0)
            }
            settings.otherMasterKeys = nil
            try await with(settings) { workbench in
                try await workbench.requireMasterKey()
                for business in businesses {
                    for record in try await workbench.stores.integrations.list(of: business) {
                        #expect(try await workbench.stores.integrations.load(record.id) != nil)
                    }
                }
            }
            #expect(!"\(await Doctor.examine(settings).blocks)".contains("parley keys rotate"))
        }
    }

    @Test func `a secret that does not open keeps nobody else from the new key`() async throws {
        try await withSecrets { settings, businesses in
            var settings = settings
            settings.masterKey = Secret(Self.new)
            settings.otherMasterKeys = Secret(Self.old)
            try await with(settings) { workbench in
                try await workbench.database.transaction(.house) { connection in
                    _ = try await connection.execute(
                        "UPDATE channel_integrations SET credentials = $2 WHERE business_id = $1",
                        [.id(businesses[0]), .blob(Array(repeating: 1, count: 60))]
                    )
                }
                let report = try await Operations(workbench).rotateKeys(isDry: false)
                #expect(!report.isGood)
                #expect(report.json["businesses"]?.int == 1)
                #expect(report.json["broken"]?.int == 1)
                #expect(report.json["remaining"]?.int == 1)
                #expect("\(report.blocks)".contains("--business \(businesses[0]) --replace"))
                // As the report says.
                let bot = try #require(try await workbench.stores.integrations.list(of: businesses[0]).first)
                #expect(
                    try await workbench.stores.integrations.replace(
                        credentials: Secret(Array("{}".utf8)),
                        of: bot.id,
                        business: businesses[0]
                    )
                )
                #expect(try await Operations(workbench).rotateKeys(isDry: false).isGood)
            }
        }
    }

    @Test(arguments: ["nonsense", "0d0d", old + " " + String(old.dropLast())])
    func `a malformed key is named by its setting, and not repeated`(_ text: String) async throws {
        try await withTestFolder { folder in
            for isCurrent in [true, false] {
                var settings = try await ParleySettings.read()
                settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
                if isCurrent { settings.masterKey = Secret(text) } else { settings.otherMasterKeys = Secret(text) }
                let error = await #expect(throws: SettingsError.self) { try await with(settings) { _ in } }
                #expect(error?.key == (isCurrent ? "PARLEY_MASTER_KEY" : "PARLEY_OTHER_MASTER_KEYS"))
                #expect(error?.description.contains("openssl rand") == true)
                #expect(error?.description.contains(text) == false)
                #expect(await Doctor.examine(settings).isGood == false)
            }
        }
    }
}
