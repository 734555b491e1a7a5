import CoordinationKit
import CoordinationRedis
import Foundation
import ParleyCore
import Testing

/// Redis stopped, frozen and paused: nobody waits longer than a deadline, and it comes back by itself.
///
/// The bounds are far above the deadline, which a busy machine overruns, and far below what waiting for Redis would take.
@Suite(.serialized, .enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisOutageTests {
    @Test func `without a server nothing waits`() async throws {
        let port = try TestRedis.freePort()
        try await withClient(RedisAddress("redis://127.0.0.1:\(port)"), waitsForIt: false) { client async throws in
            let time = await milliseconds {
                for _ in 0..<1000 {
                    await #expect(throws: RedisError.unavailable) { try await client.call(RedisCommand("PING")) }
                }
            }
            #expect(time < 3000)
            try await eventually("it says why") {
                client.status == .away("cannot connect to redis://127.0.0.1:\(port)/0")
            }
        }
    }

    @Test func `a stopped server fails commands at once, and a restarted one is found within two seconds`() async throws
    {
        try await TestRedis.with { server in
            try await withClient(server.address(), deadline: RedisLimits.deadline) { client async throws in
                for _ in 0..<3 {
                    async let waiting = outcome(of: RedisCommand("BLPOP", "none", 0), client)
                    try await withClient(server.address()) { other async throws in
                        try await eventually("it waits") {
                            let information = try await other.call(
                                RedisCommand("INFO", "clients"),
                                within: .seconds(10)
                            )
                            return information.text?.contains("blocked_clients:1") == true
                        }
                    }
                    server.stop()
                    #expect(await waiting == .unavailable)
                    try await eventually("it is away") { client.status != .ready }
                    let time = await milliseconds {
                        await #expect(throws: RedisError.unavailable) { try await client.call(RedisCommand("PING")) }
                    }
                    #expect(time < 1000)
                    try server.start()
                    try await eventually("it is found", within: .seconds(3)) { client.status == .ready }
                    #expect(try await client.call(RedisCommand("PING"), within: .seconds(10)) == .status("PONG"))
                }
            }
        }
    }

    @Test func `a frozen server costs one deadline, then nothing, and is used again when it thaws`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address(), deadline: RedisLimits.deadline) { client async throws in
                server.freeze()
                let first = await milliseconds {
                    await #expect(throws: RedisError.timedOut) { try await client.call(RedisCommand("PING")) }
                }
                #expect(first >= 250 && first < 2000)
                let next = await milliseconds {
                    for _ in 0..<100 {
                        await #expect(throws: RedisError.unavailable) { try await client.call(RedisCommand("PING")) }
                    }
                }
                #expect(next < 1000)
                #expect(client.status != .ready)
                server.thaw()
                try await eventually("it answers again", within: .seconds(4)) { client.status == .ready }
                #expect(try await client.call(RedisCommand("PING"), within: .seconds(10)) == .status("PONG"))
            }
        }
    }

    @Test func `replies that come too late are nobody's`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address(), deadline: RedisLimits.deadline) { client async throws in
                server.freeze()
                await #expect(throws: RedisError.timedOut) {
                    try await client.call(RedisCommand("ECHO", "late"), within: .milliseconds(50))
                }
                server.thaw()
                try await eventually("the late reply has come") { client.status == .ready }
                for number in 0..<100 {
                    #expect(
                        try await client.call(RedisCommand("ECHO", "\(number)"), within: .seconds(10)).text
                            == "\(number)"
                    )
                }
            }
        }
    }

    @Test func `a paused server is waited for no longer than a deadline`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address(), deadline: RedisLimits.deadline) { client async throws in
                _ = try await client.call(RedisCommand("CLIENT", "PAUSE", 5000, "ALL"))
                let times = await withTaskGroup(of: Double.self) { group in
                    for _ in 0..<200 {
                        group.addTask {
                            await milliseconds { _ = try? await client.call(RedisCommand("GET", "a")) }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(times.allSatisfy { $0 < 3000 })
                try await eventually("it answers again", within: .seconds(15)) {
                    (try? await client.call(RedisCommand("PING"))) == .status("PONG")
                }
            }
        }
    }

    @Test func `an idle connection to a frozen server is noticed without a command`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address(), deadline: RedisLimits.deadline) { client async throws in
                server.freeze()
                defer { server.thaw() }
                try await eventually("it is away", within: .seconds(8)) { client.status != .ready }
            }
        }
    }

    private func outcome(of command: RedisCommand, _ client: RedisClient) async -> RedisError? {
        do throws(RedisError) {
            _ = try await client.call(command, within: .seconds(30))
            return nil
        } catch {
            return error
        }
    }
}
