import Crypto
import Emulators
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import Testing

/// What operators switch: as a command, and as a running gateway follows it.
@Suite(.timeLimit(.minutes(4)))
struct FlagTests {
    @Test(arguments: DemoHouse.Engine.available)
    func `a share of the contacts gets another model, other instructions and fewer tools`(
        _ engine: DemoHouse.Engine
    ) async throws {
        try await DemoHouse.run(on: engine, usesScriptedModel: true) { house in
            let business = FeatureFlag.Scope.business(house.businessID)
            let small = FeatureFlag.Variant("small", "openai:small-model", percent: 100)
            let brief = FeatureFlag.Variant("brief", "Answer in five words.", percent: 100)
            for flag in [
                FeatureFlag("model", value: "openai:for-all", owner: "ops"),
                FeatureFlag("model", business, value: nil, variants: [small], owner: "ann"),
                FeatureFlag("instructions", business, value: nil, variants: [brief], owner: "ann"),
                FeatureFlag("without_tools", value: ["search_knowledge", "capture_lead"], owner: "ops"),
                FeatureFlag("typing", value: false, owner: "ops", expiresAt: Timestamp(seconds: 1)),
            ] { try await house.stores.flags.set(flag) }

            let post = try await house.ask("telegram", "My e-mail is ann@example.com")
            // The scripted model would call the tool, were it offered.
            #expect(try await house.reply(to: post).words.hasPrefix("You said"))
            try await house.settled()
            let turn = try #require(try await house.rows("SELECT model_name, prompt_version FROM turns").first)
            #expect(try turn.text("model_name") == "small-model")
            let own = try #require(try await house.stores.agents.defaultAgent(of: house.businessID)).instructions
            let versions = [own, "Answer in five words."].map { Self.version(of: $0) }
            #expect(try turn.text("prompt_version") == versions[1] && versions[0] != versions[1])

            let steps = try await house.rows(
                "SELECT verdict, rule, value FROM journey_events WHERE step = 'flag' ORDER BY id"
            ).map { "\(try $0.text("rule")) \(try $0.text("verdict")): \(try $0.text("value"))" }.sorted()
            #expect(
                steps == [
                    "instructions brief: instructions \(versions[1]), by the flag of the business",
                    "model small: openai:small-model, by the flag of the business",
                    "without_tools set: search_knowledge, capture_lead, by the flag for all",
                ]
            )

            // What is taken away is forgotten by a running gateway too.
            for name in ["model", "instructions"] {
                #expect(try await house.stores.flags.unset(name, business))
            }
            try await house.eventually("the flag for all is heeded") {
                let again = try await house.ask("telegram", "And now?")
                _ = try await house.reply(to: again)
                try await house.settled()
                return try await house.number("SELECT COUNT(*) FROM turns WHERE model_name = 'for-all'") > 0
            }
        }
    }

    @Test func `a contact keeps its variant from turn to turn`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            let variants = ["one", "two"].map { FeatureFlag.Variant($0, .string("openai:\($0)"), percent: 50) }
            try await house.stores.flags.set(
                FeatureFlag("model", .business(house.businessID), value: nil, variants: variants, owner: "ann")
            )
            let users = (0..<6).map { "user-\($0)" }
            for round in 0..<3 {
                for user in users {
                    let post = try await house.ask("telegram", "Question \(round)", user: user)
                    _ = try await house.reply(to: post)
                }
            }
            try await house.settled()
            let rows = try await house.rows(
                """
                SELECT COUNT(*) AS turns, COUNT(DISTINCT model_name) AS models FROM turns
                WHERE model_name IN ('one', 'two') GROUP BY conversation_id
                """
            )
            #expect(try rows.map { try $0.int("turns") } == users.map { _ in 3 })
            #expect(try rows.map { try $0.int("models") } == users.map { _ in 1 })
        }
    }

    @Test func `a channel's flag hides that somebody is typing, there alone`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.model.setDelay(.milliseconds(1500))
            try await house.stores.flags.set(FeatureFlag("typing", .channel("slack"), value: false, owner: "ops"))
            let posts = [try await house.ask("slack", "Good morning"), try await house.ask("telegram", "Good evening")]
            for post in posts { _ = try await house.reply(to: post) }
            #expect(house.calls("telegram").contains { $0.method == "sendChatAction" })
            #expect(!house.calls("slack").contains { $0.method.hasSuffix("assistant.threads.setStatus") })
        }
    }

    @Test func `a flag that cannot be followed leaves the answer as it is, and says so`() async throws {
        try await DemoHouse.run { house in
            for flag in [
                FeatureFlag("model", value: "anthropic:not-spoken-yet", owner: "ops"),
                FeatureFlag("instructions", value: 7, owner: "ops"),
                FeatureFlag("a_later_version_knows_it", value: true, owner: "ops"),
            ] { try await house.stores.flags.set(flag) }
            let post = try await house.ask("telegram", "What are your opening hours?")
            #expect(try await !house.reply(to: post).words.isEmpty)
            try await house.settled()
            let values = try await house.rows("SELECT value FROM journey_events WHERE step = 'flag'")
            #expect(try values.map { try $0.text("value") }.allSatisfy { $0.hasPrefix("not followed") })
            #expect(values.count == 2)
        }
    }

    // MARK: The command

    @Test func `flags are set, listed and taken away`() async throws {
        try await withOperations { operations, business, _, _ in
            let set = try await operations.setFlag(
                FlagDraft(
                    "model",
                    business: business,
                    variants: ["small=10:openai:gpt-4o-mini", "none=5:none"],
                    owner: "ann",
                    through: "2099-12-31"
                )
            )
            #expect(set.json["value"] == .null && set.json["scope"]?.string == "business")
            #expect(set.json["variants"]?[0] == ["name": "small", "percent": 10, "value": "openai:gpt-4o-mini"])
            #expect(set.json["variants"]?[1]?["value"] == .null)
            #expect(set.json["expires_at"]?.string == "2100-01-01T00:00:00.000Z")
            _ = try await operations.setFlag(FlagDraft("typing", channel: "slack", value: "off", owner: "ops"))
            _ = try await operations.setFlag(FlagDraft("typing", value: "on", owner: "ops"))
            _ = try await operations.setFlag(
                FlagDraft("without_tools", business: business, value: "hand_over_to_human, capture_lead", owner: "ops")
            )
            let all = try await operations.listFlags(for: nil)
            #expect(all.json.array?.count == 4 && all.json.array?.contains(set.json) == true)
            let text = ReportText(hasColour: false).render(all)
            #expect(text.contains("small 10 %: openai:gpt-4o-mini") && text.contains("2099-12-31"))
            let created = try await operations.createBusiness(named: "Other").json["id"]?.string
            let other = try #require(created.flatMap { ID<Business>($0) })
            #expect(try await operations.listFlags(for: other).json.array?.count == 2)

            _ = try await operations.unsetFlag("typing", business: nil, channel: "slack")
            let error = await #expect(throws: OperationError.self) {
                try await operations.unsetFlag("typing", business: nil, channel: "slack")
            }
            #expect(error?.fix.contains("parley flag list") == true)
        }
    }

    @Test(
        arguments: [
            ("colour", "x", [], "ops", nil, "one of model"),
            ("model", nil, [], "ops", nil, "--variant"),
            ("model", "anthropic:x", [], "ops", nil, ""),
            ("model", "", [], "ops", nil, ""),
            ("model", "offline", [], " ", nil, "who is asked"),
            ("typing", "perhaps", [], "ops", nil, ""),
            ("without_tools", "no_such_tool", [], "ops", nil, "parley tool list"),
            ("without_tools", ",", [], "ops", nil, ""),
            ("instructions", "@/does/not/exist", [], "ops", nil, "path"),
            ("typing", "off", [], "ops", "tomorrow", "YYYY-MM-DD"),
            ("typing", "off", [], "ops", "2001-01-01", "later day"),
            ("typing", nil, ["a=60:on", "b=41:off"], "ops", nil, "--value"),
            ("typing", nil, ["a=60:on", "a=4:off"], "ops", nil, "name of its own"),
            ("typing", nil, ["a=0:on"], "ops", nil, "1 to 100"),
            ("typing", nil, ["a:on"], "ops", nil, "NAME=PERCENT:VALUE"),
        ] as [(String, String?, [String], String, String?, String)]
    )
    func `what cannot be set says why, and changes nothing`(
        _ name: String,
        _ value: String?,
        _ variants: [String],
        _ owner: String,
        _ through: String?,
        _ fix: String
    ) async throws {
        try await withOperations { operations, business, _, _ in
            let draft = FlagDraft(
                name,
                business: business,
                value: value,
                variants: variants,
                owner: owner,
                through: through
            )
            let error = await #expect(throws: OperationError.self) { try await operations.setFlag(draft) }
            let isTold = fix.isEmpty || error?.fix.contains(fix) == true
            #expect(isTold, "\(error?.fix ?? "")")
            let left = try await operations.listFlags(for: nil).json
            #expect(left == [])
        }
    }

    @Test func `a flag is for one thing that there is`() async throws {
        try await withOperations { operations, business, _, _ in
            for (business, channel) in [(business, "slack"), (ID(at: SystemClock().now), nil), (nil, "pigeon")] {
                let draft = FlagDraft("typing", business: business, channel: channel, value: "off", owner: "ops")
                await #expect(throws: OperationError.self) { try await operations.setFlag(draft) }
            }
        }
    }

    // The first four bytes of its SHA-256.
    private static func version(of instructions: String) -> String {
        Hex.encode(SHA256.hash(data: Array(instructions.utf8)).prefix(4))
    }
}
