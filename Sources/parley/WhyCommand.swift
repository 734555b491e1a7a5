import ArgumentParser
import ParleyApp

/// `parley why`
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Tells the journey of a message: every step, and the rule that decided it.",
        discussion: "Times are UTC; the last column is milliseconds."
    )

    @Argument(help: "The id of a message, turn or delivery, or the platform's own message id.") var id: String
    @OptionGroup var common: CommonOptions

    func run() async throws { try await common.run { try await $0.why(id) } }
}
