import AgentKit
import ChannelKit
import Emulators
import FoundationEssentials
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import Testing

/// What settings and commands do about slips of the pen.
@Suite struct CommandCareTests {
    // MARK: Settings

    @Test(arguments: [
        ("TRUE", true), ("yes", true), ("On", true), ("1", true), ("false", false), ("no", false),
        ("oFF", false), ("0", false),
    ])
    func `a switch is written in any of the usual ways`(_ text: String, _ isOn: Bool) async throws {
        for (name, written) in [("a.yaml", text), ("b.yaml", "\"\(text)\""), ("c.json", "\"\(text)\"")] {
            let settings = try await settings(name, written)
            #expect(settings.keepsSendRates == isOn && settings.allowsPrivateAddresses == isOn, "\(name)")
        }
    }

    @Test func `a switch may be JSON's own true, and is what it was before when nobody sets it`() async throws {
        #expect(try await settings("a.json", "true").allowsPrivateAddresses)
        #expect(try await !settings("a.json", "0").keepsSendRates)
        let untouched = try await ParleySettings.read()
        #expect(untouched.keepsSendRates && !untouched.allowsPrivateAddresses)
    }

    @Test(arguments: ["maybe", "\"\"", "2", "offf"])
    func `a switch that is neither on nor off is refused by its name`(_ text: String) async throws {
        let error = await #expect(throws: SettingsError.self) { try await settings("a.yaml", text) }
        #expect(error?.key == "PARLEY_SEND_RATES" && error?.fix.contains("true or false") == true)
    }

    // MARK: Models and tools

    @Test func `default takes an agent's model away`() async throws {
        try await withHouse { operations, business in
            _ = try await set("ollama:llama3", operations, business)
            let agent = try await set("default", operations, business)
            #expect(agent.json["model"] == .null)
        }
    }

    @Test(arguments: ["foo", "openai:", "ollama:", "anthropic:x"])
    func `a model that cannot be asked is refused for agents and flags alike`(_ name: String) async throws {
        try await withHouse { operations, business in
            let attempts: [() async throws -> Report] = [
                { try await set(name, operations, business) },
                { try await operations.setFlag(FlagDraft("model", value: name, owner: "ops")) },
                { try await operations.setFlag(FlagDraft("model", variants: ["a=10:\(name)"], owner: "ops")) },
            ]
            for attempt in attempts {
                let error = await #expect(throws: OperationError.self) { try await attempt() }
                #expect(error?.description.contains("openai:NAME") == true, "\(error?.description ?? "")")
            }
            let left = try await operations.listFlags(for: nil).json
            #expect(left == [])
        }
    }

    @Test func `a model whose key is missing here is set, and that is said`() async throws {
        try await withHouse { operations, business in
            let flag = FlagDraft("model", variants: ["a=10:openai:gpt-4o-mini"], owner: "ops")
            for report in [
                try await set("openai:gpt-4o-mini", operations, business), try await operations.setFlag(flag),
            ] {
                #expect(report.isGood)
                #expect(ReportText(hasColour: false).render(report).contains("OPENAI_API_KEY is not set here"))
            }
        }
        try await withHouse({ $0.openAIKey = Secret("a-key") }) { operations, business in
            let report = try await set("openai:gpt-4o-mini", operations, business)
            #expect(!ReportText(hasColour: false).render(report).contains("OPENAI_API_KEY"))
        }
        // A server of one's own has models of any name, and may want no key.
        try await withHouse({ $0.openAIBaseURL = "http://127.0.0.1:1/v1" }) { operations, business in
            let report = try await set("foo", operations, business)
            #expect(!ReportText(hasColour: false).render(report).contains("OPENAI_API_KEY"))
        }
    }

