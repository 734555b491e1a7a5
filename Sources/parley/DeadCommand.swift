import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley dead`
struct DeadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead",
        abstract: "Lists deliveries that were given up, and sends them again.",
        subcommands: [List.self, Show.self, Retry.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists dead deliveries, newest first.")

        @Option(help: "Only this business's.") var business: ID<Business>?
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listDead(of: business) } }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one delivery with its text.")

        @Argument(help: "The delivery's id.") var id: ID<Delivery>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.showDead(id) } }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Puts dead deliveries back on their way.")

        @Argument(help: "The delivery's id.") var id: ID<Delivery>?
        @Flag(help: "Every dead delivery.") var all = false
        @Option(help: "With --all: only this business's.") var business: ID<Business>?
        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard (id != nil) != all else { throw ValidationError("Give a delivery's id, or --all.") }
        }

        func run() async throws {
            try await common.run { operations in
                if let id { return try await operations.retryDead(id) }
                return try await operations.retryEveryDead(of: business)
            }
        }
    }
}
