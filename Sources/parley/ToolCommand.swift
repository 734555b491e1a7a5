import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley tool`
struct ToolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tool",
        abstract: "Decides which tools a business's agent may call.",
        subcommands: [List.self, Enable.self, Disable.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tools, enabled or not.")

        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listTools(of: business) } }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Gives a tool to a business and its agent.")

        @Argument(help: "The tool's name.") var name: String
        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.setTool(name, enabled: true, of: business) } }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a tool from a business.")

        @Argument(help: "The tool's name.") var name: String
        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.setTool(name, enabled: false, of: business) } }
    }
}
