import ParleyCore
import Storage

// What was spent, what it cost, and who may spend no more.
extension StorageConformance {
    static func billing(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        _ = try await world.businesses.changeSettings(of: world.ours) { settings in
            settings[UsageLimits.Key.cost] = 500
            settings[UsageLimits.Key.billingDay] = 15
        }
        let days = [("2026-11-14", 1), ("2026-11-15", 20), ("2026-12-14", 300), ("2026-12-15", 4000)]
        let ours = world.ours
        let theirs = world.theirs
        try await database.transaction(.house) { connection in
            for (day, count) in days {
                for (model, price) in [("cheap", 1), ("dear", 2)] {
                    var record = UsageRecord(businessID: ours, day: day, model: model, messages: count)
                    record.costMicros = Int64(price * count)
                    record.unpricedMessages = model == "dear" ? 1 : 0
                    try await UsageStore.add(record, on: connection)
                }
            }
            try await UsageStore.add(
                UsageRecord(businessID: theirs, day: "2026-11-20", model: "dear", messages: 1, costMicros: 5_000),
                on: connection
            )
        }
        let moment = CalendarDay("2026-12-01")?.start ?? time
        let standing = try await world.usage.period(of: ours, containing: moment)
        findings.expect(standing?.period.description, is: "2026-11-15 to 2026-12-14", "the period")
        findings.expect(standing?.totals.messages, is: 640, "its messages")
        findings.expect(standing?.totals.costMicros, is: 960, "its cost")
        findings.expect(standing?.totals.unpricedMessages, is: 2, "its messages without a price")
        findings.expect(standing?.reached?.rule, is: "monthly_cost", "the limit that is reached")
        let free = try await world.usage.period(of: theirs, containing: moment)
        findings.expect(free?.period.description, is: "2026-12-01 to 2026-12-31", "the period of who sets nothing")
        findings.expect(free?.totals.messages, is: 0, "what is not in it")
        findings.expect(free?.reached == nil, "a limit is reached that was not set")
        findings.expect(
            try await world.usage.period(of: ID(at: time), containing: moment) == nil,
            "nobody has a period"
        )

        let november = try await world.usage.top(by: .cost, from: "2026-11-01", through: "2026-11-30", upTo: 10)
        findings.expect(november.map(\.id), is: [theirs, ours], "who spent most")
        findings.expect(november.map(\.totals.costMicros), is: [5_000, 63], "what they spent")
        findings.expect(november.map(\.name), is: ["Theirs", "Ours"], "their names")
        let busiest = try await world.usage.top(by: .messages, from: "2026-11-01", through: "2026-11-30", upTo: 1)
        findings.expect(busiest.map(\.id), is: [ours], "who was busiest")
    }

    static func prices(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let store = PriceStore(database, clock: ManualClock(time))
        let shipped = ModelPrice(
            model: "m",
            input: 1_000_000,
            output: 2_000_000,
            cached: 500_000,
            validFrom: time,
            origin: .shipped,
            note: "an example"
        )
        try await store.register([shipped])
        var dearer = shipped
        dearer.input = 9
        // A price that is there may have been used.
        try await store.register([dearer])
        findings.expect(try await store.list().prices, is: [shipped], "a price that was registered twice")
        var own = shipped
        (own.origin, own.output) = (.set, 7)
        try await store.set(own)
        own.output = 8
        try await store.set(own)
        findings.expect(try await store.list().prices, is: [own, shipped], "a price that was set twice")
        findings.expect(try await store.list().price(of: "m", at: time), is: own, "the price that counts")
        findings.expect(try await store.list().price(of: "m", at: after(-1)), is: nil, "the price before there was one")
    }

    static func flags(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let store = FlagStore(database, clock: ManualClock(time))
        findings.expect(try await store.list(), is: [], "flags of a new house")
        let variants = [FeatureFlag.Variant("b", "openai:b", percent: 30), .init("a", .null, percent: 20)]
        let ours = FeatureFlag("model", .business(world.ours), value: .null, variants: variants, owner: "ann")
        let theirs = FeatureFlag("model", .business(world.theirs), value: "openai:x", owner: "bob", expiresAt: after(9))
        let slack = FeatureFlag("typing", .channel("slack"), value: false, owner: "ops")
        let all = FeatureFlag("typing", value: true, owner: "zed")
        for flag in [ours, theirs, slack, all] { try await store.set(flag) }
        let sorted = try await store.list().sorted { "\($0.name)\($0.owner)" < "\($1.name)\($1.owner)" }
        findings.expect(sorted.prefix(2).map(\.self), is: [ours, theirs], "the businesses' flags")
        findings.expect(sorted.suffix(2).map(\.scope), is: [.channel("slack"), .global], "the house's flags")
        findings.expect(sorted.suffix(2).map(\.value), is: [false, true], "what they say")

        // Set again, a flag is changed and there is still one of it, whatever its scope.
        for scope in [ours, slack, all].map(\.scope) {
            let name = scope == ours.scope ? "model" : "typing"
            let again = FeatureFlag(name, scope, value: ["other"], owner: "zoe", expiresAt: after(5))
            try await store.set(again)
            try await store.set(again)
            findings.expect(try await store.list().filter { $0.scope == scope }, is: [again], "a flag set anew")
        }
        findings.expect(try await store.list().count, is: 4, "the flags after that")
        findings.expect(try await store.list().contains(theirs), "another business's flag has changed")

        findings.expect(try await store.unset("model", .business(world.ours)), "a flag stays")
        findings.expect(try await !store.unset("model", .business(world.ours)), "a flag is taken away twice")
        findings.expect(try await !store.unset("model", .global), "a business's flag is taken for one of all")
        findings.expect(try await store.unset("typing", .global), "a flag of all stays")
        findings.expect(
            try await Set(store.list().map(\.scope)),
            is: [theirs.scope, slack.scope],
            "the flags that are left"
        )
    }
}
