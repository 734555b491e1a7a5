import CoordinationKit
import CoordinationRedis
import ParleyCore
import ParleyTesting
import Synchronization
import Testing

/// What every governor does, wherever it counts.
enum SendGovernorConformance {
    static func scope(_ business: ID<Business>? = nil, _ integration: ID<Integration>? = nil) -> SendScope {
        let now = SystemClock().now
        return SendScope(business ?? ID(at: now), integration ?? ID(at: now), ID(at: now))
    }

    static func check(_ governor: some SendGovernor) async throws {
        let clock = SystemClock()
        func admit(_ scope: SendScope, _ rates: SendRates, _ priority: SendPriority = .reply) async throws -> Duration?
        {
            let now = clock.now
            return try await governor.admit(scope, rates, as: priority, at: now).map { $0.since(now) }
        }
        // No rate, no wait.
        let free = scope()
        for _ in 0..<20 { #expect(try await admit(free, .unlimited) == nil) }

        // A conversation's burst goes out at once, what follows is sent back.
        let slow = SendRates(conversation: SendRate(1, per: .seconds(30), burst: 2))
        let chat = scope()
        #expect(try await admit(chat, slow) == nil)
        #expect(try await admit(chat, slow) == nil)
        let wait = try #require(try await admit(chat, slow))
        #expect(wait > .seconds(25) && wait < .seconds(35))
        // Another conversation of the integration is not concerned.
        #expect(try await admit(scope(chat.businessID, chat.integrationID), slow) == nil)

        // An integration's rate counts over all its conversations.
        let narrow = SendRates(integration: SendRate(1, per: .seconds(30)))
        let first = scope()
        #expect(try await admit(first, narrow) == nil)
        #expect(try await admit(scope(first.businessID, first.integrationID), narrow) != nil)
        #expect(try await admit(scope(first.businessID), narrow) == nil)

        // Previews take what is to spare; a reply finds its room.
        let shared = SendRates(integration: SendRate(100, per: .seconds(60)))
        let busy = scope()
        var yielding = 0
        while try await admit(busy, shared, .yielding) == nil, yielding < 40 { yielding += 1 }
        #expect(yielding == 3)
        #expect(try await admit(busy, shared) == nil)

        // A short wait is waited for.
        let brisk = SendRates(conversation: SendRate(10, per: .seconds(1)))
        let patient = scope()
        let time = try await milliseconds { () async throws in
            for _ in 0..<4 { #expect(try await admit(patient, brisk) == nil) }
        }
        #expect(time >= 300)

        // A platform's word holds back what it was said of, and is not shortened.
        let told = scope()
        await governor.hold(told, wholeIntegration: false, until: clock.now.advanced(by: .seconds(20)))
        await governor.hold(told, wholeIntegration: false, until: clock.now.advanced(by: .seconds(1)))
        let held = try #require(try await admit(told, .unlimited))
        #expect(held > .seconds(15) && held <= .seconds(20))
        #expect(try await admit(told, .unlimited, .yielding) != nil)
        #expect(try await admit(scope(told.businessID, told.integrationID), .unlimited) == nil)
        await governor.hold(told, wholeIntegration: true, until: clock.now.advanced(by: .seconds(5)))
        #expect(try await admit(scope(told.businessID, told.integrationID), .unlimited) != nil)
        #expect(try await admit(scope(told.businessID), .unlimited) == nil)
    }
}

/// When each node sent.
private final class SendTimes: Sendable {
    private let times: Mutex<[[Timestamp]]>

    init(nodes: Int) { times = Mutex(Array(repeating: [], count: nodes)) }

    var all: [[Timestamp]] { times.withLock(\.self) }

    func add(_ time: Timestamp, _ node: Int) { times.withLock { $0[node].append(time) } }
}

@Suite struct LocalSendGovernorTests {
    @Test func `the local governor keeps its promises`() async throws {
        try await SendGovernorConformance.check(LocalSendGovernor())
    }

    @Test func `a share of a rate is that much slower`() async throws {
        let clock = ManualClock()
        let governor = LocalSendGovernor(clock: clock)
        let rates = SendRates(integration: SendRate(1, per: .seconds(8)))
        let scope = SendGovernorConformance.scope()
        _ = try await governor.admit(scope, rates, as: .reply, share: 0.8 / 4, at: clock.now)
        let next = try await governor.admit(scope, rates, as: .reply, share: 0.8 / 4, at: clock.now)
        let wait = try #require(next).since(clock.now)
        #expect(wait >= .seconds(40) && wait < .seconds(41))
    }
}

@Suite(.serialized, .enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisSendGovernorTests {
    private static func governor(_ client: RedisClient, nodes minimum: Int = 1) -> RedisSendGovernor {
        RedisSendGovernor(client, nodes: RedisNodes(client, node: "n", minimum: minimum))
    }

    @Test func `Redis' governor keeps the same promises`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                try await SendGovernorConformance.check(Self.governor(client))
            }
        }
    }

    @Test func `without Redis it keeps the same promises`() async throws {
        let port = try TestRedis.freePort()
        try await withClient(RedisAddress("redis://127.0.0.1:\(port)"), waitsForIt: false) { client async throws in
            try await SendGovernorConformance.check(Self.governor(client))
        }
    }

