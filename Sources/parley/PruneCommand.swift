import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley prune`
struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Deletes what is older than it is kept; a running gateway does so once a day.",
        discussion: """
            In small batches beside the running gateway. What is still open stays, however old it is: unanswered events, \
            unsettled deliveries. Usage is added up first and stays for good. It can be interrupted and goes on from there. \
            How long what is kept: parley business set ID --keep messages=14.
            """
    )

    @Flag(help: "Count what would go, and delete nothing.") var dryRun = false
    @Option(help: "Only this business's.") var business: ID<Business>?
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await common.run { try await $0.prune(only: business, isDry: dryRun) }
    }
}
