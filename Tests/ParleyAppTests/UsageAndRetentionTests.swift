import Emulators
import Logging
import ParleyApp
import ParleyCore
import ParleyTesting
import Pipeline
import Storage
import Testing

/// What is spent, what may be spent, and what is let go: by the commands, and on a running gateway.
@Suite(.timeLimit(.minutes(4)))
struct UsageAndRetentionTests {
    @Test func `limits and days are set, shown and taken back`() async throws {
        try await withOperations { operations, business, _, _ in
            let changes = BusinessChanges(
                monthlyCostLimit: "25.50",
                monthlyMessageLimit: "100",
                billingDay: 15,
                keep: ["messages=14", "tool-executions=30"]
            )
            let settings = try await operations.setBusiness(business, changes).json
            #expect(settings["monthly_cost_limit_micros"]?.int == 25_500_000)
            #expect(settings["monthly_message_limit"]?.int == 100)
            #expect(settings["billing_day"]?.int == 15)
            #expect(settings["retention"]?["messages_days"]?.int == 14)
            #expect(settings["retention"]?["journey_days"]?.int == Int64(Limits.journeyDays))
            #expect(try await operations.showBusiness(business).json["settings"] == settings)

            let back = BusinessChanges(
                monthlyCostLimit: "none",
                monthlyMessageLimit: "none",
                keep: ["messages=default", "tool-executions=default"]
            )
            let plain = try await operations.setBusiness(business, back).json
            #expect(plain["monthly_cost_limit_micros"] == .null && plain["monthly_message_limit"] == .null)
            #expect(plain["retention"]?["messages_days"]?.int == Int64(Limits.messageDays))
        }
    }

    @Test(arguments: [
        BusinessChanges(monthlyCostLimit: "much"), BusinessChanges(monthlyMessageLimit: "-1"),
        BusinessChanges(monthlyMessageLimit: "many"), BusinessChanges(billingDay: 32),
        BusinessChanges(keep: ["messages"]), BusinessChanges(keep: ["contacts=3"]),
        BusinessChanges(keep: ["inbox=6"]), BusinessChanges(keep: ["messages=0"]),
        BusinessChanges(keep: ["turn-texts=3"]), BusinessChanges(monthlyMessageLimit: "1", keep: ["messages=x"]),
    ])
    func `what cannot be set changes nothing`(_ changes: BusinessChanges) async throws {
        try await withOperations { operations, business, _, _ in
            let before = try await operations.showBusiness(business).json
            await #expect(throws: OperationError.self) { try await operations.setBusiness(business, changes) }
            #expect(try await operations.showBusiness(business).json == before)
        }
    }

