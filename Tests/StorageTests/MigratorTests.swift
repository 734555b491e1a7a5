import FoundationEssentials
import Migrations
import ParleyCore
import ParleyTesting
import Storage
import StorageSQLite
import Testing

@Suite struct MigratorTests {
    private static func migration(_ version: String, _ up: String, _ down: String = "") throws -> Migration {
        try Migration(fileName: "\(version)_test.sql", text: "-- A test.\n\n-- up\n\(up)\n\n-- down\n\(down)\n")
    }

    private func withEmptyDatabase(_ body: (SQLiteDatabase) async throws -> Void) async throws {
        try await withTestFolder { folder in
            let database = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            defer { database.close() }
            try await body(database)
        }
    }

    @Test func `every file of the folder is embedded`() throws {
        let folder = Self.repository + "/db/migrations"
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".sql") }.sorted()
        #expect(MigrationFiles.all.map(\.name).sorted() == files)
        for file in MigrationFiles.all {
            #expect(try file.text == String(contentsOfFile: "\(folder)/\(file.name)", encoding: .utf8))
        }
    }

    @Test func `up, down to nothing, and up again give the same schema`() async throws {
        try await withEmptyDatabase { database in
            let migrator = try Migrator(database)
            let applied = try await migrator.up()
            #expect(applied.map(\.version) == applied.map(\.version).sorted())
            let schema = try await Self.schema(of: database)
            #expect(try await migrator.up().isEmpty)
            #expect(try await migrator.down(applied.count + 5).map(\.version) == applied.map(\.version).reversed())
            let left = try await Self.schema(of: database)
            #expect(left.contains("CREATE TABLE migrations") && !left.contains("businesses"))
            #expect(try await migrator.up().count == applied.count)
            #expect(try await Self.schema(of: database) == schema)
        }
    }

    @Test func `each migration goes up and down on its own`() async throws {
        try await withEmptyDatabase { database in
            let all = try Migration.embedded(for: .sqlite)
            for count in 1...all.count {
                let migrator = try Migrator(database, migrations: Array(all.prefix(count)))
                let before = try await Self.schema(of: database)
                #expect(try await migrator.up().count == 1)
                let after = try await Self.schema(of: database)
                #expect(try await migrator.down(1).count == 1)
                if count > 1 { #expect(try await Self.schema(of: database) == before) }
                #expect(try await migrator.up().count == 1)
                #expect(try await Self.schema(of: database) == after)
            }
        }
    }

    @Test func `many at once apply each migration once`() async throws {
        try await withEmptyDatabase { database in
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 { group.addTask { try await Migrator(database).up().count } }
                return try await group.reduce(0, +)
            }
            #expect(try applied == Migration.embedded(for: .sqlite).count)
        }
    }

    @Test func `the status tells what is applied and when`() async throws {
        try await withEmptyDatabase { database in
            let clock = ManualClock()
            let one = try Self.migration("20260101000000", "CREATE TABLE one (x INTEGER);", "DROP TABLE one;")
            let two = try Self.migration("20260102000000", "CREATE TABLE two (x INTEGER);", "DROP TABLE two;")
            try await Migrator(database, clock: clock, migrations: [one]).up()
            let status = try await Migrator(database, clock: clock, migrations: [one, two]).status()
            #expect(status.map(\.version) == ["20260101000000", "20260102000000"])
            #expect(status.map(\.appliedAt) == [clock.now, nil])
            #expect(status.allSatisfy { $0.isKnown && !$0.isEdited && $0.name == "test" })
        }
    }

    @Test func `an edited migration is refused`() async throws {
        try await withEmptyDatabase { database in
            let one = try Self.migration("20260101000000", "CREATE TABLE one (x INTEGER);", "DROP TABLE one;")
            let edited = try Self.migration("20260101000000", "CREATE TABLE one (x TEXT);", "DROP TABLE one;")
            try await Migrator(database, migrations: [one]).up()
            let migrator = try Migrator(database, migrations: [edited])
            await #expect(throws: MigrationError.edited("20260101000000_test")) { try await migrator.up() }
            await #expect(throws: MigrationError.edited("20260101000000_test")) { try await migrator.down(1) }
            #expect(try await migrator.status().map(\.isEdited) == [true])
            #expect(MigrationError.edited("x").description.contains("has been edited after it landed"))
        }
    }

    @Test func `a database that a newer parley has migrated is refused`() async throws {
        try await withEmptyDatabase { database in
            let one = try Self.migration("20260101000000", "CREATE TABLE one (x INTEGER);", "DROP TABLE one;")
            let two = try Self.migration("20260102000000", "CREATE TABLE two (x INTEGER);", "DROP TABLE two;")
            try await Migrator(database, migrations: [one, two]).up()
            let older = try Migrator(database, migrations: [one])
            await #expect(throws: MigrationError.unknown("20260102000000_test")) { try await older.up() }
            await #expect(throws: MigrationError.unknown("20260102000000_test")) { try await older.down(1) }
            #expect(try await older.status().map(\.isKnown) == [true, false])
        }
    }

    @Test func `a migration that fails leaves nothing and is named`() async throws {
        try await withEmptyDatabase { database in
            let good = try Self.migration("20260101000000", "CREATE TABLE good (x INTEGER);", "DROP TABLE good;")
            let bad = try Self.migration(
                "20260102000000",
                "CREATE TABLE half (x INTEGER); INSERT INTO nowhere VALUES (1);"
            )
            do {
                try await Migrator(database, migrations: [good, bad]).up()
                Issue.record("it was applied")
            } catch MigrationError.failed(let name, _) {
                #expect(name == "20260102000000_test")
            }
            let schema = try await Self.schema(of: database)
            #expect(schema.contains("good") && !schema.contains("half"))
        }
    }

    @Test(arguments: [
        ("CREATE TABLE a (x INTEGER); CREATE TABLE b (y INTEGER);", 2), ("", 0), (" ;; -- nothing;\n/* ; */", 0),
        ("INSERT INTO a VALUES ('x;y''; z'); SELECT 1", 2), ("SELECT \"odd;name\" FROM a -- tail; of it\n;", 1),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT CASE WHEN 1 THEN 2 END; END; SELECT 1;", 2),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$; SELECT 1;", 2),
        ("CREATE FUNCTION f() RETURNS int AS $body$ BEGIN; $$ ; END $body$; SELECT $1;", 2),
        ("CREATE VIEW v AS SELECT CASE x WHEN 1 THEN 2 END FROM a; SELECT 1;", 2), ("SELECT 'unclosed; ", 1),
    ])
    func `scripts are split where statements end`(_ script: String, _ count: Int) {
        #expect(Migration.statements(in: script).count == count)
    }

    @Test(arguments: [
        "x.sql", "2026_x.sql", "20260101000000.sql", "20260101000000_.sql", "2026010100000x_test.sql",
    ])
    func `a wrong name is refused`(_ name: String) {
        #expect(throws: MigrationError.malformed(name)) { _ = try Migration(fileName: name, text: "-- up\n-- down\n") }
    }

    @Test(arguments: ["", "-- up\n", "-- down\n-- up\n", "up\ndown"])
    func `a file without both parts is refused`(_ text: String) {
        #expect(throws: MigrationError.malformed("20260101000000_x.sql")) {
            _ = try Migration(fileName: "20260101000000_x.sql", text: text)
        }
    }

    /// After a new migration: `PARLEY_REWRITE_SCHEMA=1 swift test --filter MigratorTests`.
    @Test func `the golden schema is what the migrations make`() async throws {
        try await withTestDatabase { database in
            let path = Self.repository + "/db/schema.sqlite.sql"
            let schema = try await Self.schema(of: database)
            if ProcessInfo.processInfo.environment["PARLEY_REWRITE_SCHEMA"] != nil {
                try schema.write(toFile: path, atomically: true, encoding: .utf8)
            }
            #expect(try schema == String(contentsOfFile: path, encoding: .utf8))
        }
    }

    private static let repository = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    /// The statements that would make the schema, without what full-text search makes for itself.
    private static func schema(of database: SQLiteDatabase) async throws -> String {
        let rows = try await database.read(.schema) { connection in
            try await connection.query(
                """
                SELECT sql FROM sqlite_master
                WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND name NOT LIKE 'knowledge!_search!_%'
                    ESCAPE '!'
                ORDER BY tbl_name, type DESC, name
                """
            )
        }
        return try "-- What the migrations make. Written by a test, not by hand; see README.md.\n\n"
            + rows.map { try $0.text("sql") + ";\n" }.joined(separator: "\n")
    }
}
