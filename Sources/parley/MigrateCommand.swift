import ArgumentParser
import ParleyApp

/// `parley migrate`
struct MigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Brings the database's schema up to date, or back.",
        subcommands: [Up.self, Down.self, Status.self]
    )

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Applies every migration that is missing.")

        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run(migrates: false) { try await $0.migrateUp() } }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes the newest migrations back, with the data in their tables.",
            discussion: "Stop parley serve first, and keep a copy of the database."
        )

        @Option(help: "How many.") var steps = 1
        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard steps >= 1 else { throw ValidationError("--steps must be 1 or more.") }
        }

        func run() async throws { try await common.run(migrates: false) { try await $0.migrateDown(steps: steps) } }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the migrations and whether they are applied.")

        @OptionGroup var common: CommonOptions

        func run() async throws { try await common.run(migrates: false) { try await $0.migrationStatus() } }
    }
}
