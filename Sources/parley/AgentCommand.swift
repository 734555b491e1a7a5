import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley agent`
struct AgentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Shows and changes how a business's agent answers.",
        subcommands: [Show.self, Set.self]
    )

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the default agent of a business.")

        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.showAgent(of: business) } }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes the default agent of a business.")

        @Option(help: "The business's id.") var business: ID<Business>
        @Option(help: ArgumentHelp("A text file, or - for standard input.", valueName: "file|-")) var instructions:
            String?
        @Option(help: "offline, openai:NAME or ollama:NAME; default goes back to the configured one.")
        var model: String?
        @Option(help: "How long to wait for more after a message, 0 to 60000.") var debounceMs: Int?
        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard instructions != nil || model != nil || debounceMs != nil else {
                throw ValidationError("Say what to change: --instructions, --model or --debounce-ms.")
            }
            guard (0...60_000).contains(debounceMs ?? 0) else {
                throw ValidationError("--debounce-ms must be from 0 to 60000.")
            }
        }

        func run() async throws {
            try await common.run {
                try await $0.setAgent(
                    of: business,
                    instructions: instructions.map { InputFile($0) },
                    model: model,
                    debounceMilliseconds: debounceMs
                )
            }
        }
    }
}
