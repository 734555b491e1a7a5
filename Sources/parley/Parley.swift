import ArgumentParser
import ParleyApp
import ParleyCore

/// The executable. Exit codes: 0 done, 1 failed, 2 wrong usage.
@main
struct Parley: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parley",
        abstract: "A gateway between messaging platforms and language models.",
        discussion: """
            Settings come from the environment (PARLEY_DATABASE_URL, PARLEY_PUBLIC_URL, PARLEY_MODEL, …) or from a \
            YAML or JSON file (--config). Start with `parley demo`: no account, no key.
            """,
        version: "parley \(Release.version)",
        subcommands: [ServeCommand.self, DemoCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Setting up",
                subcommands: [
                    BusinessCommand.self, ChannelCommand.self, AgentCommand.self, ToolCommand.self,
                    IntegrationCommand.self, KnowledgeCommand.self,
                ]
            ),
            CommandGroup(
                name: "Looking after it",
                subcommands: [
                    DoctorCommand.self, WhyCommand.self, DeadCommand.self, UsageCommand.self, ExportCommand.self,
                    FlagCommand.self, PruneCommand.self, MigrateCommand.self, KeysCommand.self,
                ]
            ),
            CommandGroup(name: "Trying things out", subcommands: [EmulateCommand.self, BenchCommand.self]),
        ]
    )

    static func main() async {
        Output.writeWholeLines()
        do {
            var command = try await asyncParseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Output.end(error)
        }
    }
}

/// What every command but the servers takes.
struct CommonOptions: ParsableArguments {
    @Option(name: .customLong("config"), help: "A YAML or JSON file with settings; the environment wins.")
    var configFile: String?

    @Flag(help: "Print JSON, for programs.")
    var json = false

    /// Does one piece of work on the database and prints what came of it.
    func run(migrates: Bool = true, _ body: (Operations) async throws -> Report) async throws {
        try Output.print(try await Operations.run(configFile: configFile, migrates: migrates, body), json: json)
    }
}
