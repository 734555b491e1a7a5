import AgentKit
import ChannelKit
import Emulators
import FoundationEssentials
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import ServiceLifecycle
import Storage
import StorageSQLite
import SystemPackage
import Testing

@Suite struct OperationsTests {
    // MARK: Knowledge

    @Test func `a CSV file with quotes, commas and line breaks becomes knowledge`() async throws {
        try await withOperations { operations, business, folder, _ in
            let file = try write(
                "\u{FEFF}Question,answer,keywords\r\n\"Open, on Sunday?\",\"Yes, \"\"until\"\" noon.\nThen closed.\",hours\r\n",
                to: folder + "/faq.csv"
            )
            let report = try await operations.importKnowledge(file, of: business)
            #expect(report.json["imported"]?.int == 1)
            let entry = try #require(try await operations.listKnowledge(of: business).json[0])
            #expect(entry["question"]?.string == "Open, on Sunday?")
            #expect(entry["answer"]?.string == "Yes, \"until\" noon.\nThen closed.")
            #expect(entry["keywords"]?.string == "hours")
            let found = try await operations.searchKnowledge("Are you open on Sunday?", of: business)
            #expect(found.json[0]?["question"]?.string == "Open, on Sunday?")
        }
    }

    @Test(arguments: [
        ("question,answer\nA?,B.\nC?\n", "line 3: the header has 2 columns, this line 1"),
        ("question,answer\nA?,B.\n,D.\n", "line 3: the question is empty"),
        ("question,answer\nA?,B.\nA?,D.\n", "line 3: the same question as line 2"),
        ("question,answer\nA?,B.\n\"C?,D.\n", "line 3: a double quote is opened"),
        ("question;answer\nA?;B.\n", "line 1: the first line must name the columns"),
        ("{\"question\": \"A?\", \"answer\": \"B.\"}\n{\"question\": \"C?\"}\n", "line 2: the answer is empty"),
        ("{\"question\": \"A?\", \"answer\": \"B.\"}\n{nonsense\n", "line 2: this is not a JSON object"),
        (
            "[{\"question\": \"A?\", \"answer\": \"B.\"}, {\"question\": \"C?\", \"answr\": \"\"}]",
            "entry 2: unknown: answr"
        ),
    ])
    func `nothing is imported when one line is bad, and the line is named`(
        _ text: String,
        _ complaint: String
    ) async throws {
        try await withOperations { operations, business, folder, _ in
            let file = try write(text, to: folder + "/faq")
            let error = await #expect(throws: OperationError.self) {
                try await operations.importKnowledge(file, of: business)
            }
            #expect(error?.description.contains(complaint) == true, "\(error?.description ?? "")")
            #expect(try await operations.listKnowledge(of: business).json == [])
        }
    }

    @Test(arguments: [
        "[{\"question\": \"A?\", \"answer\": \"B.\", \"keywords\": [\"x\", \"y\"]}]",
        "{\"question\": \"A?\", \"answer\": \"B.\", \"keywords\": \"x, y\"}\n",
        "answer,keywords,question\nB.,\"x, y\",A?",
    ])
    func `every format says the same`(_ text: String) async throws {
        try await withOperations { operations, business, folder, _ in
            _ = try await operations.importKnowledge(try write(text, to: folder + "/faq"), of: business)
            let entry = try #require(try await operations.listKnowledge(of: business).json[0])
            #expect([entry["question"], entry["answer"], entry["keywords"]] == ["A?", "B.", "x, y"])
        }
    }

    // MARK: Channels

    @Test(arguments: ["slack", "telegram", "discord", "whatsapp"])
    func `a bot is connected over HTTP and its credentials come back out of the vault`(_ channel: String) async throws {
        try await withEmulators { world, base in
            let bot = try world.makeBot(channel: ChannelID(channel), name: "Acme")
            try await withOperations(at: base) { operations, business, folder, _ in
                let file = try write(json(bot.credentials), to: folder + "/credentials.json")
                let report = try await operations.connectChannel(ChannelID(channel), of: business, credentials: file)
                let id = try #require(report.json["id"]?.string)
                #expect(report.json["state"]?.string == "connected")
                #expect(report.json["webhook_url"]?.string == "https://parley.example/webhooks/\(channel)/\(id)")
                #expect(report.json["name"]?.string?.isEmpty == false)
                // Not a credential in anything that is printed.
                let printed = report.json.description + ReportText(hasColour: false).render(report)
                for (field, value) in bot.credentials where field.hasSuffix("secret") || field.hasSuffix("token") {
                    #expect(!printed.contains(value), "\(field)")
                }
                let listed = try await operations.listChannels(of: business).json
                #expect(listed[0]?["health"]?.string == "ok")
                let again = try await operations.testChannel(try #require(ID<Integration>(id)))
                #expect(again.isGood)
            }
        }
    }

    @Test func `credentials are replaced, and the webhook's address stays`() async throws {
        try await withEmulators { world, base in
            let bot = try world.makeBot(channel: "slack", name: "Acme")
            try await withOperations(at: base) { operations, business, folder, _ in
                let file = try write(json(bot.credentials), to: folder + "/credentials.json")
                let first = try await operations.connectChannel("slack", of: business, credentials: file)
                let id = try #require(first.json["id"]?.string.flatMap { ID<ParleyCore.Integration>($0) })
                var both = bot.credentials
                both["previous_signing_secret"] = both["signing_secret"]
                both["signing_secret"] = "a-new-signing-secret-of-slack-00"
                let again = try await operations.connectChannel(
                    "slack",
                    of: business,
                    credentials: try write(json(both), to: folder + "/both.json"),
                    replacing: id
                )
                #expect(again.json["webhook_url"] == first.json["webhook_url"])
                #expect(try await operations.listChannels(of: business).json.array?.count == 1)
                await #expect(throws: OperationError.self) {
                    try await operations.connectChannel("telegram", of: business, credentials: file, replacing: id)
                }
            }
        }
    }

    @Test func `wrong credentials are refused and nothing is stored`() async throws {
        try await withEmulators { _, base in
            try await withOperations(at: base) { operations, business, folder, _ in
                let file = try write("{\"bot_token\": \"123456:AAAAAAAAAAAA\"}", to: folder + "/credentials.json")
                let error = await #expect(throws: OperationError.self) {
                    try await operations.connectChannel("telegram", of: business, credentials: file)
                }
                #expect(error?.description.contains("AAAAAAAAAAAA") == false)
                #expect(error?.description.contains("nothing was stored") == true)
                #expect(try await operations.listChannels(of: nil).json == [])
            }
        }
    }

    @Test func `missing, empty and unknown credential fields are all named, without a value`() async throws {
        try await withOperations { operations, business, folder, _ in
            let file = try write(
                "{\"signing_secret\": \" \", \"singing_secret\": \"hush-hush\"}",
                to: folder + "/credentials.json"
            )
            let error = await #expect(throws: OperationError.self) {
                try await operations.connectChannel("slack", of: business, credentials: file, skipsCheck: true)
            }
            let text = try #require(error?.description)
            for part in ["bot_token: missing", "signing_secret: empty", "singing_secret: unknown"] {
                #expect(text.contains(part), "\(text)")
            }
            #expect(!text.contains("hush-hush"))
        }
    }

    @Test func `an unchecked Telegram bot still gets a webhook secret, which is not printed`() async throws {
        try await withOperations { operations, business, folder, _ in
            let file = try write("{\"bot_token\": \"123456:AAAAAAAAAAAA\"}", to: folder + "/credentials.json")
            let report = try await operations.connectChannel(
                "telegram",
                of: business,
                credentials: file,
                skipsCheck: true
            )
            #expect(report.json["state"]?.string == "unchecked")
            #expect(report.json["webhook_secret"] == nil)
        }
    }

    // MARK: Live data

    @Test func `a shop on this machine is refused unless the operator allows it, and is asked when they do`()
        async throws
    {
        try await withEmulators { _, base in
            try await withOperations { operations, business, folder, _ in
                let token = try write(EmulatedShop.demoToken + "\n", to: folder + "/token")
                await #expect(throws: OperationError.self) {
                    try await operations.addShopify(of: business, name: "Shop", baseURL: base + "/shop", token: token)
                }
            }
            try await withOperations(at: base) { operations, business, folder, _ in
                let token = try write(EmulatedShop.demoToken + "\n", to: folder + "/token")
                let report = try await operations.addShopify(
                    of: business,
                    name: "Shop",
                    baseURL: base + "/shop/",
                    token: token
                )
                let id = try #require(report.json["id"]?.string.flatMap { ID<DataIntegration>($0) })
                let test = try await operations.testDataIntegration(id, of: business)
                #expect(test.isGood)
                #expect(test.json["result"]?.string?.contains("Bob's Electronics") == true)
            }
        }
    }

    // MARK: Export

    @Test func `formulas in a CSV export are text, and JSON Lines keep them raw`() async throws {
        try await withOperations { operations, business, folder, database in
            try await addUsage(of: ["=1+1", "＝cmd", "plain, \"quoted\""], business, database)
            _ = try await operations.export(.usage, of: business, as: .csv, to: folder + "/usage.csv")
            let csv = try InputFile(folder + "/usage.csv").text(upTo: 1 << 20)
            let lines = csv.split(separator: "\r\n", omittingEmptySubsequences: false)
            #expect(lines.first?.hasPrefix("day,model,messages,tokens_in,tokens_out,") == true)
            #expect(lines.first?.hasSuffix(",tool_calls,cost_micros,unpriced_messages") == true)
            #expect(csv.contains("2026-11-21,'=1+1,1,"))
            #expect(csv.contains("2026-11-21,'＝cmd,1,"))
            #expect(csv.contains("2026-11-21,\"plain, \"\"quoted\"\"\",1,"))
            #expect(csv.hasSuffix("\r\n"))
            let report = try await operations.export(.usage, of: business, as: .jsonl, to: folder + "/usage.jsonl")
            #expect(report?.json["rows"]?.int == 3)
            let first = try InputFile(folder + "/usage.jsonl").text(upTo: 1 << 20).split(separator: "\n")[0]
            #expect(try JSON(parsing: String(first))["model"]?.string == "=1+1")
        }
    }

    @Test func `an export that cannot be written leaves nothing behind`() async throws {
        try await withOperations { operations, business, folder, _ in
            await #expect(throws: OperationError.self) {
                try await operations.export(.leads, of: business, as: .csv, to: folder + "/nowhere/leads.csv")
            }
        }
    }

    // MARK: Why

    @Test func `why tells since when a message waits`() async throws {
        try await withOperations { operations, business, folder, database in
            let file = try write("{\"bot_token\": \"123456:AAAAAAAAAAAA\"}", to: folder + "/credentials.json")
            let connected = try await operations.connectChannel(
                "telegram",
                of: business,
                credentials: file,
                skipsCheck: true
            )
            let integration = try #require(connected.json["id"]?.string.flatMap { ID<Integration>($0) })
            let now = SystemClock().now
            let event = InboundEvent(
                kind: .message,
                dedupeKey: "update-7",
                conversationKey: "chat-1",
                position: 7,
                occurredAt: now,
                text: "Hi\u{1B}[2J",
                platformMessageID: "1:7"
            )
            let id = ID<Inbound>(at: now)
            _ = try await InboxStore(database).keep(
                [
                    InboxEntry(
                        id: id,
                        businessID: business,
                        integrationID: integration,
                        dedupeKey: event.dedupeKey,
                        conversationKey: event.conversationKey,
                        kind: event.kind.rawValue,
                        position: event.position,
                        event: event.json.description,
                        receivedAt: now,
                        debounce: .zero
                    )
                ],
                at: now
            )
            for name in [id.description, "1:7"] {
                let report = try await operations.why(name)
                #expect(report.json["events"]?[0]?["dedupe_key"]?.string == "update-7")
                let text = ReportText(hasColour: false).render(report)
                #expect(text.contains("not answered yet"))
                #expect(text.contains("received"))
                #expect(text.contains("waiting"))
                // What a stranger wrote does not steer the terminal.
                #expect(!text.contains("\u{1B}"))
            }
        }
    }

    @Test func `why says what to do when it knows nothing`() async throws {
        try await withOperations { operations, _, _, _ in
            let error = await #expect(throws: OperationError.self) { try await operations.why("no-such-id") }
            #expect(error?.problem.contains("no-such-id") == true)
            #expect(error?.fix.isEmpty == false)
        }
    }

    // MARK: Business, agent, tools, migrations

    @Test func `a business can be made, changed and switched off`() async throws {
        try await withOperations { operations, business, folder, _ in
            let instructions = try write("Sell socks.", to: folder + "/instructions.txt")
            let agent = try await operations.setAgent(
                of: business,
                instructions: instructions,
                model: "offline",
                debounceMilliseconds: 900
            )
            #expect(agent.json["instructions"]?.string == "Sell socks.")
            #expect(agent.json["debounce_ms"]?.int == 900)
            _ = try await operations.setTool("capture_lead", enabled: false, of: business)
            let shown = try await operations.showBusiness(business).json
            #expect(shown["agent"]?["tools"]?.array?.contains("capture_lead") == false)
            #expect(try await operations.setBusiness(business, active: false).json["is_active"]?.bool == false)
            await #expect(throws: OperationError.self) {
                try await operations.setTool("no_such_tool", enabled: true, of: business)
            }
            await #expect(throws: OperationError.self) { try await operations.createBusiness(named: "  ") }
        }
    }

    @Test func `migrations go down and up again`() async throws {
        try await withOperations { operations, _, _, _ in
            let down = try await operations.migrateDown(steps: 2)
            #expect(down.json["reverted"]?.array?.count == 2)
            let status = try await operations.migrationStatus().json.array ?? []
            #expect(status.suffix(2).allSatisfy { $0["state"] == "pending" })
            let up = try await operations.migrateUp()
            #expect(up.json["applied"]?.array?.count == 2)
        }
    }

    @Test func `the doctor finds a folder that is open to others`() async throws {
        try await withTestFolder { folder in
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret("sqlite:\(folder)/data/parley.sqlite")
            settings.publicURL = nil
            settings.model = "offline"
            try await Workbench.with(settings, logger: quiet) { _ in }
            #expect(await Doctor.examine(settings).isGood)
            let manager = FileManager.default
            try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/data")
            let report = await Doctor.examine(settings)
            #expect(!report.isGood)
            #expect(report.json.description.contains("chmod 700"))
        }
    }
}

