import FoundationEssentials
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresMigratorTests {
    private static func migration(_ version: String, _ up: String, _ down: String = "") throws -> Migration {
        try Migration(fileName: "\(version)_test.sql", text: "-- A test.\n\n-- up\n\(up)\n\n-- down\n\(down)\n")
    }

    @Test func `up, down to nothing, and up again give the same schema`() async throws {
        try await withTestPostgres(migrated: false) { database in
            let migrator = try Migrator(database)
            let applied = try await migrator.up()
            #expect(applied.map(\.version) == applied.map(\.version).sorted())
            let schema = try await PostgresSchema.dump(database)
            #expect(try await migrator.up().isEmpty)
            #expect(try await migrator.down(applied.count + 5).map(\.version) == applied.map(\.version).reversed())
            // The roles are the server's, and stay.
            #expect(try await PostgresSchema.names(database) == ["table migrations"])
            #expect(try await migrator.up().count == applied.count)
            #expect(try await PostgresSchema.dump(database) == schema)
        }
    }

    @Test func `each migration goes up and down on its own`() async throws {
        try await withTestPostgres(migrated: false) { database in
            let all = try Migration.embedded(for: .postgres)
            for count in 1...all.count {
                let migrator = try Migrator(database, migrations: Array(all.prefix(count)))
                let before = try await PostgresSchema.dump(database)
                #expect(try await migrator.up().count == 1)
                let after = try await PostgresSchema.dump(database)
                #expect(try await migrator.down(1).count == 1)
                if count > 1 { #expect(try await PostgresSchema.dump(database) == before) }
                #expect(try await migrator.up().count == 1)
                #expect(try await PostgresSchema.dump(database) == after)
            }
        }
    }

    @Test func `databases of a new server that are migrated at once share its roles`() async throws {
        try await TestServer.with { server in
            try await TestPostgres.run("CREATE DATABASE other", at: server.url)
            let first = try await PostgresDatabase.open(url: Secret(server.url))
            let other = try await PostgresDatabase.open(url: Secret(TestPostgres.url(server.url, database: "other")))
            let waiting =
                "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = 'other' AND wait_event_type = 'Lock'"
            try await TestPostgres.run("CREATE ROLE parley_business NOLOGIN", at: server.url)
            let (taken, taking) = AsyncStream.makeStream(of: Void.self)
            let (end, ending) = AsyncStream.makeStream(of: Void.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await first.transaction(.schema) { connection in
                        try await connection.execute("GRANT parley_business TO CURRENT_USER")
                        taking.yield()
                        for await _ in end { break }
                    }
                }
                for await _ in taken { break }
                // Whoever migrates the first database has just taken a role, and is not done yet.
                group.addTask {
                    let applied = try await Migrator(other).up()
                    #expect(!applied.isEmpty)
                }
                try await becomes("the other one waits for that") { try await first.one(waiting) == 1 }
                ending.yield()
                try await group.waitForAll()
            }
            await first.close()
            await other.close()
        }
    }

    @Test func `nodes that start together apply each migration once`() async throws {
        try await withTestPostgresURL(migrated: false) { url in
            let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        let node = try await PostgresDatabase.open(url: Secret(url))
                        let mine = try await Migrator(node).up()
                        await node.close()
                        return mine.map(\.version)
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(try applied.sorted() == Migration.embedded(for: .postgres).map(\.version))
        }
    }

    @Test func `an edited migration is refused`() async throws {
        try await withTestPostgres(migrated: false) { database in
            let one = try Self.migration("20260101000000", "CREATE TABLE one (x bigint);", "DROP TABLE one;")
            let edited = try Self.migration("20260101000000", "CREATE TABLE one (x text);", "DROP TABLE one;")
            try await Migrator(database, migrations: [one]).up()
            let migrator = try Migrator(database, migrations: [edited])
            await #expect(throws: MigrationError.edited("20260101000000_test")) { try await migrator.up() }
            await #expect(throws: MigrationError.edited("20260101000000_test")) { try await migrator.down(1) }
            #expect(try await migrator.status().map(\.isEdited) == [true])
        }
    }

    @Test func `a migration that fails leaves nothing and is named`() async throws {
        try await withTestPostgres(migrated: false) { database in
            let bad = try Self.migration(
                "20260101000000",
                "CREATE TABLE half (x bigint); INSERT INTO nowhere VALUES (1);"
            )
            do {
                try await Migrator(database, migrations: [bad]).up()
                Issue.record("it was applied")
            } catch MigrationError.failed(let name, _) {
                #expect(name == "20260101000000_test")
            }
            #expect(try await PostgresSchema.names(database) == ["table migrations"])
        }
    }

    /// After a new migration: `PARLEY_REWRITE_SCHEMA=1 scripts/services swift test --filter MigratorTests`.
    @Test func `the golden schema is what the migrations make`() async throws {
        try await withTestPostgres { database in
            let path = Self.repository + "/db/schema.postgres.sql"
            let schema =
                try await "-- What the migrations make. Written by a test, not by hand; see README.md.\n\n"
                + PostgresSchema.dump(database)
            if ProcessInfo.processInfo.environment["PARLEY_REWRITE_SCHEMA"] != nil {
                try schema.write(toFile: path, atomically: true, encoding: .utf8)
            }
            #expect(try schema == String(contentsOfFile: path, encoding: .utf8))
        }
    }

    private static let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")
}