    @Test func `nodes together never exceed a rate, use nearly all of it, and share it fairly`() async throws {
        try await TestRedis.with { server in
            let rate = try #require(SendRate(60, per: .seconds(1)))
            let address = try server.address()
            let base = SendGovernorConformance.scope()
            let sends = SendTimes(nodes: 4)
            let clock = SystemClock()
            let end = clock.now.advanced(by: .seconds(4))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for node in 0..<4 {
                    group.addTask {
                        try await withClient(address) { client async throws in
                            let governor = Self.governor(client)
                            try await withThrowingTaskGroup(of: Void.self) { senders in
                                for _ in 0..<8 {
                                    senders.addTask {
                                        while clock.now < end {
                                            let scope = SendGovernorConformance.scope(
                                                base.businessID,
                                                base.integrationID
                                            )
                                            let until = try await governor.admit(
                                                scope,
                                                SendRates(integration: rate),
                                                as: .reply,
                                                at: clock.now
                                            )
                                            if let until {
                                                try await clock.sleep(for: until.since(clock.now))
                                            } else {
                                                sends.add(clock.now, node)
                                            }
                                        }
                                    }
                                }
                                try await senders.waitForAll()
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let all = sends.all.map { $0.filter { $0 < end } }
            let counts = all.map(\.count)
            // A busy machine wakes sleepers late and then together: a little above the count is its doing, not the rate's.
            #expect(SendRateTests.most(all.flatMap(\.self), in: .seconds(1)) <= 66, "\(counts)")
            let total = counts.reduce(0, +)
            #expect(total <= 246, "\(counts)")
            #expect(total >= 190, "\(counts)")
            let fair = Double(total) / 4
            #expect(counts.allSatisfy { Double($0) > fair * 0.4 && Double($0) < fair * 1.8 }, "\(counts)")
        }
    }

    @Test func `a busy node makes fewer round trips than sends`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let governor = Self.governor(client)
                let rates = SendRates(integration: SendRate(100_000, per: .seconds(1)))
                let base = SendGovernorConformance.scope()
                for _ in 0..<400 {
                    let until = try await governor.admit(base, rates, as: .reply, at: SystemClock().now)
                    #expect(until == nil)
                }
                let calls = try await calls(of: "eval", client) + calls(of: "evalsha", client)
                #expect(calls < 200, "\(calls) round trips for 400 sends")
            }
        }
    }

    private func calls(of command: String, _ client: RedisClient) async throws -> Int {
        let statistics = try await client.call(RedisCommand("INFO", "commandstats")).text ?? ""
        guard let line = statistics.split(separator: "\r\n").first(where: { $0.hasPrefix("cmdstat_\(command):") }),
            let calls = line.firstMatch(of: /calls=(\d+)/)
        else { return 0 }
        return Int(calls.1) ?? 0
    }

    @Test func `a hold on one node is kept by all, and a flush does not let its own node forget`() async throws {
        try await TestRedis.with { server in
            let address = try server.address()
            try await withClient(address) { client async throws in
                try await withClient(address) { other async throws in
                    let (one, two) = (Self.governor(client), Self.governor(other))
                    let scope = SendGovernorConformance.scope()
                    let now = SystemClock().now
                    await one.hold(scope, wholeIntegration: true, until: now.advanced(by: .seconds(30)))
                    #expect(try await two.admit(scope, .unlimited, as: .reply, at: now) != nil)
                    _ = try await client.call(RedisCommand("FLUSHALL"))
                    _ = try await client.call(RedisCommand("SCRIPT", "FLUSH"))
                    #expect(try await one.admit(scope, .unlimited, as: .reply, at: now) != nil)
                    #expect(try await two.admit(scope, .unlimited, as: .reply, at: now) == nil)
                }
            }
        }
    }

    @Test func `without Redis each node keeps to its share of the last known nodes`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let nodes = (0..<4).map { RedisNodes(client, node: "node-\($0)") }
                for node in nodes { await node.beat() }
                await nodes[0].beat()
                #expect(nodes[0].count == 4)
                let governor = RedisSendGovernor(client, nodes: nodes[0])
                server.stop()
                try await eventually("it is away") { client.status != .ready }
                await nodes[0].beat()
                #expect(nodes[0].count == 4)
                let rates = SendRates(integration: SendRate(1, per: .seconds(8)))
                let scope = SendGovernorConformance.scope()
                let now = SystemClock().now
                #expect(try await governor.admit(scope, rates, as: .reply, at: now) == nil)
                let until = try #require(try await governor.admit(scope, rates, as: .reply, at: now))
                #expect(until.since(now) >= .seconds(39) && until.since(now) < .seconds(41))
            }
        }
    }

    @Test func `a node that ends is counted no more`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let (one, two) = (RedisNodes(client, node: "one"), RedisNodes(client, node: "two"))
                let running = Task { try await two.run() }
                try await eventually("both are seen") {
                    await one.beat()
                    return one.count == 2
                }
                running.cancel()
                _ = await running.result
                await one.beat()
                #expect(one.count == 1)
            }
        }
    }

    @Test func `every key of the governor names its business`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let governor = Self.governor(client)
                let scope = SendGovernorConformance.scope()
                let now = SystemClock().now
                let rates = SendRates(
                    integration: SendRate(1, per: .seconds(60)),
                    conversation: SendRate(1, per: .seconds(60))
                )
                _ = try await governor.admit(scope, rates, as: .reply, at: now)
                await governor.hold(scope, wholeIntegration: true, until: now.advanced(by: .seconds(9)))
                await governor.hold(scope, wholeIntegration: false, until: now.advanced(by: .seconds(9)))
                let keys = try await client.call(RedisCommand("KEYS", "*")).array?.compactMap(\.text) ?? []
                #expect(keys.count == 4)
                #expect(keys.allSatisfy { $0.hasPrefix("parley:{\(scope.businessID)}:") })
                for key in keys {
                    #expect(try await client.call(RedisCommand("PTTL", key)).integer ?? 0 > 0, "\(key) never goes")
                }
            }
        }
    }
}
