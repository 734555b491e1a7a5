import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley flag`
struct FlagCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flag",
        abstract: "Switches things for all, for a channel, for a business, or for a share of the contacts.",
        discussion: """
            model          another model than the agent's: offline, openai:NAME or ollama:NAME
            instructions   other instructions than the agent's: a text, or @FILE
            without_tools  tools that the model is not offered, with commas between them
            typing         on or off: whether people see that somebody is typing

            A business's own flag comes before its channel's, and that before the one for all. A contact keeps its variant \
            for as long as the shares stay as they are.
            """,
        subcommands: [List.self, Set.self, Unset.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the flags.")

        @Option(help: "The business's id: only what holds for it.") var business: ID<Business>?
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listFlags(for: business) } }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets a flag; one of the same name for the same business or channel is replaced.",
            discussion: """
                parley flag set model --variant small=10:openai:gpt-4o-mini --owner ann --business ID
                parley flag set typing --value off --channel slack --owner ops --through 2026-12-31
                """
        )

        @Argument(help: "model, instructions, without_tools or typing.") var name: String
        @Option(help: "What holds for whoever has no variant; none, or nothing, is as without the flag.")
        var value: String?
        @Option(
            help: ArgumentHelp(
                "A share of the contacts, and what holds for it; more than once.",
                valueName: "name=percent:value"
            )
        )
        var variant: [String] = []
        @Option(help: "Only for this business.") var business: ID<Business>?
        @Option(help: "Only for this channel.") var channel: String?
        @Option(help: "Who is asked about it.") var owner: String
        @Option(
            help: ArgumentHelp("The last day on which it holds, in UTC; for good otherwise.", valueName: "YYYY-MM-DD")
        )
        var through: String?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let draft = FlagDraft(
                name,
                business: business,
                channel: channel,
                value: value,
                variants: variant,
                owner: owner,
                through: through
            )
            try await common.run { try await $0.setFlag(draft) }
        }
    }

    struct Unset: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a flag away.")

        @Argument(help: "The flag's name.") var name: String
        @Option(help: "The one for this business.") var business: ID<Business>?
        @Option(help: "The one for this channel.") var channel: String?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await common.run { try await $0.unsetFlag(name, business: business, channel: channel) }
        }
    }
}
