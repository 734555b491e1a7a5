import CoordinationKit
import CoordinationRedis
import ParleyCore
import ParleyTesting
import Testing

/// What every response cache does, wherever it keeps its answers.
enum ResponseCacheConformance {
    static func check(_ cache: some ResponseCache) async throws {
        let clock = SystemClock()
        let now = clock.now
        let (mine, other) = (ID<Business>(at: now), ID<Business>(at: now))
        let key = CacheKey(mine, "stock {iPhone 15}\r\n:*")
        #expect(await cache.value(for: key, at: now) == nil)

        let value = Array("five, ".utf8) + [0, 255, 13, 10]
        await cache.keep(value, for: key, until: now.advanced(by: .seconds(300)), at: now)
        #expect(await cache.value(for: key, at: now) == CachedResponse(value: value, keptAt: now))

        // Another business with the same key is told nothing.
        #expect(await cache.value(for: CacheKey(other, key.name), at: now) == nil)

        let later = now.advanced(by: .seconds(1))
        await cache.keep([], for: key, until: later.advanced(by: .seconds(300)), at: later)
        #expect(await cache.value(for: key, at: later) == CachedResponse(value: [], keptAt: later))

        // What has expired is not told again.
        await cache.keep([1], for: key, until: now, at: now.advanced(by: .seconds(1)))
        let short = CacheKey(mine, "short")
        await cache.keep([1], for: short, until: clock.now.advanced(by: .milliseconds(80)), at: clock.now)
        try await eventually("it is forgotten") { await cache.value(for: short, at: clock.now) == nil }
    }
}

@Suite struct LocalResponseCacheTests {
    @Test func `the local cache keeps its promises`() async throws {
        try await ResponseCacheConformance.check(LocalResponseCache())
    }
}

@Suite(.enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisResponseCacheTests {
    private static let now = SystemClock().now
    private static let key = CacheKey(ID(at: now), "stock")
    private static let expiry = now.advanced(by: .seconds(300))

    @Test func `Redis' cache keeps the same promises`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                try await ResponseCacheConformance.check(RedisResponseCache(client))
            }
        }
    }

    @Test func `what one node keeps another tells again`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { one in
                try await withClient(server.address()) { two in
                    await RedisResponseCache(one).keep([7], for: Self.key, until: Self.expiry, at: Self.now)
                    let told = await RedisResponseCache(two).value(for: Self.key, at: Self.now)
                    #expect(told == CachedResponse(value: [7], keptAt: Self.now))
                }
            }
        }
    }

    @Test func `a flushed server has forgotten, a stopped one leaves each node its own`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let cache = RedisResponseCache(client)
                await cache.keep([7], for: Self.key, until: Self.expiry, at: Self.now)
                _ = try await client.call(RedisCommand("FLUSHALL"))
                #expect(await cache.value(for: Self.key, at: Self.now) == nil)
                server.stop()
                try await eventually("it is away") { client.status != .ready }
                #expect(await cache.value(for: Self.key, at: Self.now)?.value == [7])
                #expect(await RedisResponseCache(client).value(for: Self.key, at: Self.now) == nil)
            }
        }
    }

    @Test func `every key names its business`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let cache = RedisResponseCache(client)
                await cache.keep([7], for: Self.key, until: Self.expiry, at: Self.now)
                let keys = try await client.call(RedisCommand("KEYS", "*")).array ?? []
                #expect(keys.map(\.text) == ["parley:{\(Self.key.businessID)}:response:stock"])
            }
        }
    }
}
