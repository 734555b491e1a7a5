import ParleyCore
import Storage

// The stores: the same answers from every engine.
extension StorageConformance {
    /// Two businesses, each with a contact on an integration.
    struct World {
        let clock = ManualClock(time)
        let vault: CredentialVault
        let businesses: BusinessStore
        let integrations: IntegrationStore
        let agents: AgentStore
        let tools: ToolStore
        let data: DataIntegrationStore
        let knowledge: KnowledgeStore
        let leads: LeadStore
        let usage: UsageStore
        let ours: ID<Business>
        let theirs: ID<Business>
        let contact: ID<Contact>
        let integration: ID<Integration>

        init(_ database: any SQLDatabase) async throws {
            vault = CredentialVault(.random(), clock: clock)
            businesses = BusinessStore(database, clock: clock)
            integrations = IntegrationStore(database, vault: vault, clock: clock)
            agents = AgentStore(database, clock: clock)
            tools = ToolStore(database, clock: clock)
            data = DataIntegrationStore(database, vault: vault, clock: clock)
            knowledge = KnowledgeStore(database, clock: clock)
            leads = LeadStore(database)
            usage = UsageStore(database)
            try await tools.register(["capture_lead", "hand_over"].map { World.tool($0) })
            ours = try await businesses.create(name: "Ours").id
            theirs = try await businesses.create(name: "Theirs").id
            contact = try await World.contact(of: ours, database)
            integration = ID(at: time)
            _ = try await integrations.connect(
                id: integration,
                business: ours,
                channel: "telegram",
                name: "A bot",
                credentials: World.secret(#"{"bot_token":"12345:secret"}"#),
                settings: ["bot_id": 7],
                webhookURL: "https://example.com/hook"
            )
        }

        static func tool(_ name: String) -> ToolRecord {
            ToolRecord(
                name: name,
                category: "sales",
                description: "Does \(name)",
                parameters: ["type": "object"],
                triggers: ["call me"],
                isReadOnly: false
            )
        }

        static func secret(_ text: String) -> Secret<[UInt8]> { Secret(Array(text.utf8)) }

        static func contact(of business: ID<Business>, _ database: any SQLDatabase) async throws -> ID<Contact> {
            let id = ID<Contact>(at: time)
            try await database.transaction(.house) { connection in
                _ = try await connection.execute(
                    "INSERT INTO contacts (business_id, id, created_at, updated_at) VALUES ($1, $2, $3, $3)",
                    [.id(business), .id(id), .timestamp(time)]
                )
            }
            return id
        }

        static func endpoint(_ tool: String, _ description: String = "Looks a product up") -> EndpointRecord {
            EndpointRecord(
                id: ID(at: time),
                toolName: tool,
                description: description,
                parameters: ["type": "object"],
                triggers: ["do you have {product}"],
                pathTemplate: "/products.json?title={product}",
                responseMapping: ["title": "products[0].title"]
            )
        }
    }

    static func newBusiness(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let agent = try await world.agents.defaultAgent(of: world.ours)
        findings.expect(agent?.tools, is: ["capture_lead", "hand_over"], "the default agent's tools")
        findings.expect(agent?.instructions, is: BusinessStore.plainInstructions, "its instructions")
        findings.expect(agent?.model, is: .some(nil), "its model")
        let tools = try await world.tools.list(of: world.ours)
        findings.expect(tools.map(\.isEnabled), is: [true, true], "the business's tools")
        findings.expect(tools.first?.tool, is: World.tool("capture_lead"), "a tool of the catalogue")
        _ = await findings.error("a business without a name") { _ = try await world.businesses.create(name: "") }
        findings.expect(try await world.businesses.list().count, is: 2, "the businesses after a refused one")
    }

    static func changedBusiness(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        world.clock.advance(by: .seconds(5))
        findings.expect(try await world.businesses.change(settings: ["x": 1], of: world.ours), "it was not changed")
        findings.expect(try await world.businesses.setActive(false, world.ours), "it was not switched off")
        let business = try await world.businesses.business(world.ours)
        findings.expect(business?.settings, is: ["x": 1], "the settings")
        findings.expect(business?.isActive, is: false, "whether it is active")
        findings.expect(business?.updatedAt, is: time.advanced(by: .seconds(5)), "when it was changed")
        let nobody = ID<Business>(at: time)
        findings.expect(try await world.businesses.setActive(true, nobody), is: false, "switching nobody on")
        findings.expect(try await world.businesses.business(nobody), is: nil, "a business that does not exist")
        let first = try await world.businesses.list(limit: 1)
        let second = try await world.businesses.list(after: first.first?.id, limit: 1)
        let third = try await world.businesses.list(after: second.first?.id, limit: 1)
        findings.expect((first + second).map(\.id), is: [world.ours, world.theirs].sorted(), "two pages")
        findings.expect(third.count, is: 0, "the third page")
    }

