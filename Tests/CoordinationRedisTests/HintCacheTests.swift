import CoordinationKit
import CoordinationRedis
import ParleyCore
import ParleyTesting
import Testing

/// What every hint cache does, wherever it keeps its hints.
enum HintCacheConformance {
    static func check(_ sliding: some HintCache<SlidingNote>, _ fixed: some HintCache<FixedNote>) async throws {
        let now = SystemClock().now
        let (mine, other) = (ID<Business>(at: now), ID<Business>(at: now))
        let key = CacheKey(mine, "stock {iPhone 15}\r\n:*")
        #expect(await sliding.latest(for: key) == nil)
        let value = [0, 255, 13, 10] + Array("hello".utf8)
        sliding.keep(SlidingNote(value), for: key)
        // Whoever keeps does not wait, but is not overtaken by itself.
        #expect(await sliding.latest(for: key) == SlidingNote(value))
        #expect(await sliding.latest(for: CacheKey(other, key.name)) == nil)
        // Two kinds of hints under one name are two.
        #expect(await fixed.latest(for: key) == nil)
        fixed.keep(FixedNote([1]), for: key)
        #expect(await sliding.latest(for: key) == SlidingNote(value))
        sliding.keep(SlidingNote([2]), for: key)
        #expect(await sliding.latest(for: key) == SlidingNote([2]))
        #expect(await fixed.latest(for: key) == FixedNote([1]))

        try await eventually("what is not read goes") { await fixed.latest(for: key) == nil }
    }
}

/// Lives on as it is read.
struct SlidingNote: CachedHint, Equatable {
    static let life = HintLife(name: "sliding", length: .seconds(3600), isSliding: true)

    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var encoded: [UInt8] { bytes }
    init?(encoded: [UInt8]) { bytes = encoded }
    var weight: Int { bytes.count }
}

/// Goes soon, read or not.
struct FixedNote: CachedHint, Equatable {
    static let life = HintLife(name: "fixed", length: .milliseconds(200), isSliding: false)

    let bytes: [UInt8]
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var encoded: [UInt8] { bytes }
    init?(encoded: [UInt8]) {
        guard encoded.first != UInt8(ascii: "?") else { return nil }
        bytes = encoded
    }
    var weight: Int { bytes.count }
}

@Suite struct LocalHintCacheTests {
    private let key = CacheKey(ID(at: SystemClock().now), "conversation")

    @Test func `the local cache keeps its promises`() async throws {
        try await HintCacheConformance.check(LocalHintCache<SlidingNote>(), LocalHintCache<FixedNote>())
    }

    @Test func `reading prolongs the life of what slides, and of nothing else`() async {
        let clock = ManualClock()
        let sliding = LocalHintCache<SlidingNote>(clock: clock)
        let fixed = LocalHintCache<FixedNote>(clock: clock)
        sliding.keep(SlidingNote([1]), for: key)
        fixed.keep(FixedNote([1]), for: key)
        clock.advance(by: .milliseconds(199))
        #expect(await fixed.latest(for: key) != nil)
        clock.advance(by: .milliseconds(1))
        #expect(await fixed.latest(for: key) == nil)
        for _ in 0..<4 {
            clock.advance(by: .seconds(3599))
            #expect(await sliding.latest(for: key) != nil)
        }
        clock.advance(by: .seconds(3600))
        #expect(await sliding.latest(for: key) == nil)
    }

    @Test func `it takes no more memory than it may, and what is used stays`() async {
        let cache = LocalHintCache<SlidingNote>(weight: 20_000)
        let note = SlidingNote([UInt8](repeating: 7, count: 100))
        func key(_ number: Int) -> CacheKey { CacheKey(self.key.businessID, "\(number)") }
        for number in 0..<5000 {
            cache.keep(note, for: key(number))
            #expect(await cache.latest(for: key(0)) != nil, "the one that is always read, after \(number)")
        }
        var kept = 0
        for number in 0..<5000 where await cache.latest(for: key(number)) != nil { kept += 1 }
        #expect((50...200).contains(kept), "\(kept) of 100 bytes each")

        // What is larger than all of it is not kept, and takes its older self with it.
        cache.keep(SlidingNote([UInt8](repeating: 7, count: 10_001)), for: key(0))
        #expect(await cache.latest(for: key(0)) == nil)
    }
}

@Suite(.enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisHintCacheTests {
    private let key = CacheKey(ID(at: SystemClock().now), "conversation")

    @Test func `Redis keeps the same promises, for all nodes and for a time`() async throws {
        try await TestRedis.with { server in
            let address = try server.address()
            try await withClient(address) { one async throws in
                try await withClient(address) { two async throws in
                    let (mine, theirs) = (RedisHintCache<SlidingNote>(one), RedisHintCache<SlidingNote>(two))
                    try await HintCacheConformance.check(mine, RedisHintCache<FixedNote>(one))
                    mine.keep(SlidingNote([1, 2]), for: key)
                    #expect(await mine.latest(for: key) == SlidingNote([1, 2]))
                    #expect(await theirs.latest(for: key) == SlidingNote([1, 2]))

                    let name = "parley:{\(key.businessID)}:sliding:conversation"
                    _ = try await one.call(RedisCommand("PEXPIRE", name, 1000))
                    #expect(await theirs.latest(for: key) != nil)
                    #expect((try await one.call(RedisCommand("PTTL", name)).integer ?? 0) > 3_500_000)
                    for name in try await one.call(RedisCommand("KEYS", "*")).array?.compactMap(\.text) ?? [] {
                        #expect(name.hasPrefix("parley:{"), "\(name)")
                        #expect(try await one.call(RedisCommand("PTTL", name)).integer != -1, "\(name) never goes")
                    }

                    // Somebody else's handwriting is nothing.
                    let strange = "parley:{\(key.businessID)}:fixed:conversation"
                    _ = try await one.call(RedisCommand("SET", strange, "?", "PX", 60_000))
                    #expect(await RedisHintCache<FixedNote>(one).latest(for: key) == nil)
                    _ = try await one.call(RedisCommand("FLUSHALL"))
                    #expect(await theirs.latest(for: key) == nil)
                }
            }
        }
    }

    @Test func `without Redis it has nothing, at once`() async throws {
        let port = try TestRedis.freePort()
        try await withClient(RedisAddress("redis://127.0.0.1:\(port)"), waitsForIt: false) { client async throws in
            let cache = RedisHintCache<SlidingNote>(client)
            cache.keep(SlidingNote([1]), for: key)
            #expect(await cache.latest(for: key) == nil)
        }
    }
}
