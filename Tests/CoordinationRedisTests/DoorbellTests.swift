import CoordinationKit
import CoordinationRedis
import ParleyCore
import Testing

@Suite struct LocalDoorbellTests {
    @Test func `a ring before the wait is heard`() async throws {
        let bell = LocalDoorbell()
        bell.ring(.answer)
        #expect(try await milliseconds { try await bell.wait(for: .answer, atMost: .seconds(30)) } < 15_000)
    }

    @Test func `a bell that does not ring is waited for no longer than said`() async throws {
        let bell = LocalDoorbell()
        bell.ring(.deliver)
        #expect(try await milliseconds { try await bell.wait(for: .answer, atMost: .milliseconds(50)) } >= 50)
    }
}

@Suite(.enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisDoorbellTests {
    /// Two nodes that listen to each other.
    private static func withNodes(
        _ address: RedisAddress,
        _ body: @Sendable (RedisDoorbell, RedisDoorbell) async throws -> Void
    ) async throws {
        try await withClient(address) { client async throws in
            let one = RedisDoorbell(client, node: "one", logger: .silent)
            let two = RedisDoorbell(client, node: "two", logger: .silent)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await one.run() }
                group.addTask { try await two.run() }
                defer { group.cancelAll() }
                try await listening(one, two)
                try await body(one, two)
            }
        }
    }

    private static func listening(_ bells: RedisDoorbell...) async throws {
        try await eventually("both listen") { bells.allSatisfy(\.isListening) }
        // Whoever begins to listen is rung once for what was missed.
        for bell in bells {
            for kind in Bell.allCases { try await bell.wait(for: kind, atMost: .seconds(5)) }
        }
    }

    @Test func `a ring is heard on another node at once, and by its own bell alone`() async throws {
        try await TestRedis.with { server in
            try await Self.withNodes(server.address()) { one, two async throws in
                one.ring(.answer)
                #expect(try await milliseconds { try await two.wait(for: .answer, atMost: .seconds(30)) } < 15_000)
                #expect(try await milliseconds { try await one.wait(for: .answer, atMost: .seconds(30)) } < 15_000)
                #expect(try await milliseconds { try await two.wait(for: .deliver, atMost: .milliseconds(100)) } >= 100)
                // Its own ring does not come back to the one who rang.
                #expect(try await milliseconds { try await one.wait(for: .answer, atMost: .milliseconds(100)) } >= 100)
            }
        }
    }

    @Test func `room that has become free here is no news elsewhere`() async throws {
        try await TestRedis.with { server in
            try await Self.withNodes(server.address()) { one, two async throws in
                one.ringHere(.answer)
                try await one.wait(for: .answer, atMost: .seconds(10))
                #expect(try await milliseconds { try await two.wait(for: .answer, atMost: .milliseconds(100)) } >= 100)
            }
        }
    }

    @Test func `a thousand rings are few messages, and the last one is not swallowed`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let bell = RedisDoorbell(client, node: "one", logger: .silent)
                for _ in 0..<1000 { bell.ring(.deliver) }
                try await eventually("the trailing ring goes out") { try await Self.publishes(client) == 2 }
            }
        }
    }

    private static func publishes(_ client: RedisClient) async throws -> Int {
        let statistics = try await client.call(RedisCommand("INFO", "commandstats")).text ?? ""
        guard let line = statistics.split(separator: "\r\n").first(where: { $0.hasPrefix("cmdstat_publish:") }),
            let calls = line.firstMatch(of: /calls=(\d+)/)
        else { return 0 }
        return Int(calls.1) ?? 0
    }

    @Test func `without Redis it is a local doorbell, and after a restart it rings for what was missed`() async throws {
        try await TestRedis.with { server in
            try await Self.withNodes(server.address()) { one, two async throws in
                server.stop()
                try await eventually("nobody listens") { !one.isListening && !two.isListening }
                one.ring(.answer)
                #expect(try await milliseconds { try await one.wait(for: .answer, atMost: .seconds(30)) } < 15_000)
                try server.start()
                try await two.wait(for: .answer, atMost: .seconds(10))
                #expect(two.isListening)
                try await Self.listening(one)
                one.ring(.deliver)
                try await two.wait(for: .deliver, atMost: .seconds(10))
            }
        }
    }
}
