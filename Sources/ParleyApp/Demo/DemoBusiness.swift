import ChannelKit
import Crypto
import Emulators
import Integrations
import ParleyCore
import Pipeline
import Storage
import StorageSQLite

/// Bob's Electronics: a business with a shop, frequent questions, and a bot on each emulated platform.
struct DemoBusiness: Sendable {
    let workbench: Workbench
    let world: EmulatedWorld
    let baseURL: String
    let emulatorURL: String

    /// Makes what is missing and connects the four bots to this start's emulators.
    ///
    /// - Parameter earlier: the file of an earlier start, whose business, ids and credentials are kept.
    func setUp(after earlier: DemoFile?) async throws -> DemoFile {
        let seed = try DemoSeed.embedded()
        let business = try await business(earlier, seed)
        try await workbench.stores.knowledge.importAll(seed.knowledge, for: business)
        try await openShop(of: business)
        var file = DemoFile(businessID: business, baseURL: baseURL, emulatorURL: emulatorURL, integrations: [])
        for channel in ["slack", "telegram", "discord", "whatsapp"] as [ChannelID] {
            let known = earlier?.integrations.first { $0.channel == channel }
            file.integrations.append(try await connect(channel, known, of: business))
        }
        return file
    }

    /// Tells the emulated platforms where to post; they greet the address, so the gateway must be listening.
    func openForBusiness(_ file: DemoFile) throws {
        for integration in file.integrations {
            try world.setWebhook(bot: integration.bot, url: integration.webhookURL)
        }
    }

    private func business(_ earlier: DemoFile?, _ seed: DemoSeed) async throws -> ID<Business> {
        if let id = earlier?.businessID, try await workbench.stores.businesses.business(id) != nil { return id }
        return try await workbench.stores.businesses.create(name: seed.business, instructions: seed.instructions).id
    }

    private func openShop(of business: ID<Business>) async throws {
        let shop = emulatorURL + "/shop"
        if let known = try await workbench.stores.dataIntegrations.list(of: business).first {
            // The emulators may have another port this time.
            _ = try await workbench.database.transaction(.house) { connection in
                try await connection.execute(
                    "UPDATE data_integrations SET base_url = $3 WHERE business_id = $1 AND id = $2",
                    [.id(business), .id(known.id), .text(shop)]
                )
            }
            return
        }
        _ = try await workbench.stores.dataIntegrations.create(
            business: business,
            kind: .shopify,
            name: "Bob's shop",
            baseURL: shop,
            authType: .header,
            credentials: Secret(["name": JSON(ShopifyPreset.tokenHeader), "value": JSON(EmulatedShop.demoToken)]),
            endpoints: ShopifyPreset.endpoints(at: workbench.clock.now).map { EndpointRecord($0) }
        )
    }

    private func connect(
        _ channel: ChannelID,
        _ known: DemoFile.Integration?,
        of business: ID<Business>
    ) async throws -> DemoFile.Integration {
        var given = known?.credentials ?? [:]
        given["public_key"] = nil
        if channel == "discord", given["private_key_seed"] == nil {
            // Kept in the file, so that an outside program can sign interactions too.
            given["private_key_seed"] = Hex.encode(Curve25519.Signing.PrivateKey().rawRepresentation)
        }
        let bot = try world.makeBot(channel: channel, name: "Bob's Electronics", credentials: given)
        var credentials = bot.credentials
        var identity: ConnectedIdentity?
        let id = known?.id ?? ID(at: workbench.clock.now)
        let webhookURL = "\(baseURL)/webhooks/\(channel)/\(id)"
        if let channel = workbench.channels[channel] as? any ConnectingChannel {
            identity = try await channel.connect(
                ChannelCredentials(credentials.mapValues { Secret($0) }),
                webhookURL: webhookURL,
                over: workbench.transport
            )
        }
        let all = ChannelCredentials(credentials.mapValues { Secret($0) }).merging(identity?.generated ?? .init([:]))
        try await store(all, identity, id: id, isNew: known == nil, channel: channel, webhookURL, of: business)
        for field in all.fieldNames { all[field]?.reveal { credentials[field] = $0 } }
        credentials["private_key_seed"] = given["private_key_seed"]
        return DemoFile.Integration(
            id: id,
            channel: channel,
            webhookURL: webhookURL,
            bot: bot.id,
            credentials: credentials
        )
    }

    private func store(
        _ credentials: ChannelCredentials,
        _ identity: ConnectedIdentity?,
        id: ID<ParleyCore.Integration>,
        isNew: Bool,
        channel: ChannelID,
        _ webhookURL: String,
        of business: ID<Business>
    ) async throws {
        let store = workbench.stores.integrations
        let isKnown = isNew ? false : try await store.integration(id, of: business) != nil
        if isKnown {
            _ = try await store.replace(credentials: credentials.revealedJSON(), of: id, business: business)
            _ = try await store.change(settings: identity?.settings ?? [:], of: id, business: business)
            _ = try await store.setWebhookURL(webhookURL, id, of: business)
        } else {
            _ = try await store.connect(
                id: id,
                business: business,
                channel: channel,
                name: identity?.name ?? "Bob's Electronics",
                credentials: credentials.revealedJSON(),
                settings: identity?.settings ?? [:],
                webhookURL: webhookURL
            )
        }
    }
}

extension EndpointRecord {
    /// A preset's endpoint as a row.
    package init(_ endpoint: EndpointDefinition) {
        self.init(
            id: endpoint.id,
            toolName: endpoint.toolName,
            description: endpoint.description,
            parameters: endpoint.parameters,
            triggers: endpoint.triggers,
            method: endpoint.method.rawValue,
            pathTemplate: endpoint.pathTemplate,
            responseMapping: endpoint.responseMapping,
            cacheSeconds: endpoint.cacheSeconds,
            timeoutMilliseconds: endpoint.timeoutMilliseconds ?? Int(Limits.toolTimeout.milliseconds)
        )
    }
}
