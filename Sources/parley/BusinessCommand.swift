import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley business`
struct BusinessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "business",
        abstract: "Creates and shows businesses.",
        subcommands: [Create.self, List.self, Show.self, Activate.self, Deactivate.self]
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
