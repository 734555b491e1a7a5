import ArgumentParser
import ParleyApp

/// `parley keys`
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Shows and changes the master key under which secrets are stored.",
        subcommands: [List.self, Rotate.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the master keys by their ids, and how many businesses are under each."
        )

        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listKeys() } }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts every stored secret under the current master key.",
            discussion: """
                Every node must have the new key before: as PARLEY_MASTER_KEY, and the old one in \
                PARLEY_OTHER_MASTER_KEYS. One business at a time, each in a transaction of its own, beside the running \
                gateway. It can be interrupted and goes on from there. When nothing remains under an old key, that key \
                may be taken away.
                """
        )

        @Flag(help: "Count what would be done, and change nothing.") var dryRun = false
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.rotateKeys(isDry: dryRun) } }
    }
}
