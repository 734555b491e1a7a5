import ArgumentParser
import ParleyApp
import ParleyCore

/// `parley knowledge`
struct KnowledgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "knowledge",
        abstract: "Imports and searches what a business has answered beforehand.",
        subcommands: [Import.self, List.self, Search.self]
    )

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Imports questions and answers, all of a file or nothing.",
            discussion: """
                CSV whose first line is question,answer or question,answer,keywords,intent; or a JSON array of objects \
                with these members; or one such object a line. An entry whose question is there already is replaced.
                """
        )

        @Argument(help: ArgumentHelp("A CSV, JSON or JSON Lines file, or -.", valueName: "file|-")) var file: String
        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.importKnowledge(InputFile(file), of: business) } }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists every entry.")

        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.listKnowledge(of: business) } }
    }

    struct Search: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows which entries a question finds, best first.")

        @Argument(help: "The question as a customer would ask it.") var text: String
        @Option(help: "The business's id.") var business: ID<Business>
        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run { try await $0.searchKnowledge(text, of: business) } }
    }
}