// MARK: - The bench

private let quiet: Logger = {
    var logger = Logger(label: "operations.tests")
    logger.logLevel = .critical
    return logger
}()

/// Operations over a fresh database, with a business; at emulated platforms when `emulators` names them.
/// Emulated platforms and shop on a port of the system's choosing.
private func withEmulators(_ body: (EmulatedWorld, String) async throws -> Void) async throws {
    let world = EmulatedWorld(seed: 1, logger: quiet)
    // Telegram takes one setWebhook a second; connecting and testing ask twice.
    var faults = EmulatorFaults()
    faults.rateLimits = false
    world.setFaults(faults)
    let shop = EmulatedShop()
    let emulators = EmulatorService(world: world, port: 0, logger: quiet) { shop.addRoutes(to: $0) }
    let services = ServiceGroup(services: [emulators], logger: quiet)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await services.run() }
        let port = try #require(await emulators.boundPort())
        do {
            try await body(world, "http://127.0.0.1:\(port)")
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        } catch {
            await services.triggerGracefulShutdown()
            throw error
        }
    }
}

private func write(_ text: String, to path: String) throws -> InputFile {
    let file = try FileDescriptor.open(
        FilePath(path),
        .writeOnly,
        options: [.create, .truncate],
        permissions: .ownerReadWrite
    )
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
    return InputFile(path)
}

private func json(_ fields: [String: String]) -> String {
    JSON.object(JSONObject(fields.map { .init(key: $0.key, value: JSON($0.value)) })).description
}

private func addUsage(of models: [String], _ business: ID<Business>, _ database: any SQLDatabase) async throws {
    try await database.transaction(.house) { connection in
        for model in models {
            try await UsageStore.add(
                UsageRecord(businessID: business, day: "2026-11-21", model: model, messages: 1),
                on: connection
            )
        }
    }
}
