import ArgumentParser
import Bench
import ParleyCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `parley bench`
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures this machine's gateway against floors of the same run.",
        discussion: """
            Starts gateways of its own in a folder of their own, posts signed webhooks to them and plays the platform \
            and the model. Use a release build on a machine that does nothing else. What the figures mean and what was \
            measured: docs/performance.md.
            """
    )

    @Option(help: "Seconds of a round.")
    var seconds = 5

    @Option(help: "Rounds that count; one more is run first to warm up.")
    var rounds = 5

    @Option(help: "Keep-alive connections that post webhooks.")
    var connections = 128

    @Option(help: "Where the measured databases go: the file system decides what a commit costs.")
    var data = "./parley-data"

    @Option(help: "Only these: accept, latency, turns, memory; or growth, with --postgres (separated by commas).")
    var only: String?

    @Option(help: "Stored messages of the larger database that growth measures.")
    var messages = 1_000_000

    @Option(help: "A PostgreSQL database (postgres://…) to measure beside SQLite; what is written there stays.")
    var postgres: String?

    /// Which of the processes this is.
    @Option(help: .hidden)
    var role: String?

    @Option(help: .hidden)
    var businesses = 1

    func validate() throws {
        guard (1...600).contains(seconds) else { throw ValidationError("--seconds must be from 1 to 600") }
        guard (1...100).contains(rounds) else { throw ValidationError("--rounds must be from 1 to 100") }
        guard (1...1000).contains(connections) else { throw ValidationError("--connections must be from 1 to 1000") }
        guard (20_000...100_000_000).contains(messages) else {
            throw ValidationError("--messages must be from 20000 to 100000000")
        }
        guard !data.isEmpty else { throw ValidationError("--data must name a folder") }
        _ = try parts()
    }

    func run() async throws {
        if let part = role.flatMap(BenchServer.Part.init(rawValue:)) {
            try await BenchServer.run(part, businesses: businesses) { line in
                print(line)
                fflush(nil)
            }
            return
        }
        if role == nil, let command = Pinning.command(Array(CommandLine.arguments.dropFirst())) {
            // Replaces this process: every thread of the generator is to be on its core.
            var arguments = command.arguments.map { strdup($0) }
            arguments.append(nil)
            execv(command.path, arguments)
        }
        try await Bench.run(
            BenchOptions(
                seconds: seconds,
                rounds: rounds,
                connections: connections,
                folder: data,
                parts: try parts(),
                messages: messages,
                postgres: postgres.map { Secret($0) }
            )
        ) { line in
            print(line)
            fflush(nil)
        }
    }

    private func parts() throws -> [BenchOptions.Part] {
        guard let only else { return BenchOptions.Part.allCases.filter { $0 != .growth } }
        return try only.split(separator: ",").map { name in
            guard let part = BenchOptions.Part(rawValue: String(name)) else {
                throw ValidationError(
                    "--only takes \(BenchOptions.Part.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            return part
        }
    }
}