    @Test func `a period is shown with what is known of its cost`() async throws {
        try await withOperations { operations, business, _, database in
            try await database.transaction(.house) { connection in
                for (model, cost, unpriced) in [("priced", 1_250_000, 0), ("unknown", 0, 2)] {
                    let record = UsageRecord(
                        businessID: business,
                        day: "2026-10-31",
                        model: model,
                        messages: 2,
                        tokensIn: 100,
                        costMicros: Int64(cost),
                        unpricedMessages: unpriced
                    )
                    try await UsageStore.add(record, on: connection)
                }
            }
            _ = try await operations.setBusiness(business, BusinessChanges(monthlyCostLimit: "1"))
            let report = try await operations.showUsage(of: business, month: "2026-10")
            #expect(report.json["period"]?["last"]?.string == "2026-10-31")
            #expect(report.json["totals"]?["cost_micros"]?.int == 1_250_000)
            #expect(report.json["totals"]?["unpriced_messages"]?.int == 2)
            #expect(report.json["reached"]?.string == "monthly_cost")
            #expect(report.json["models"]?[1]?["model"]?.string == "unknown")
            let text = ReportText(hasColour: false).render(report)
            #expect(text.contains("$1.25, and 2 messages without a price"))
            #expect(text.contains("unknown: no price"))
            #expect(text.contains("parley business set \(business)"))
            #expect(
                try await operations.showUsage(of: business, month: "2026-09").json["totals"]?["messages"]?.int == 0
            )

            let top = try await operations.topUsage(by: .cost, month: "2026-10", from: nil, through: nil, upTo: 5)
            #expect(top.json[0]?["business_id"]?.string == business.description)
            #expect(top.json[0]?["messages"]?.int == 4)
            let none = try await operations.topUsage(
                by: .messages,
                month: nil,
                from: "2026-09-01",
                through: "2026-09-30",
                upTo: 5
            )
            #expect(none.json == [])
            await #expect(throws: OperationError.self) {
                try await operations.showUsage(of: business, month: "10/2026")
            }
        }
    }

    @Test func `prices are listed and set`() async throws {
        try await withOperations { operations, _, _, _ in
            let shipped = try await operations.listPrices().json.array ?? []
            #expect(shipped.count == ShippedPrices.all.count)
            #expect(shipped.allSatisfy { $0["origin"]?.string == "shipped" && $0["note"]?.string?.isEmpty == false })
            let set = try await operations.setPrice(
                of: "my-model",
                input: "$0.15",
                output: "0.6",
                cached: nil,
                from: "2026-01-01",
                note: "a contract"
            )
            #expect(set.json["cached_micros"]?.int == 150_000)
            #expect(set.json["valid_from"]?.string == "2026-01-01T00:00:00.000Z")
            #expect(try await operations.listPrices().json.array?.contains(set.json) == true)
            for (model, input) in [("", "1"), ("a*b", "1"), ("m", "free"), ("m", "2000000")] {
                await #expect(throws: OperationError.self) {
                    _ = try await operations.setPrice(
                        of: model,
                        input: input,
                        output: "1",
                        cached: nil,
                        from: nil,
                        note: ""
                    )
                }
            }
        }
    }

    @Test func `pruning tells what would go, and what went`() async throws {
        try await withOperations { operations, business, _, database in
            let old = SystemClock().now.advanced(by: .seconds(-86_400 * 40))
            try await database.transaction(.house) { connection in
                for _ in 0..<3 {
                    try await connection.execute(
                        """
                        INSERT INTO journey_events (business_id, subject_id, id, step, verdict, created_at)
                        VALUES ($1, $2, $2, 'gate', 'open', $3)
                        """,
                        [.id(business), .uuid(UUID7(at: old)), .timestamp(old)]
                    )
                }
            }
            let preview = try await operations.prune(only: nil, isDry: true)
            #expect(preview.json["rows"]?["journey_events"]?.int == 3)
            #expect(preview.json["dry_run"] == true)
            #expect(ReportText(hasColour: false).render(preview).contains("WOULD GO"))
            let done = try await operations.prune(only: business, isDry: false)
            #expect(done.json["total"]?.int == 3)
            #expect(try await operations.prune(only: nil, isDry: true).json["total"]?.int == 0)

            _ = try await JobStore(database).take(
                Pruner.job,
                for: "a gateway",
                lease: .seconds(60),
                at: SystemClock().now
            )
            let error = await #expect(throws: OperationError.self) {
                try await operations.prune(only: nil, isDry: false)
            }
            #expect(error?.problem.contains("another process is pruning") == true)
        }
    }

    @Test func `a turn is recorded with its cost`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            let first = try await house.ask("telegram", "good morning")
            _ = try await house.reply(to: first)
            try await house.settled()
            let turn = try #require(try await house.rows("SELECT * FROM turns").first)
            #expect(try turn.int("tokens_in") > 0)
            // The scripted model has no price: that is said, not taken for nothing.
            #expect(turn["cost_micros"] == .null)
            #expect(try await house.number("SELECT SUM(unpriced_messages) FROM api_usage") == 1)
            #expect(try await house.number("SELECT SUM(cost_micros) FROM api_usage") == 0)
        }
    }

    @Test func `at its limit a business says so once, and keeps what is written`() async throws {
        // Nothing has asked for Telegram's integration yet, so that the gateway reads the limit with its first message.
        let channel: ChannelID = "telegram"
        try await DemoHouse.run { house in
            let settings: JSON = [UsageLimits.Key.messages: 0]
            #expect(try await house.stores.businesses.change(settings: settings, of: house.businessID))
            let first = try await house.ask(channel, "What are your opening hours?")
            let notice = try await house.reply(to: first)
            #expect(notice.words.contains("not available at the moment"))
            try await house.settled()
            let second = try await house.ask(channel, "Hello? Is anybody there?")
            try await house.taken(second)
            try await house.settled()
            #expect(house.replies(after: second).isEmpty)

            #expect(try await house.number("SELECT COUNT(*) FROM messages WHERE role = 'user'") == 2)
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events WHERE closed_at IS NULL") == 0)
            #expect(try await house.number("SELECT COUNT(*) FROM turns WHERE outcome = 'limited'") == 1)
            // A notice is no answer of a model.
            #expect(try await house.number("SELECT COUNT(*) FROM api_usage") == 0)
            let steps = try await house.rows(
                "SELECT verdict, value FROM journey_events WHERE rule = 'monthly_messages'"
            )
            #expect(try steps.map { try $0.text("verdict") } == ["closed", "closed"])
            #expect(try steps.last?.text("value").hasSuffix("said before") == true)
        }
    }
}
