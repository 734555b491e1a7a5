import ArgumentParser
import ParleyApp

/// `parley serve`
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the gateway.",
        discussion: """
            Listens on PARLEY_HTTP_HOST:PARLEY_HTTP_PORT (127.0.0.1:8080) until SIGTERM or SIGINT. The database is \
            brought up to date first. Put it behind a proxy that terminates TLS, and set PARLEY_PUBLIC_URL to the \
            address under which the platforms reach it.
            """
    )

    @Option(name: .customLong("config"), help: "A YAML or JSON file with settings; the environment wins.")
    var configFile: String?

    func run() async throws {
        let settings = try await ParleySettings.read(file: configFile)
        try await Serving.serve(settings) { port in
            print("parley is listening on http://\(settings.host):\(port)")
        }
    }
}
