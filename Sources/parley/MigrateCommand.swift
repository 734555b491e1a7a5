import ArgumentParser
import ParleyApp

/// `parley migrate`
struct MigrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Brings the database's schema up to date, or back; copies it to another.",
        subcommands: [Up.self, Down.self, Status.self, Copy.self]
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

    struct Copy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copies everything into another, empty database, of the same engine or not.",
            discussion: """
                Stop parley serve first. The source stays as it is; the target gets all of it or nothing. Row counts and \
                checksums of both sides are compared at the end. The master key is not in the database: keep it.

                  parley migrate copy --from sqlite:./parley-data/parley.sqlite --to postgres://parley@db/parley
                """
        )

        @Option(help: "The URL of the database to copy.") var from: String
        @Option(help: "The URL of the database to copy into; without it PARLEY_DATABASE_URL.") var to: String?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let report = try await Operations.copyDatabase(configFile: common.configFile, from: from, to: to)
            try Output.print(report, json: common.json)
        }
    }
}
