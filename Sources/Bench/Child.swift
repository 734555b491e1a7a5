import AsyncHTTPClient
import Foundation
import NIOCore
import ParleyCore
import Synchronization

/// A measured process, on the first core.
final class Child: Sendable {
    let pid: Int32
    let port: Int
    /// The webhook paths of its integrations.
    let paths: [String]
    private let process: Process
    private let input: Pipe
    private let folder: String
    private let earlierRows: Mutex<JSON>

    /// Starts `parley bench --role server`.
    static func server(
        _ part: BenchServer.Part,
        businesses: Int,
        settings: [String: String],
        _ bed: Bed
    ) async throws -> Child {
        let child = try await Child(
            ["bench", "--role", part.rawValue, "--businesses", String(businesses)],
            settings,
            bed
        )
        let rows = try await child.rows(bed)
        child.earlierRows.withLock { $0 = rows }
        return child
    }

    /// Starts `parley serve`, as an operator does.
    static func serve(_ bed: Bed) async throws -> Child { try await Child(["serve"], [:], bed) }

    private init(_ arguments: [String], _ settings: [String: String], _ bed: Bed) async throws {
        folder = bed.folder + "/" + UUID7(at: SystemClock().now).description
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let outputPath = folder + "/output"
        _ = FileManager.default.createFile(atPath: outputPath, contents: nil)
        let process = Process()
        let command = bed.pinning.serverPrefix + [bed.binary] + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PARLEY_") }
        environment["PARLEY_DATABASE_URL"] = "sqlite:\(folder)/parley.sqlite"
        environment["PARLEY_HTTP_PORT"] = "0"
        environment["PARLEY_LOG_LEVEL"] = "warning"
        if let postgres = bed.postgres {
            environment["PARLEY_DATABASE_URL"] = postgres.reveal { $0 }
            environment["PARLEY_MASTER_KEY"] = String(repeating: "5a", count: 32)
        }
        environment.merge(settings) { _, new in new }
        process.environment = environment
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
        try process.run()
        pid = process.processIdentifier
        earlierRows = Mutex([:])
        self.process = process
        self.input = input
        var line: String?
        for _ in 0..<1000 where line == nil && process.isRunning {
            try await Task.sleep(for: .milliseconds(10))
            line = Machine.read(outputPath).flatMap { $0.contains("\n") ? $0 : nil }
        }
        guard let line else {
            process.terminate()
            throw BenchError("the measured process did not start; its errors are above")
        }
        let json = try? JSON(parsing: line.trimmed)
        port = json?["port"]?.int.map { Int($0) } ?? Int(line.trimmed.split(separator: ":").last ?? "") ?? 0
        paths = (json?["integrations"]?.array ?? []).compactMap { $0.string.map { "/webhooks/slack/\($0)" } }
    }

    var cpuSeconds: Double { Machine.cpuSeconds(of: pid) }
    var residentBytes: Int { Machine.residentBytes(of: pid) }

    /// Counts of the rows that it has written, straight from its database.
    func rows(_ bed: Bed) async throws -> JSON {
        let all = try JSON(parsing: try await get("/bench/rows", bed))
        let earlier = earlierRows.withLock { $0 }
        var written = JSONObject()
        for member in all.object?.members ?? [] {
            written[member.key] = .integer((member.value.int ?? 0) - (earlier[member.key]?.int ?? 0))
        }
        return .object(written)
    }

    /// One of its own metrics, without labels.
    func metric(_ name: String, _ bed: Bed) async throws -> Double {
        for line in try await get("/metrics", bed).split(separator: "\n") where line.hasPrefix(name + " ") {
            return Double(line.dropFirst(name.count + 1)) ?? 0
        }
        return 0
    }

    private func get(_ path: String, _ bed: Bed) async throws -> String {
        let response = try await bed.client.get(url: "http://127.0.0.1:\(port)\(path)").get()
        return response.body.map { String(buffer: $0) } ?? ""
    }

    /// Ends it in order, and removes what it wrote.
    func end() async {
        try? input.fileHandleForWriting.close()
        if paths.isEmpty { process.terminate() }
        for _ in 0..<1500 where process.isRunning { try? await Task.sleep(for: .milliseconds(10)) }
        if process.isRunning { process.terminate() }
        try? FileManager.default.removeItem(atPath: folder)
    }
}

package struct BenchError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
