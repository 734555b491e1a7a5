import Foundation
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Synchronization

/// A PostgreSQL server of a test's own, which it may stop.
struct TestServer: Sendable {
    let folder: String

    static func with(_ body: (TestServer) async throws -> Void) async throws {
        let server = TestServer(folder: "/tmp/parley-pg-\(UUID7(at: SystemClock().now))")
        try await server.start()
        do {
            try await body(server)
        } catch {
            try? await server.remove()
            throw error
        }
        try await server.remove()
    }

    var url: String { text("url") }
    var port: Int { Int(text("port")) ?? 0 }

    func start() async throws { try await script("start", folder) }
    func stop(_ mode: String) async throws { try await script("stop", folder, mode) }

    private func remove() async throws {
        try await stop("immediate")
        try FileManager.default.removeItem(atPath: folder)
    }

    private func text(_ name: String) -> String {
        ((try? String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)) ?? "")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func script(_ arguments: String...) async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        try await run(root.appending(path: "scripts/postgres").path, arguments)
    }
}

/// Runs a program and waits for its end.
func run(_ program: String, _ arguments: [String]) async throws {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let status: Int32 = try await withCheckedThrowingContinuation { continuation in
        process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
        do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    guard status == 0 else { throw TestPostgresFailure(description: "\(program) \(arguments) ended with \(status)") }
}

/// The URL with another port.
func url(_ url: String, port: Int) -> String { url.replacing(#/127\.0\.0\.1:\d+/#, with: "127.0.0.1:\(port)") }

func port(of url: String) -> Int { url.firstMatch(of: #/127\.0\.0\.1:(\d+)/#).flatMap { Int($0.1) } ?? 0 }

/// Lends a database behind a proxy.
func withProxiedPostgres(
    migrated: Bool = false,
    _ parameters: String,
    _ body: (PostgresDatabase, TestProxy) async throws -> Void
) async throws {
    try await withTestPostgresURL(migrated: migrated) { direct in
        let proxy = TestProxy(to: port(of: direct))
        defer { proxy.close() }
        let patience = parameters.contains("connect_timeout") ? "" : "&connect_timeout=30"
        let address = url(direct, port: proxy.port) + "?" + parameters + patience
        let database = try await PostgresDatabase.open(url: Secret(address))
        do {
            try await body(database, proxy)
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }
}

/// How long it takes.
func elapsed(_ body: () async throws -> Void) async rethrows -> Duration {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now)
}

/// Looks again and again until it holds.
func becomes(_ what: String, within limit: Duration = .seconds(10), _ holds: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while !(try await holds()) {
        guard ContinuousClock.now < deadline else { throw TestPostgresFailure(description: "never: \(what)") }
        try await Task.sleep(for: .milliseconds(10))
    }
}

extension SQLDatabase {
    func one(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Int64? {
        try await read(.schema) { try await $0.first(sql, parameters)?.optionalInt("n") }
    }
}

/// What several tasks of a test count on together.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}
