import ArgumentParser
import ParleyApp

extension ChaosLevel: ExpressibleByArgument {}

/// `parley emulate`
struct EmulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emulate",
        abstract: "Runs the emulated platforms, model and shop alone, for tests and bug reports."
    )

    @Option(help: "The port; 0 lets the system choose.") var port = 8081
    @Option(help: "The same seed and the same calls give the same credentials, ids and faults.") var seed: UInt64 = 1
    @Option(help: "How much goes wrong: none, light or heavy.") var chaos = ChaosLevel.none
    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port must be from 0 to 65535.") }
    }

    func run() async throws {
        let settings = try await ParleySettings.read(file: common.configFile)
        let json = common.json
        try await Emulating.run(port: port, seed: seed, chaos: chaos, logger: Operations.logger(settings)) { report in
            try? Output.print(report, json: json)
        }
    }
}
