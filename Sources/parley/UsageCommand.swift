import ArgumentParser
import ParleyApp
import ParleyCore

extension UsageOrder: ExpressibleByArgument {}

/// `parley usage`
struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Shows what was spent, and what models cost.",
        subcommands: [Show.self, Top.self, Prices.self]
    )

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what a business spent in a billing period, model by model.",
            discussion: "Day by day it comes with: parley export usage. Limits are set with: parley business set."
        )

        @Option(help: "The business's id.") var business: ID<Business>
        @Option(
            help: ArgumentHelp("The period that begins in this month; the present one otherwise.", valueName: "YYYY-MM")
        )
        var period: String?
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.showUsage(of: business, month: period) } }
    }

    struct Top: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the businesses that spent most.")

        @Option(help: "cost or messages.") var by: UsageOrder = .cost
        @Option(help: ArgumentHelp("A calendar month; the present one otherwise.", valueName: "YYYY-MM"))
        var period: String?
        @Option(help: ArgumentHelp("From this day on, in UTC.", valueName: "YYYY-MM-DD")) var from: String?
        @Option(help: ArgumentHelp("Through this day.", valueName: "YYYY-MM-DD")) var through: String?
        @Option(help: "How many, 1 to 10000.") var limit = 10
        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard (1...10_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 10000.") }
            guard period == nil || (from == nil && through == nil) else {
                throw ValidationError("Give --period, or --from and --through.")
            }
        }

        func run() async throws {
            try await common.run {
                try await $0.topUsage(by: by, month: period, from: from, through: through, upTo: limit)
            }
        }
    }

    struct Prices: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists and sets what models cost.",
            discussion: """
                The prices that come with Parley are examples; one that you set wins over all of them. A turn's cost is \
                worked out when it is recorded: of a model without a price it is unknown, and said to be.
                """,
            subcommands: [List.self, Set.self],
            defaultSubcommand: List.self
        )

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Lists prices, in dollars per million tokens.")

            @OptionGroup var common: CommonOptions

            func run() async throws { try await common.run { try await $0.listPrices() } }
        }

        struct Set: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Sets what a model costs, in dollars per million tokens."
            )

            @Argument(
                help:
                    "The model's name as its provider answers with it; its dated editions are included. Or the beginning of names with a star: 'llama3*'."
            )
            var model: String
            @Option(help: "Dollars for a million prompt tokens.") var input: String
            @Option(help: "Dollars for a million tokens of the answer.") var output: String
            @Option(help: "Dollars for a million prompt tokens from the provider's cache; --input's otherwise.")
            var cached: String?
            @Option(help: ArgumentHelp("From this day on, in UTC; from now on otherwise.", valueName: "YYYY-MM-DD"))
            var from: String?
            @Option(help: "Where the figures are from.") var note = ""
            @OptionGroup var common: CommonOptions

            func run() async throws {
                try await common.run {
                    try await $0.setPrice(
                        of: model,
                        input: input,
                        output: output,
                        cached: cached,
                        from: from,
                        note: note
                    )
                }
            }
        }
    }
}