    static func credentials(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let token = "12345:secret"
        let blobs = try await database.read(.house) { connection in
            try await connection.query("SELECT credentials FROM channel_integrations").map {
                try $0.blob("credentials")
            }
        }
        findings.expect(blobs.count, is: 1, "integrations")
        for blob in blobs {
            findings.expect(!String(decoding: blob, as: UTF8.self).contains(token), "a token lies in the open")
        }
        let loaded = try await world.integrations.load(world.integration)
        findings.expect(loaded?.credentials, is: World.secret(#"{"bot_token":"12345:secret"}"#), "the credentials")
        let replaced = try await world.integrations.replace(
            credentials: World.secret("{}"),
            of: world.integration,
            business: world.ours
        )
        findings.expect(replaced, "they were not replaced")
        let again = try await world.integrations.load(world.integration)
        findings.expect(again?.credentials, is: World.secret("{}"), "the replaced credentials")
    }

    static func holds(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        func held() async throws -> Timestamp? { try await world.integrations.load(world.integration)?.heldUntil }
        findings.expect(try await held(), is: nil, "before any wait")
        let isTaken = try await world.integrations.hold(world.integration, of: world.ours, for: .seconds(30))
        findings.expect(isTaken, "the wait was not kept")
        let isShortened = try await world.integrations.hold(world.integration, of: world.ours, for: .seconds(5))
        findings.expect(!isShortened, "it was shortened")
        findings.expect(try await held(), is: world.clock.now.advanced(by: .seconds(30)), "the wait")
        world.clock.advance(by: .seconds(29))
        findings.expect(try await held(), is: world.clock.now.advanced(by: .seconds(1)), "what is left of it")
        world.clock.advance(by: .seconds(1))
        findings.expect(try await held(), is: nil, "after its end")
    }

    static func integrations(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let loaded = try await world.integrations.load(world.integration)
        findings.expect(loaded?.record.businessID, is: world.ours, "whose it is")
        findings.expect(loaded?.record.channel, is: "telegram", "its channel")
        findings.expect(loaded?.record.settings, is: ["bot_id": 7], "its settings")
        findings.expect(loaded?.record.webhookURL, is: "https://example.com/hook", "its webhook")
        findings.expect(loaded?.record.isActive, is: true, "whether it is active")
        findings.expect(loaded?.businessIsActive, is: true, "whether its business is active")
        findings.expect(try await world.integrations.load(ID(at: time)) == nil, "an unknown id was found")
        let stores = world.integrations
        findings.expect(try await stores.disable(world.integration, of: world.ours), "it was not switched off")
        findings.expect(try await stores.setHealth(.refused, world.integration, of: world.ours), "no health")
        findings.expect(
            try await stores.change(settings: ["bot_id": 8], of: world.integration, business: world.ours),
            "its settings were not changed"
        )
        findings.expect(try await stores.setWebhookURL(nil, world.integration, of: world.ours), "no webhook")
        _ = try await world.businesses.setActive(false, world.ours)
        let off = try await world.integrations.load(world.integration)
        findings.expect(off?.record.isActive, is: false, "whether it is active, switched off")
        findings.expect(off?.businessIsActive, is: false, "whether its business is active, switched off")
        findings.expect(off?.record.health, is: .refused, "its health")
        findings.expect(off?.record.settings, is: ["bot_id": 8], "its changed settings")
        findings.expect(off?.record.webhookURL, is: .some(nil), "its removed webhook")
        findings.expect(try await stores.list(of: world.ours).map(\.id), is: [world.integration], "the list")
    }

    static func agents(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let list = try await world.agents.list(of: world.ours)
        findings.expect(list.count, is: 1, "agents")
        guard let id = list.first?.id else { return }
        let changes = AgentChanges(instructions: "Be brief", model: "openai:gpt", debounceMilliseconds: 900)
        findings.expect(try await world.agents.change(changes, id, of: world.ours), "it was not changed")
        var agent = try await world.agents.agent(id, of: world.ours)
        findings.expect(agent?.name, is: "Default", "the name, left alone")
        findings.expect(agent?.instructions, is: "Be brief", "the instructions")
        findings.expect(agent?.model, is: "openai:gpt", "the model")
        findings.expect(agent?.debounceMilliseconds, is: 900, "the debounce")
        _ = try await world.agents.change(AgentChanges(model: ""), id, of: world.ours)
        findings.expect(try await world.tools.disable("hand_over", for: world.ours), "the tool was not taken away")
        agent = try await world.agents.defaultAgent(of: world.ours)
        findings.expect(agent?.model, is: .some(nil), "the default model")
        findings.expect(agent?.tools, is: ["capture_lead"], "the tools without one")
        findings.expect(try await world.tools.enable("hand_over", for: world.ours), "the tool was not given back")
        findings.expect(try await world.tools.enable("nothing", for: world.ours), is: false, "an unknown tool")
        agent = try await world.agents.defaultAgent(of: world.ours)
        findings.expect(agent?.tools, is: ["capture_lead", "hand_over"], "the tools with it again")
        try await world.tools.register([World.tool("new_tool")])
        findings.expect(try await world.tools.enable("new_tool", for: world.ours), "a new tool was not given")
        agent = try await world.agents.defaultAgent(of: world.ours)
        findings.expect(agent?.tools, is: ["capture_lead", "hand_over", "new_tool"], "the tools with a new one")
    }

    static func endpoints(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let token: JSON = ["name": "X-Token", "value": "shpat_secret"]
        let id = try await world.data.create(
            business: world.ours,
            kind: .shopify,
            name: "Shop",
            baseURL: "https://shop.example",
            authType: .header,
            credentials: Secret(token),
            endpoints: [World.endpoint("check_stock", "Ours")]
        )
        _ = try await world.data.create(
            business: world.theirs,
            kind: .rest,
            name: "Service",
            baseURL: "https://service.example",
            endpoints: [World.endpoint("check_stock", "Theirs")]
        )
        let loaded = try await world.data.load(of: world.ours)
        findings.expect(loaded.map(\.record.id), is: [id], "the data integrations")
        findings.expect(loaded.first?.credentials, is: Secret(token), "the credentials")
        findings.expect(loaded.first?.authHeaders.map(\.name), is: ["X-Token"], "the header")
        findings.expect(loaded.first?.authHeaders.map(\.value), is: [Secret("shpat_secret")], "its value")
        findings.expect(loaded.first?.endpoints.map(\.description), is: ["Ours"], "the endpoints")
        let theirs = try await world.data.load(of: world.theirs)
        findings.expect(theirs.first?.endpoints.map(\.description), is: ["Theirs"], "the other's endpoints")
        findings.expect(theirs.first?.credentials == nil, "credentials out of nothing")
        let tools = try await world.agents.defaultAgent(of: world.ours)?.tools
        findings.expect(tools, is: ["capture_lead", "check_stock", "hand_over"], "the agent's tools")
        let catalogue = try await world.tools.catalogue()
        findings.expect(catalogue.map(\.name), is: ["capture_lead", "hand_over"], "the catalogue")
        let clash = await findings.error("an endpoint called as a built-in tool") {
            _ = try await world.data.add(World.endpoint("capture_lead"), to: id, of: world.ours)
        }
        findings.expect(clash, is: .unique(constraint: "tools.name"), "a taken name")
        _ = await findings.error("an endpoint twice") {
            _ = try await world.data.add(World.endpoint("check_stock"), to: id, of: world.ours)
        }
        findings.expect(try await world.data.add(World.endpoint("track"), to: id, of: world.ours), "none was added")
        findings.expect(try await world.data.recordTest("ok", id, of: world.ours), "no test was recorded")
        findings.expect(try await world.data.list(of: world.ours).first?.lastTestResult, is: "ok", "the test")
        findings.expect(try await world.tools.enable("track", for: world.theirs), is: false, "another's endpoint")
        findings.expect(try await world.data.setActive(false, id, of: world.ours), "it was not switched off")
        findings.expect(try await world.data.load(of: world.ours).count, is: 0, "what is loaded when it is off")
    }
}
