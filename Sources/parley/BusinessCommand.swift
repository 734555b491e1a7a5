import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley business`
struct BusinessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "business",
        abstract: "Creates and shows businesses.",
        subcommands: [Create.self, List.self, Show.self, Set.self, Activate.self, Deactivate.self]
    )

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Creates a business with a default agent, so that a channel connected to it answers at once."
        )

        @Option(help: "The name as its customers know it.") var name: String
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.createBusiness(named: name) } }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists every business.")

        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listBusinesses() } }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a business, its agent and its channels.")

        @Argument(help: "The business's id.") var id: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.showBusiness(id) } }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets what a business may spend, how much a contact may write, and how long things are kept.",
            discussion: """
                A business that has reached a limit is not answered until its next billing period: every conversation hears \
                it once, and messages are kept. What is older than the days to keep is deleted daily, or by parley prune.
                """
        )

        @Argument(help: "The business's id.") var id: ID<Business>
        @Option(help: "Dollars for each billing period, or none.") var monthlyCostLimit: String?
        @Option(help: "Answered messages for each billing period, or none.") var monthlyMessageLimit: String?
        @Option(help: "The day of the month on which its billing period begins, 1 to 31.") var billingDay: Int?
        @Option(help: "Messages of one contact that are answered in a minute, none, or default.")
        var contactLimit: String?
        @Option(
            help: ArgumentHelp(
                "messages, tool-executions, turns, journey, inbox, deliveries, dead-letters or analytics, and days or default; more than once.",
                valueName: "what=days"
            )
        )
        var keep: [String] = []
        @OptionGroup var common: CommonOptions

        func validate() throws {
            let given = [monthlyCostLimit, monthlyMessageLimit, billingDay.map(String.init), contactLimit, keep.first]
            guard given.contains(where: { $0 != nil }) else {
                throw ValidationError(
                    """
                    Say what to change: --monthly-cost-limit, --monthly-message-limit, --billing-day, --contact-limit \
                    or --keep.
                    """
                )
            }
        }

        func run() async throws {
            try await common.run {
                try await $0.setBusiness(
                    id,
                    BusinessChanges(
                        monthlyCostLimit: monthlyCostLimit,
                        monthlyMessageLimit: monthlyMessageLimit,
                        billingDay: billingDay,
                        contactLimit: contactLimit,
                        keep: keep
                    )
                )
            }
        }
    }

    struct Activate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Has a business answered again.")

        @Argument(help: "The business's id.") var id: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.setBusiness(id, active: true) } }
    }

    struct Deactivate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stops answering for a business; nothing is deleted.")

        @Argument(help: "The business's id.") var id: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.setBusiness(id, active: false) } }
    }
}
