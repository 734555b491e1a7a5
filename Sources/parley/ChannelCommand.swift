import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley channel`
struct ChannelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "channel",
        abstract: "Connects bots on messaging platforms to businesses.",
        subcommands: [Connect.self, List.self, Test.self, Disable.self, Enable.self]
    )

    struct Connect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tries a bot's credentials on its platform and stores them encrypted.",
            discussion: """
                The credentials are one JSON object:
                  slack     bot_token, signing_secret
                  telegram  bot_token (the webhook secret is generated)
                  discord   application_id, public_key, bot_token
                  whatsapp  phone_number_id, access_token, app_secret, verify_token
                channels/<Name>/README.md says where to find each of them.
                """
        )

        @Argument(help: "slack, telegram, discord or whatsapp.") var channel: String
        @Option(help: "The business's id.") var business: ID<Business>
        @Option(help: ArgumentHelp("A JSON file, or - for standard input.", valueName: "file|-")) var credentials:
            String
        @Option(help: "What to call it; the bot's own name otherwise.") var name: String?
        @Option(help: "A channel integration's id: it gets these credentials and keeps its webhook's address.")
        var replace: ID<Integration>?
        @Flag(help: "Store the credentials without trying them.") var skipCheck = false
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await common.run {
                try await $0.connectChannel(
                    ChannelID(channel.lowercased()),
                    of: business,
                    credentials: InputFile(credentials),
                    name: name,
                    replacing: replace,
                    skipsCheck: skipCheck
                )
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the connected channels.")

        @Option(help: "Only this business's.") var business: ID<Business>?
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listChannels(of: business) } }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tries stored credentials again, and tells the platform where to post.",
            discussion: "The webhook is only registered again when PARLEY_PUBLIC_URL is set and the channel is enabled."
        )

        @Argument(help: "The channel integration's id.") var id: ID<Integration>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.testChannel(id) } }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Closes a channel's route; it sends nothing any more."
        )

        @Argument(help: "The channel integration's id.") var id: ID<Integration>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.setChannel(id, enabled: false) } }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Opens a channel's route again.")

        @Argument(help: "The channel integration's id.") var id: ID<Integration>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.setChannel(id, enabled: true) } }
    }
}
