import CoordinationKit
import CoordinationRedis
import ParleyCore
import Testing

/// What limiters and presence do, wherever they keep what they know.
enum SharedStateConformance {
    static func check(_ limiter: some RequestLimiter) async throws {
        let clock = SystemClock()
        let limit = try #require(RequestLimit(3, per: .seconds(2)))
        let now = clock.now
        let (business, integration) = (ID<Business>(at: now), ID<Integration>(at: now))
        let subject = LimitedSubject.sender("ann", on: integration, of: business)
        for used in 1...3 {
            #expect(await limiter.admit("m\(used)", of: subject, limit, at: clock.now) == .admitted(used: used))
        }
        // Asking again neither counts nor changes the answer.
        #expect(await limiter.admit("m2", of: subject, limit, at: clock.now) == .admitted(used: 3))
        guard case .refused(let wait, true) = await limiter.admit("m4", of: subject, limit, at: clock.now) else {
            Issue.record("a fourth is admitted, or nobody is told")
            return
        }
        #expect(wait > .zero && wait <= limit.window)
        // The same request is told again, another is not.
        guard case .refused(_, true) = await limiter.admit("m4", of: subject, limit, at: clock.now) else {
            Issue.record("the one that was told is forgotten")
            return
        }
        guard case .refused(_, false) = await limiter.admit("m5", of: subject, limit, at: clock.now) else {
            Issue.record("a second one is told")
            return
        }
        // Others are not concerned: somebody else, the same name elsewhere, an address.
        let bob = LimitedSubject.sender("bob", on: integration, of: business)
        #expect(await limiter.admit("m4", of: bob, limit, at: clock.now) == .admitted(used: 1))
        let elsewhere = LimitedSubject.sender("ann", on: integration, of: ID(at: now))
        #expect(await limiter.admit("m4", of: elsewhere, limit, at: clock.now) == .admitted(used: 1))
        #expect(await limiter.admit("m4", of: .address("::1"), limit, at: clock.now) == .admitted(used: 1))
        // When the window has passed there is room again.
        try await eventually("there is room again", within: .seconds(30)) {
            if case .admitted = await limiter.admit("m6", of: subject, limit, at: clock.now) { true } else { false }
        }
    }

    /// - Parameter told: waits until others know what was noted.
    static func check(_ presence: some Presence, told: () async -> Void = {}) async {
        let now = SystemClock().now
        let (mine, other) = (ID<Business>(at: now), ID<Business>(at: now))
        let (ann, bob) = (ID<Contact>(at: now), ID<Contact>(at: now))
        #expect(await presence.active(of: mine, on: "slack", at: now) == 0)
        presence.note(ann, of: mine, on: "slack", at: now)
        presence.note(ann, of: mine, on: "slack", at: now)
        presence.note(bob, of: mine, on: "slack", at: now)
        presence.note(bob, of: mine, on: "telegram", at: now)
        presence.note(ID(at: now), of: ID(at: now), on: "telegram", at: now)
        await told()
        #expect(await presence.active(of: mine, on: "slack", at: now) == 2)
        #expect(await presence.active(of: mine, on: "telegram", at: now) == 1)
        #expect(await presence.active(of: other, on: "slack", at: now) == 0)
        #expect(await presence.active(on: "slack", at: now) == 2)
        #expect(await presence.active(on: "telegram", at: now) == 2)
        #expect(await presence.active(on: "discord", at: now) == 0)
    }
}

@Suite struct LocalSharedStateTests {
    @Test func `the local versions keep their promises`() async throws {
        try await SharedStateConformance.check(LocalRequestLimiter())
        await SharedStateConformance.check(LocalPresence())
    }

    @Test func `somebody is there for five minutes`() async {
        let presence = LocalPresence()
        let now = SystemClock().now
        let business = ID<Business>(at: now)
        presence.note(ID(at: now), of: business, on: "slack", at: now)
        #expect(await presence.active(of: business, on: "slack", at: now.advanced(by: .seconds(299))) == 1)
        #expect(await presence.active(of: business, on: "slack", at: now.advanced(by: .seconds(300))) == 0)
    }

