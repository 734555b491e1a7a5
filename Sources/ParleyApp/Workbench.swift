import AgentKit
import Integrations
import Logging
import Migrations
import ParleyCore
import Pipeline
import Storage

/// The database, opened and ready, with everything that works on it: what every command needs.
package struct Workbench: Sendable {
    package let settings: ParleySettings
    package let database: OpenDatabase
    package let stores: Stores
    package let channels: ChannelRegistry
    package let transport: any HTTPTransport
    package let clock: any Clockwork
    package let logger: Logger
    /// Said aloud once: the master key was made at this start.
    package let madeMasterKeyAt: String?
    let masterKeys: MasterKeys
    let vault: CredentialVault
    private let outgoing: OutgoingHTTP

    /// Opens what `settings` name, bringing the schema up to date.
    ///
    /// - Parameter migrates: false leaves the schema as it is, for `parley migrate`.
    package static func open(
        _ settings: ParleySettings,
        migrates: Bool = true,
        clock: any Clockwork = SystemClock(),
        logger: Logger
    ) async throws -> Workbench {
        // Whoever may not go on without the key is told so before anything is changed.
        try settings.requireMasterKey()
        let database = try await OpenDatabase.open(settings, logger: logger)
        let (keys, madeAt) = try await masterKeys(settings, for: database)
        if migrates { _ = try await Migrator(database, clock: clock).up() }
        let vault = CredentialVault(keys, clock: clock)
        let stores = Stores(database, vault: vault, clock: clock)
        if migrates {
            try await stores.tools.register(Catalogue.builtIn)
            try await stores.prices.register(ShippedPrices.all)
        }
        let outgoing = OutgoingHTTP()
        return Workbench(
            settings: settings,
            database: database,
            stores: stores,
            channels: Channels.all(settings),
            transport: outgoing,
            clock: clock,
            logger: logger,
            madeMasterKeyAt: madeAt,
            masterKeys: keys,
            vault: vault,
            outgoing: outgoing
        )
    }

    /// Opens, lends to `body`, and closes whatever happens.
    package static func with<Result: Sendable>(
        _ settings: ParleySettings,
        migrates: Bool = true,
        logger: Logger,
        _ body: (Workbench) async throws -> Result
    ) async throws -> Result {
        let workbench = try await open(settings, migrates: migrates, logger: logger)
        do {
            let result = try await body(workbench)
            await workbench.close()
            return result
        } catch {
            await workbench.close()
            throw error
        }
    }

    /// Throws ``SettingsError`` when no stored credential can be read with the master key: such a node would be ready, and
    /// refuse every webhook.
    package func requireMasterKey() async throws {
        guard try await vault.isShutOut(of: database) else { return }
        throw SettingsError(
            key: "PARLEY_MASTER_KEY",
            fix: "is not the key under which credentials are stored; give this node the one that the others have"
        )
    }

    package func close() async {
        do {
            try await outgoing.shutdown()
        } catch {
            logger.debug("the HTTP client did not shut down cleanly")
        }
        await database.close()
    }

    private static func masterKeys(
        _ settings: ParleySettings,
        for database: OpenDatabase
    ) async throws -> (MasterKeys, madeAt: String?) {
        let others = try settings.otherKeys()
        if let current = try settings.givenKey() { return (MasterKeys(current: current, others: others), nil) }
        guard let folder = try settings.dataFolder() else { throw ParleySettings.missingMasterKey }
        let path = folder + "/master.key"
        // A new key beside old secrets would read as if they were lost, and hide that the key is.
        let hasSecrets = try await hasSecrets(database)
        guard DataFolder.exists(path) || !hasSecrets else {
            throw SettingsError(
                key: "PARLEY_MASTER_KEY",
                fix: "\(path) is missing, and credentials are stored under it; put it back, or set the key"
            )
        }
        let (keys, isNew) = try MasterKeys.loadOrCreate(path: path)
        return (MasterKeys(current: keys.current, others: keys.others + others), isNew ? path : nil)
    }

    private static func hasSecrets(_ database: OpenDatabase) async throws -> Bool {
        try await database.read(.house) { connection in
            let hasTable = try await connection.first(
                database.dialect.tableNamed,
                [.text("business_keys")]
            )
            guard hasTable != nil else { return false }
            return try await connection.first("SELECT 1 AS found FROM business_keys LIMIT 1", []) != nil
        }
    }
}

/// The tools that are part of the binary, as the catalogue lists them.
enum Catalogue {
    /// What a tool of any business may be called: those of the binary, and those that live data of a known kind brings.
    static func names(at now: Timestamp) -> Set<String> {
        Set(builtIn.map(\.name) + ShopifyPreset.endpoints(at: now).map { EndpointRecord($0).toolName })
    }

    static var builtIn: [ToolRecord] {
        [
            (SearchKnowledgeTool.definition, "knowledge", true),
            (CaptureLeadTool.definition, "leads", false),
            (HandOverTool.definition, "conversation", false),
        ].map { definition, category, isReadOnly in
            ToolRecord(
                name: definition.name,
                category: category,
                description: definition.description,
                parameters: definition.parameters,
                triggers: definition.triggers,
                kind: .builtIn,
                isReadOnly: isReadOnly
            )
        }
    }
}
