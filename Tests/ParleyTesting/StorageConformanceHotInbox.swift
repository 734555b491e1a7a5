import ParleyCore
import Storage

// The inbox: committed once, opened in time.
extension StorageConformance {
    static func keptOnce(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        let batch = ["a", "b", "a"].map { traffic.entry($0, in: ours, at: time) }
        findings.expect(
            try await traffic.inbox.keep(batch, at: time),
            is: [true, true, false],
            "a batch with a repeat"
        )
        let before = try await traffic.contents(of: ours.business)
        findings.expect(
            try await traffic.inbox.keep([traffic.entry("a", in: ours("other"), at: after(900))], at: after(900)),
            is: [false],
            "a redelivered event"
        )
        findings.expect(try await traffic.contents(of: ours.business), is: before, "what a redelivery leaves")
        let elsewhere = [traffic.beside, traffic.theirs].map { traffic.entry("a", in: $0, at: time) }
        findings.expect(
            try await traffic.inbox.keep(elsewhere, at: time),
            is: [true, true],
            "the same key on other integrations"
        )
        findings.expect(try await traffic.inbox.keep([], at: time), is: [], "an empty batch")
        let news = try await withThrowingTaskGroup(of: [Bool].self) { group in
            for _ in 0..<20 {
                group.addTask { try await traffic.inbox.keep([traffic.entry("c", in: ours, at: time)], at: time) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        findings.expect(news.count { $0 }, is: 1, "those of 20 who hear that the event is new")
        findings.expect(
            try await traffic.count("inbox_events WHERE dedupe_key = 'c'"),
            is: 1,
            "events of 20 deliveries"
        )
    }

    static func debouncing(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        func keep(_ milliseconds: Int, debounce: Duration, in address: Traffic.Address) async throws -> Timestamp? {
            let now = after(milliseconds)
            let entry = traffic.entry("\(address.key) \(milliseconds)", in: address, debounce: debounce, at: now)
            _ = try await traffic.inbox.keep([entry], at: now)
            return try await traffic.lane(address)?.claimableAt
        }
        let half = Duration.milliseconds(500)
        let ours = traffic.ours
        findings.expect(try await keep(0, debounce: half, in: ours), is: after(500), "the first event")
        findings.expect(try await keep(400, debounce: half, in: ours), is: after(500), "a lane that is open already")
        let longest = time.advanced(by: Limits.debounceMaximum)

        // Whoever claims it while more is coming puts it off: until it is quiet, but not for ever.
        for (now, expected) in [(500, after(900)), (900, after(1300)), (1300, after(1700))] {
            let claim = try await traffic.claim(at: after(now))
            if now > 500 { _ = try await keep(now - 100, debounce: half, in: ours) }
            try await traffic.turns.putOff(claim, debounce: half, at: after(now))
            let claimableAt = try await traffic.lane(ours)?.claimableAt
            findings.expect(claimableAt, is: now > 500 ? after(now - 100 + 500) : expected, "put off at \(now) ms")
        }
        for now in stride(from: 1700, through: 2700, by: 500) {
            let claim = try await traffic.claim(at: after(now))
            _ = try await keep(now, debounce: half, in: ours)
            try await traffic.turns.putOff(claim, debounce: half, at: after(now))
            let claimableAt = try await traffic.lane(ours)?.claimableAt
            findings.expect(claimableAt, is: min(after(now + 500), longest), "put off at \(now) ms")
        }
        findings.expect(try await traffic.lane(ours)?.waitingSince, is: time, "since when it waits")
        findings.expect(try await traffic.count("lanes WHERE begun > 0"), is: 0, "beginnings counted by putting off")

        findings.expect(
            try await keep(0, debounce: .seconds(60), in: ours("patient")),
            is: longest,
            "a debounce of a minute"
        )
        let entries = [("x", half), ("y", Duration.milliseconds(100)), ("z", half)].map {
            traffic.entry($0.0, in: ours("many"), debounce: $0.1, at: time)
        }
        _ = try await traffic.inbox.keep(entries, at: time)
        findings.expect(try await traffic.lane(ours("many"))?.claimableAt, is: after(100), "the shortest of a batch")
    }

    static func immediacy(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        let slow = traffic.entry("slow", in: ours, debounce: .seconds(2), at: time)
        _ = try await traffic.inbox.keep([slow], at: time)
        findings.expect(try await traffic.claims(at: after(100)).count, is: 0, "claims before the time")
        let command = traffic.entry("command", in: ours, at: after(100))
        _ = try await traffic.inbox.keep([command], at: after(100))
        findings.expect(try await traffic.lane(ours)?.claimableAt, is: after(100), "a lane with a command in it")

        let claim = try await traffic.claim(at: after(100))
        let held = try await traffic.lane(ours)
        findings.expect(held?.claimableAt, is: after(100).advanced(by: Traffic.lease), "a held lane")
        for (key, debounce) in [("soon", Duration.zero), ("later", .seconds(2))] {
            let entry = traffic.entry(key, in: ours, debounce: debounce, at: after(200))
            _ = try await traffic.inbox.keep([entry], at: after(200))
            findings.expect(try await traffic.lane(ours), is: held, "a held lane when an event comes \(key)")
        }
        findings.expect(try await traffic.waiting(claim).count, is: 4, "events of the held lane")
    }

    static func platformOrder(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let ours = traffic.ours
        for (key, position) in [("third", Int64(30)), ("first", 10), ("second", 20)] {
            _ = try await traffic.inbox.keep([traffic.entry(key, in: ours, position: position, at: time)], at: time)
        }
        let twins = (0..<8).map { traffic.entry("twin \($0)", in: ours, position: 40, at: time) }
        _ = try await traffic.inbox.keep(twins, at: time)
        try await traffic.keep("elsewhere", in: traffic.beside, at: time)
        try await traffic.keep("nearby", in: ours("other"), at: time)
        try await traffic.keep("abroad", in: traffic.theirs, at: time)
        let claims = try await traffic.claims(at: time)
        findings.expect(claims.count, is: 4, "claims")
        guard
            let claim = claims.first(where: { $0.integrationID == ours.integration && $0.conversationKey == ours.key })
        else { return findings.expect(false, "no claim of the conversation") }
        let inOrder = ["first", "second", "third"] + twins.sorted { $0.id < $1.id }.map(\.dedupeKey)
        let events = try await traffic.waiting(claim)
        findings.expect(events.map(\.dedupeKey), is: inOrder, "the events in order")
        findings.expect(
            try await traffic.waiting(claim, upTo: 2).map(\.dedupeKey),
            is: ["first", "second"],
            "the first two"
        )
        findings.expect(events.first?.event["text"], is: .string("Hello first"), "the event itself")
        findings.expect(events.first?.receivedAt, is: time, "when it came")
        findings.expect(events.first?.closedAt, is: .some(nil), "when it was closed")
    }
}
