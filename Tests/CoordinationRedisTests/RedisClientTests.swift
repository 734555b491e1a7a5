import CoordinationRedis
import Foundation
import Logging
import ParleyCore
import ServiceLifecycle
import Testing

@Suite(.enabled(if: TestRedis.binary != nil, "needs redis-server")) struct RedisClientTests {
    @Test func `every kind of reply is read`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                #expect(try await client.call(RedisCommand("SET", "a", "1")) == .status("OK"))
                #expect(try await client.call(RedisCommand("GET", "a")) == .bytes([0x31]))
                #expect(try await client.call(RedisCommand("GET", "none")) == .null)
                #expect(try await client.call(RedisCommand("INCRBY", "a", 41)) == .integer(42))
                let script = "return {1, {'x', {}}, false, redis.status_reply('fine')}"
                #expect(
                    try await client.call(RedisCommand("EVAL", script, 0))
                        == .array([.integer(1), .array([.bytes([0x78]), .array([])]), .null, .status("fine")])
                )
                let all = (0...255).map { UInt8($0) }
                _ = try await client.call(RedisCommand("SET", "bytes", all))
                #expect(try await client.call(RedisCommand("GET", "bytes")) == .bytes(all))
            }
        }
    }

    @Test func `an error is its first word, and the next command works`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                await #expect(throws: RedisError.refused(code: "ERR")) {
                    try await client.call(RedisCommand("NONSENSE", "hunter2"))
                }
                await #expect(throws: RedisError.refused(code: "NOSCRIPT")) {
                    try await client.call(RedisCommand("EVALSHA", String(repeating: "0", count: 40), 0))
                }
                #expect(try await client.call(RedisCommand("PING")) == .status("PONG"))
            }
        }
    }

    @Test func `many callers share a connection, and each gets its own answer`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<2000 {
                        group.addTask {
                            let value = try await client.call(RedisCommand("ECHO", "\(number)"), within: .seconds(10))
                            #expect(value.text == "\(number)")
                        }
                    }
                    try await group.waitForAll()
                }
                let information = try await client.call(RedisCommand("INFO", "clients")).text ?? ""
                #expect(information.contains("connected_clients:1\r"))
            }
        }
    }

    @Test func `a reply that is too large ends the connection, and a new one is made`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let large = RedisCommand(
                    "EVAL",
                    "return string.rep('x', tonumber(ARGV[1]))",
                    0,
                    RedisLimits.replyBytes * 4
                )
                await #expect(throws: RedisError.unreadable) { try await client.call(large, within: .seconds(10)) }
                try await eventually("it connects again") { client.status == .ready }
                #expect(try await client.call(RedisCommand("PING")) == .status("PONG"))
            }
        }
    }

    @Test func `a reply with too many elements ends the connection`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let script = "local t = {} for i = 1, tonumber(ARGV[1]) do t[i] = i end return t"
                await #expect(throws: RedisError.unreadable) {
                    try await client.call(
                        RedisCommand("EVAL", script, 0, RedisLimits.replyElements + 1),
                        within: .seconds(10)
                    )
                }
            }
        }
    }

    @Test func `more commands than may wait are refused at once`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address()) { client async throws in
                let outcomes = await withTaskGroup(of: RedisError?.self) { group in
                    for _ in 0..<RedisLimits.commandsInFlight + 500 {
                        group.addTask {
                            do throws(RedisError) {
                                _ = try await client.call(RedisCommand("BLPOP", "none", 0), within: .milliseconds(400))
                                return nil
                            } catch {
                                return error
                            }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(outcomes.contains(.overloaded))
                #expect(outcomes.count { $0 == .timedOut } <= RedisLimits.commandsInFlight)
                #expect(!outcomes.contains(nil))
            }
        }
    }

    // MARK: Being let in

    @Test func `a password, a user and a database are used`() async throws {
        try await TestRedis.with(["--requirepass", "hunter2"]) { server in
            try await withClient(server.address(":hunter2@", database: 5)) { client async throws in
                _ = try await client.call(RedisCommand("SET", "where", "five"))
                _ = try await client.call(
                    RedisCommand("ACL", "SETUSER", "ann", "on", ">s3cret", "~*", "&*", "+@all")
                )
            }
            try await withClient(server.address("ann:s3cret@", database: 5)) { client async throws in
                #expect(try await client.call(RedisCommand("GET", "where")).text == "five")
                #expect(try await client.call(RedisCommand("ACL", "WHOAMI")).text == "ann")
            }
        }
    }

    @Test(arguments: ["", ":wr0ngsecret@", "ann:wr0ngsecret@"])
    func `who is not let in is told so, without the secret`(_ credentials: String) async throws {
        try await TestRedis.with(["--requirepass", "hunter2"]) { server in
            let log = RecordedLines()
            try await withClient(server.address(credentials), logger: log.logger, waitsForIt: false) {
                client async throws in
                try await eventually("it says why") {
                    guard case .away(let reason) = client.status else { return false }
                    return reason.contains(
                        credentials.isEmpty ? "wants a password" : "refuses the user name or the password"
                    )
                }
                await #expect(throws: RedisError.unavailable) { try await client.call(RedisCommand("PING")) }
                guard case .away(let reason) = client.status else { return }
                #expect(!reason.contains("wr0ngsecret"))
            }
            #expect(!log.text.contains("wr0ngsecret"))
            #expect(log.text.contains("going on without Redis"))
        }
    }

    @Test func `a password where none is wanted is explained, and never repeated`() async throws {
        try await TestRedis.with { server in
            try await withClient(server.address(":hunter2@"), waitsForIt: false) { client async throws in
                try await eventually("it says why") {
                    guard case .away(let reason) = client.status else { return false }
                    return reason.contains("refuses the") && !reason.contains("hunter2")
                }
            }
        }
    }

    @Test func `TLS is spoken, and a certificate of a stranger is not accepted`() async throws {
        try await withTLSFolder { certificates in
            let server = try TestRedis([
                "--tls-port", "PORT", "--tls-cert-file", "\(certificates)/server.pem", "--tls-key-file",
                "\(certificates)/server.key", "--tls-ca-cert-file", "\(certificates)/ca.pem", "--tls-auth-clients",
                "no",
            ])
            defer { server.stop() }
            let trusted = try RedisAddress("rediss://localhost:\(server.port)/0?ca=\(certificates)/ca.pem")
            try await withClient(trusted) { client async throws in
                #expect(try await client.call(RedisCommand("PING")) == .status("PONG"))
            }
            let byAddress = try RedisAddress("rediss://127.0.0.1:\(server.port)/0?ca=\(certificates)/ca.pem")
            try await withClient(byAddress) { client async throws in
                #expect(try await client.call(RedisCommand("PING")) == .status("PONG"))
            }
            let untrusting = try RedisAddress("rediss://localhost:\(server.port)/0?ca=\(certificates)/stranger.pem")
            try await withClient(untrusting, waitsForIt: false) { client async throws in
                await client.untilReady(atMost: .seconds(1))
                #expect(client.status != .ready)
            }
        }
    }

    // MARK: The end

    @Test func `a graceful shutdown ends it`() async throws {
        try await TestRedis.with { server in
            let client = RedisClient(try server.address(), logger: .silent)
            let group = ServiceGroup(services: [client], logger: .silent)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                await client.untilReady(atMost: .seconds(10))
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            await #expect(throws: RedisError.unavailable) { try await client.call(RedisCommand("PING")) }
        }
    }
}