    @Test func `a limiter remembers no more subjects than it may`() async throws {
        let limiter = LocalRequestLimiter(capacity: 100)
        let limit = try #require(RequestLimit(1, per: .seconds(60)))
        let now = SystemClock().now
        for number in 0..<1000 {
            let time = now.advanced(by: .milliseconds(number))
            #expect(await limiter.admit("a", of: .address("\(number)"), limit, at: time) == .admitted(used: 1))
        }
        let latest = await limiter.admit("b", of: .address("999"), limit, at: now.advanced(by: .seconds(1)))
        #expect(latest != .admitted(used: 1))
    }
}

@Suite(.enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisSharedStateTests {
    @Test func `Redis' versions keep the same promises, and name the business in every key`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                try await SharedStateConformance.check(RedisRequestLimiter(client))
                let presence = RedisPresence(client)
                await SharedStateConformance.check(presence) { await presence.tellAll() }
                let keys = try await client.call(RedisCommand("KEYS", "*")).array?.compactMap(\.text) ?? []
                #expect(!keys.isEmpty)
                for key in keys {
                    let isHouses = ["{limit:", "presence:"].contains { key.hasPrefix("parley:house:\($0)") }
                    #expect(key.hasPrefix("parley:{") || isHouses, "\(key)")
                    // -1 is a key without an end; a short one may be gone by now.
                    #expect(try await client.call(RedisCommand("PTTL", key)).integer != -1, "\(key) never goes")
                }
            }
        }
    }

    @Test func `without Redis limits and presence are each node's own`() async throws {
        let port = try TestRedis.freePort()
        try await withClient(RedisAddress("redis://127.0.0.1:\(port)"), waitsForIt: false) { client async throws in
            try await SharedStateConformance.check(RedisRequestLimiter(client))
            await SharedStateConformance.check(RedisPresence(client))
        }
    }

    @Test func `whoever one node saw, all nodes and the commands know of`() async throws {
        try await TestRedis.with { server in
            let address = try server.address()
            try await withClient(address) { client async throws in
                try await withClient(address) { other async throws in
                    let now = SystemClock().now
                    let business = ID<Business>(at: now)
                    let (one, two) = (RedisPresence(client), RedisPresence(other))
                    for _ in 0..<1200 { one.note(ID(at: now), of: business, on: "slack", at: now) }
                    two.note(ID(at: now), of: business, on: "slack", at: now)
                    await one.tellAll()
                    await two.tellAll()
                    for presence in [one, two] {
                        #expect(await presence.active(of: business, on: "slack", at: now) == 1201)
                        #expect(await presence.active(on: "slack", at: now) == 1201)
                    }
                    let told = try await RedisPresence.ask(address, of: business, on: ["slack", "telegram"], at: now)
                    #expect(told == [1201, 0])
                }
            }
        }
    }

    @Test func `a limit counts over all nodes`() async throws {
        try await TestRedis.with { server in
            let address = try server.address()
            try await withClient(address) { client async throws in
                try await withClient(address) { other async throws in
                    let limit = try #require(RequestLimit(2, per: .seconds(60)))
                    let now = SystemClock().now
                    let subject = LimitedSubject.sender("ann", on: ID(at: now), of: ID(at: now))
                    let (one, two) = (RedisRequestLimiter(client), RedisRequestLimiter(other))
                    #expect(await one.admit("a", of: subject, limit, at: now) == .admitted(used: 1))
                    #expect(await two.admit("b", of: subject, limit, at: now) == .admitted(used: 2))
                    let third = await one.admit("c", of: subject, limit, at: now)
                    #expect(third != .admitted(used: 3))
                }
            }
        }
    }
}
