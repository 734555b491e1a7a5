import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import ParleyCore

/// What `parley bench` is asked for.
package struct BenchOptions: Sendable {
    package enum Part: String, Sendable, CaseIterable {
        case accept, latency, turns, memory
        /// Only when it is asked for: it fills a PostgreSQL database with a million messages.
        case growth
    }

    /// Of one round.
    package var seconds: Int
    package var rounds: Int
    /// Keep-alive connections that post webhooks, each waiting for its answer.
    package var connections: Int
    /// Where the measured databases go; the folder is removed afterwards.
    package var folder: String
    package var parts: [Part]
    /// Of the larger database of ``Part/growth``.
    package var messages: Int
    /// A PostgreSQL database that is measured beside SQLite; what the benchmark writes there stays.
    package var postgres: Secret<String>?

    package init(
        seconds: Int,
        rounds: Int,
        connections: Int,
        folder: String,
        parts: [Part],
        messages: Int = 1_000_000,
        postgres: Secret<String>? = nil
    ) {
        self.connections = connections
        self.postgres = postgres
        self.messages = messages
        self.seconds = seconds
        self.rounds = rounds
        self.folder = folder
        self.parts = parts
    }
}

/// Measures the gateway against floors of the same run: every result is a ratio, a share or a difference to something
/// that was measured beside it. Generator and mocks run on one core, the measured process on another.
package enum Bench {
    /// Runs as the generator, and says each result as soon as there is one.
    package static func run(_ options: BenchOptions, say: @escaping @Sendable (String) -> Void) async throws {
        var bed = try Bed(options)
        do {
            say(bed.description)
            try await run(options, bed, say)
            if options.parts.contains(.memory) { try await MemoryBench(bed: bed, say: say).run() }
            if let postgres = options.postgres {
                bed.postgres = postgres
                say("\n── The same on PostgreSQL ──")
                try await run(options, bed, say)
                if options.parts.contains(.growth) { try await GrowthBench(options: options, bed: bed, say: say).run() }
            }
            await bed.close()
        } catch {
            await bed.close()
            throw error
        }
    }
}

extension Bench {
    private static func run(
        _ options: BenchOptions,
        _ bed: Bed,
        _ say: @escaping @Sendable (String) -> Void
    ) async throws {
        if options.parts.contains(.accept) { try await AcceptBench(options: options, bed: bed, say: say).run() }
        if options.parts.contains(.latency) { try await LatencyBench(options: options, bed: bed, say: say).run() }
        if options.parts.contains(.turns) { try await TurnBench(options: options, bed: bed, say: say).run() }
    }
}

/// What all measurements share.
struct Bed: Sendable {
    /// The database of the measured processes; nil gives each a SQLite file of its own.
    var postgres: Secret<String>?
    let folder: String
    let binary: String
    let pinning: Pinning
    let client: HTTPClient
    let loops: MultiThreadedEventLoopGroup

    init(_ options: BenchOptions) throws {
        folder = options.folder + "/bench-" + UUID7(at: SystemClock().now).description
        binary = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        pinning = Pinning.current
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        loops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        client = HTTPClient(eventLoopGroup: loops)
    }

    func close() async {
        try? await client.shutdown()
        try? await loops.shutdownGracefully()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var description: String {
        """
        Machine      \(Machine.model), \(Machine.cores) cores, load \(Machine.load) at the start
        Pinning      \(pinning.description)
        Database     SQLite, synchronous=FULL, in \(folder)
        """
    }
}

/// The generator on one core, what is measured on another.
package enum Pinning: Sendable {
    case pinned
    case unpinned

    private static let taskset = "/usr/bin/taskset"

    /// What to execute instead of this process, for it to run on the generator's core; nil when that is done, or when
    /// this machine cannot.
    package static func command(_ arguments: [String]) -> (path: String, arguments: [String])? {
        guard current == .unpinned, Machine.cores >= 2, FileManager.default.isExecutableFile(atPath: taskset),
            let binary = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        else { return nil }
        return (taskset, ["taskset", "-c", "1", binary] + arguments + ["--role", "generator"])
    }

    /// Told by the kernel: whether this process may run on one core alone.
    static var current: Pinning {
        let lines = (Machine.read("/proc/self/status") ?? "").split(separator: "\n")
        let allowed = lines.first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: "\t").last
        return allowed == "1" ? .pinned : .unpinned
    }

    var serverPrefix: [String] { self == .pinned ? [Pinning.taskset, "-c", "0"] : [] }

    var description: String {
        switch self {
        case .pinned: "measured process on core 0; generator and mocks on core 1"
        case .unpinned: "none (taskset or a second core is missing): rates compete with their generator"
        }
    }
}
