import ArgumentParser
import ParleyApp

/// `parley demo`
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Runs everything on this machine: gateway, emulated platforms, playground. No account, no key.",
        discussion: """
            Bob's Electronics, a demo business with a small shop, answers on four emulated platforms. Open the \
            playground's address in a browser. demo.json in the data folder tells outside programs how to sign and \
            post webhooks.
            """
    )

    @Option(help: "The gateway's port; the emulated platforms take the next one.")
    var port = 8080

    @Option(help: "Where the database, the master key and demo.json go.")
    var data = "./parley-data/demo"

    @Option(name: .customLong("config"), help: "A YAML or JSON file with settings; the environment wins.")
    var configFile: String?

    func validate() throws {
        guard (1...65_534).contains(port) else { throw ValidationError("--port must be from 1 to 65534") }
        guard !data.isEmpty else { throw ValidationError("--data must name a folder") }
    }

    func run() async throws {
        var settings = try await ParleySettings.read(file: configFile)
        settings.port = port
        try await Serving.demo(settings, folder: data) { addresses in
            print(
                """

                  Parley is running.

                  Playground   \(addresses.playground)
                  Platforms    \(addresses.emulator) (emulated)
                  For programs \(addresses.file)

                  Press Ctrl-C to stop.

                """
            )
        }
    }
}
