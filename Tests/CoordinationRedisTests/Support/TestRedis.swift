import CoordinationRedis
import Foundation
import Logging
import ParleyCore
import Synchronization
import Testing

/// A redis-server of a test's own, on a free port and in a temporary folder; gone with the test, even if that crashes.
final class TestRedis: Sendable {
    static let binary = ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    let port: Int
    let folder: String
    private let arguments: [String]
    private let running = Mutex<Process?>(nil)

    /// - Parameter arguments: more of redis-server's own, such as `--requirepass`.
    init(_ arguments: [String] = []) throws {
        port = try Self.freePort()
        folder = NSTemporaryDirectory() + "parley-redis-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        self.arguments = arguments
        try start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Lends a server to `body`.
    static func with(_ arguments: [String] = [], _ body: (TestRedis) async throws -> Void) async throws {
        let server = try TestRedis(arguments)
        defer { server.stop() }
        try await body(server)
    }

    func address(_ credentials: String = "", database: Int = 0) throws -> RedisAddress {
        try RedisAddress("redis://\(credentials)127.0.0.1:\(port)/\(database)")
    }

    func start() throws {
        let server = Process()
        server.executableURL = URL(fileURLWithPath: try #require(Self.binary))
        server.arguments =
            [
                "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no", "--logfile", "redis.log",
                "--port", arguments.contains("--tls-port") ? "0" : "\(port)",
            ] + arguments.map { $0 == "PORT" ? "\(port)" : $0 }
        server.standardInput = FileHandle.nullDevice
        server.standardOutput = FileHandle.nullDevice
        server.standardError = FileHandle.nullDevice
        try server.run()
        // Should the tests crash, nobody else would end the server.
        let watcher = Process()
        watcher.executableURL = URL(fileURLWithPath: "/bin/sh")
        watcher.arguments = [
            "-c", "while kill -0 $0 2> /dev/null && kill -0 $1 2> /dev/null; do sleep 1; done; kill -KILL $1",
            "\(ProcessInfo.processInfo.processIdentifier)", "\(server.processIdentifier)",
        ]
        watcher.standardError = FileHandle.nullDevice
        try watcher.run()
        running.withLock { $0 = server }
    }

    /// Ends the server, frozen or not, and waits for that.
    func stop() {
        let server = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let server else { return }
        kill(server.processIdentifier, SIGKILL)
        server.waitUntilExit()
    }

    /// Stops the server where it is, like a machine that hangs; its sockets stay open.
    func freeze() { send(SIGSTOP) }

    func thaw() { send(SIGCONT) }

    private func send(_ signal: Int32) {
        guard let server = running.withLock(\.self) else { return }
        kill(server.processIdentifier, signal)
    }

    static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(socket, pointer, length) == 0 ? getsockname(socket, pointer, &length) : -1
            }
        }
        try #require(status == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Runs a client while `body` does.
///
/// - Parameter deadline: long, so that a busy machine fails no test that is not about deadlines.
func withClient(
    _ address: RedisAddress,
    deadline: Duration = .seconds(20),
    logger: Logger = .silent,
    waitsForIt: Bool = true,
    _ body: @Sendable (RedisClient) async throws -> Void
) async throws {
    let client = RedisClient(address, deadline: deadline, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        defer { group.cancelAll() }
        if waitsForIt {
            await client.untilReady(atMost: .seconds(10))
            try #require(client.status == .ready)
        }
        try await body(client)
    }
}

/// Waits for a condition, asking often; fails after ten seconds.
func eventually(
    _ what: Comment,
    within limit: Duration = .seconds(10),
    _ condition: () async throws -> Bool,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + limit
    while clock.now < deadline {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    Issue.record(what, sourceLocation: sourceLocation)
    throw CancellationError()
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

func milliseconds(_ body: () async throws -> Void) async rethrows -> Double {
    let start = ContinuousClock.now
    try await body()
    return (ContinuousClock.now - start).inSeconds * 1000
}