    @Test func `a flag for all hides a tool that there is`() async throws {
        try await withHouse { operations, _ in
            let error = await #expect(throws: OperationError.self) {
                try await operations.setFlag(FlagDraft("without_tools", value: "nosuch", owner: "ops"))
            }
            #expect(error?.problem.contains("nosuch") == true && error?.fix.contains("capture_lead") == true)
            _ = try await operations.setFlag(
                FlagDraft("without_tools", value: "capture_lead, check_inventory", owner: "ops")
            )
        }
    }

    @Test func `a switched flag is listed as it was written`() async throws {
        try await withHouse { operations, _ in
            _ = try await operations.setFlag(FlagDraft("typing", value: "off", variants: ["a=5:on"], owner: "ops"))
            let report = try await operations.listFlags(for: nil)
            let text = ReportText(hasColour: false).render(report)
            #expect(text.contains(" off ") && text.contains("a 5 %: on") && !text.contains("false"), "\(text)")
        }
    }

    @Test func `the doctor looks at the models that flags name`() async throws {
        try await withTestFolder { folder in
            let settings = try await settings(in: folder)
            try await Workbench.with(settings, logger: quiet) { workbench in
                let flag = FlagDraft("model", variants: ["a=10:openai:gpt-4o-mini"], owner: "ops")
                _ = try await Operations(workbench).setFlag(flag)
            }
            let report = await Doctor.examine(settings)
            let text = ReportText(hasColour: false).render(report)
            #expect(!report.isGood && text.contains("openai:gpt-4o-mini needs a key"), "\(text)")
            #expect(text.contains("parley flag set"))
        }
    }

    // MARK: Why

    @Test func `why says that a message id means several messages, and finds each`() async throws {
        try await withTestFolder { folder in
            let settings = try await settings(in: folder)
            try await Workbench.with(settings, logger: quiet) { workbench in
                let operations = Operations(workbench)
                for chat in ["chat-1", "chat-2", "chat-3"] {
                    try await keep(chat == "chat-3" ? "8" : "7", chat, operations, workbench.database, folder)
                }
                let report = try await operations.why("7")
                let choices = try #require(report.json["choices"]?.array)
                #expect(choices.count == 2)
                let text = ReportText(hasColour: false).render(report)
                #expect(text.contains("“7” means 2 messages"), "\(text)")
                var keys: Set<String> = []
                for choice in choices {
                    let id = try #require(choice["id"]?.string)
                    let one = try await operations.why(id)
                    #expect(one.json["choices"] == [])
                    keys.insert(one.json["events"]?[0]?["conversation_key"]?.string ?? "")
                }
                #expect(keys == ["chat-1", "chat-2"])
                let single = try await operations.why("8")
                #expect(!ReportText(hasColour: false).render(single).contains("means"))
            }
        }
    }

    // MARK: Databases

    @Test func `what stands between a commit and the disk is said once`() {
        let reason = GatewayReadiness.sentence(SQLError.cannotWrite("the server is read-only"))
        #expect(reason == "the database cannot be written: the server is read-only")
        #expect(GatewayReadiness.sentence(SQLError.disconnected) == "the database cannot be reached")
        #expect(GatewayReadiness.sentence(SQLError.busy) == "the database cannot be written: the database is busy")
    }

    @Test func `a database that cannot be reached is told by the error alone`() async throws {
        var settings = try await ParleySettings.read()
        settings.databaseURL = Secret("postgres://u:p@127.0.0.1:1/db")
        settings.masterKey = Secret(String(repeating: "ab", count: 32))
        let log = RecordedLog()
        let opened = settings
        let error = await #expect(throws: (any Error).self) { try await Workbench.open(opened, logger: log.logger) }
        #expect("\(error.map { "\($0)" } ?? "")".hasPrefix("the database cannot be reached"))
        #expect(log.lines.isEmpty, "\(log.text)")
    }

    @Test(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"))
    func `without the master key nothing is changed, and the doctor still looks at the database`() async throws {
        try await withTestPostgresURL(migrated: false) { url in
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret(url + "?connect_timeout=30")
            settings.model = "offline"
            settings.masterKey = nil
            let keyless = settings
            let error = await #expect(throws: SettingsError.self) { try await Workbench.open(keyless, logger: quiet) }
            #expect(error?.key == "PARLEY_MASTER_KEY")

            let before = await Doctor.examine(keyless).json.description
            #expect(before.contains("PARLEY_MASTER_KEY is not set") && before.contains("are not applied"), "\(before)")

            settings.masterKey = Secret(String(repeating: "ab", count: 32))
            try await Workbench.with(settings, logger: quiet) {
                _ = try await Operations($0).createBusiness(named: "A")
            }
            let report = await Doctor.examine(keyless)
            let after = report.json.description
            #expect(!report.isGood && after.contains("PARLEY_MASTER_KEY is not set"))
            #expect(after.contains("it takes writes") && after.contains("a 200 means it is on disk"), "\(after)")
        }
    }

    @Test(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"))
    func `what is doubtful about a server is not called as it should be`() async throws {
        func found(_ url: String) async throws -> String {
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret(url + "?connect_timeout=30")
            let log = RecordedLog()
            let database = try await OpenDatabase.open(settings, logger: log.logger)
            try await database.examine(log.logger)
            await database.close()
            return log.text
        }
        try await withTestPostgresURL(migrated: false) { url in
            let good = try await found(url)
            #expect(good.contains("as it should be") && good.contains("pooler: there is none"), "\(good)")
        }
        guard let admin = TestPostgres.adminURL else { return }
        let mighty = try await found(admin)
        #expect(mighty.contains("warning PostgreSQL, login:") && mighty.contains("see the warnings above"), "\(mighty)")
        #expect(!mighty.contains("as it should be") && !mighty.contains("holds for the login"))
    }
}

// MARK: - The bench

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Settings of a file in which both switches say `text`.
private func settings(_ name: String, _ text: String) async throws -> ParleySettings {
    var result: Result<ParleySettings, any Error>?
    try await withTestFolder { folder in
        let nested = #"{"parley": {"send": {"rates": \#(text)}, "allow": {"private": {"addresses": \#(text)}}}}"#
        // JSON with bare words is YAML.
        try Data(nested.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        do {
            result = .success(try await ParleySettings.read(file: "\(folder)/\(name)"))
        } catch {
            result = .failure(error)
        }
    }
    return try #require(result).get()
}

private func settings(in folder: String) async throws -> ParleySettings {
    var settings = try await ParleySettings.read()
    settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
    settings.model = "offline"
    settings.openAIKey = nil
    return settings
}

private func withHouse(
    _ change: (inout ParleySettings) -> Void = { _ in },
    _ body: (Operations, ID<Business>) async throws -> Void
) async throws {
    try await withTestFolder { folder in
        var settings = try await settings(in: folder)
        change(&settings)
        try await Workbench.with(settings, logger: quiet) { workbench in
            let operations = Operations(workbench)
            let created = try await operations.createBusiness(named: "Acme")
            try await body(operations, try #require(created.json["id"]?.string.flatMap { ID<Business>($0) }))
        }
    }
}

private func set(_ model: String, _ operations: Operations, _ business: ID<Business>) async throws -> Report {
    try await operations.setAgent(of: business, instructions: nil, model: model, debounceMilliseconds: nil)
}

/// A message that waits, of a bot and a business of its own.
private func keep(
    _ platformID: String,
    _ chat: String,
    _ operations: Operations,
    _ database: any SQLDatabase,
    _ folder: String
) async throws {
    let created = try await operations.createBusiness(named: chat)
    let business = try #require(created.json["id"]?.string.flatMap { ID<Business>($0) })
    let file = "\(folder)/\(chat).json"
    try Data(#"{"bot_token": "123456:AAAAAAAAAAAA"}"#.utf8).write(to: URL(filePath: file))
    let connected = try await operations.connectChannel(
        "telegram",
        of: business,
        credentials: InputFile(file),
        skipsCheck: true
    )
    let integration = try #require(connected.json["id"]?.string.flatMap { ID<ParleyCore.Integration>($0) })
    let now = SystemClock().now
    let event = InboundEvent(
        kind: .message,
        dedupeKey: "update-\(chat)",
        conversationKey: chat,
        position: 7,
        occurredAt: now,
        text: "Hi",
        platformMessageID: platformID
    )
    _ = try await InboxStore(database).keep(
        [
            InboxEntry(
                id: ID<Inbound>(at: now),
                businessID: business,
                integrationID: integration,
                dedupeKey: event.dedupeKey,
                conversationKey: chat,
                kind: event.kind.rawValue,
                position: event.position,
                event: event.json.description,
                receivedAt: now,
                debounce: .zero
            )
        ],
        at: now
    )
}
