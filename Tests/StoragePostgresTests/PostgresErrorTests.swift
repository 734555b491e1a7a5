import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// Every error is told by its kind, and none tells data.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresErrorTests {
    /// A function that fails with any code, quoting a secret as PostgreSQL's own messages quote values.
    private static let failing = """
        CREATE FUNCTION fail(code text) RETURNS bigint LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'a very-secret value' USING ERRCODE = code, DETAIL = 'very-secret', HINT = 'very-secret'; END $$
        """

    @Test func `codes become what the house knows`() async throws {
        let expected: [(String, SQLError)] = [
            ("55P03", .busy), ("57014", .busy), ("40001", .busy), ("40P01", .busy),
            ("25006", .cannotWrite("the server or the transaction is read-only")),
            ("53100", .cannotWrite("the disk of the server is full")),
            ("53200", .cannotWrite("the server is out of memory or connections")),
            ("58030", .cannotWrite("the files of the server cannot be read or written")),
        ]
        try await withTestPostgres(migrated: false, "pool=1") { database in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.failing) }
            for (code, error) in expected {
                await #expect(throws: error, "\(code)") {
                    try await database.transaction(.schema) { connection in
                        _ = try await connection.query("SELECT fail($1)", [.text(code)])
                    }
                }
            }
            for code in ["22P02", "42501", "P0001", "XX000", "99999", "42P01"] {
                do {
                    _ = try await database.read(.schema) { try await $0.query("SELECT fail($1)", [.text(code)]) }
                    Issue.record("\(code) was swallowed")
                } catch let error as SQLError {
                    guard case .failed(code, let message) = error else {
                        Issue.record("\(code) is \(error)")
                        continue
                    }
                    #expect(!message.isEmpty && !"\(error)".contains("secret"))
                }
            }
        }
    }

    @Test func `constraints are named`() async throws {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            try await database.transaction(.schema) { connection in
                try await connection.execute("CREATE TABLE parent (id bigint PRIMARY KEY)")
                try await connection.execute(
                    """
                    CREATE TABLE child (
                        id bigint NOT NULL CONSTRAINT known REFERENCES parent DEFERRABLE INITIALLY DEFERRED,
                        size bigint CONSTRAINT positive CHECK (size > 0), name text UNIQUE)
                    """
                )
                try await connection.execute("INSERT INTO parent VALUES (1)")
                try await connection.execute("INSERT INTO child VALUES (1, 1, 'a')")
            }
            let faults: [(String, SQLError)] = [
                ("VALUES (1, 1, 'a')", .unique(constraint: "child_name_key")),
                ("VALUES (1, 0, 'b')", .constraint("positive")),
                ("VALUES (NULL, 1, 'c')", .constraint("child.id")),
                // Found by COMMIT.
                ("VALUES (2, 1, 'd')", .constraint("known")),
            ]
            for (values, error) in faults {
                await #expect(throws: error) {
                    try await database.transaction(.schema) { _ = try await $0.execute("INSERT INTO child \(values)") }
                }
            }
            #expect(try await database.one("SELECT count(*) AS n FROM child") == 1)
        }
    }

    @Test func `what the server quotes stays there`() async throws {
        let secret = "xoxb-very-secret"
        try await withTestPostgres(migrated: false) { database in
            let attempts: [(String, [SQLValue])] = [
                ("SELECT $1::uuid", [.text(secret)]), ("SELECT $1::bigint", [.text(secret)]),
                ("SELECT $1::jsonb", [.text("{\(secret)")]), ("SELECT $1::timestamptz", [.text(secret)]),
                ("SELECT \(secret)", []), ("SELECT * FROM \"\(secret)\"", []), ("'\(secret)", []),
                ("SELECT chr(0) || $1", [.text(secret)]),
            ]
            for (sql, values) in attempts {
                do {
                    _ = try await database.read(.schema) { try await $0.query(sql, values) }
                    Issue.record("\(sql) was swallowed")
                } catch {
                    #expect(error is SQLError && !String(reflecting: error).contains("secret"), "\(error)")
                    #expect(!"\(error)".contains("secret"))
                }
            }
        }
    }

    @Test func `a read is refused writes, and so is a transaction after its end`() async throws {
        try await withTestPostgres(migrated: false) { database in
            await #expect(throws: SQLError.cannotWrite("the server or the transaction is read-only")) {
                try await database.read(.schema) { _ = try await $0.execute("CREATE TABLE no (id bigint)") }
            }
            // Not Sendable: the compiler lets no one keep it, but for an unsafe box.
            let box = try await database.transaction(.schema) { Kept(connection: $0) }
            await #expect(throws: SQLError.self) { _ = try await box.connection.query("SELECT 1") }
        }
    }

    private struct Kept: @unchecked Sendable {
        let connection: any SQLConnection
    }

    @Test func `transactions that upset each other are run again`() async throws {
        try await withTestPostgres(migrated: false) { database in
            try await database.transaction(.schema) { connection in
                try await connection.execute("CREATE TABLE box (id bigint PRIMARY KEY, n bigint)")
                try await connection.execute("INSERT INTO box VALUES (1, 0), (2, 0)")
                try await connection.execute("CREATE SEQUENCE tries")
                try await connection.execute(Self.failing)
            }
            // Each takes the row that the other wants next: one of them is a deadlock's victim.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        try await database.transaction(.schema) { connection in
                            for id in order {
                                try await connection.execute("UPDATE box SET n = n + 1 WHERE id = $1", [.int(id)])
                                _ = try await connection.query("SELECT pg_sleep(0.2)")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.one("SELECT sum(n) AS n FROM box") == 4)

            // A sequence counts tries that were rolled back too.
            let stubborn = "SELECT CASE WHEN nextval('tries') < $1 THEN fail('40001') ELSE currval('tries') END AS n"
            let third = try await database.transaction(.schema) { connection in
                try await connection.first(stubborn, [.int(3)])?.optionalInt("n")
            }
            #expect(third == 3)
            await #expect(throws: SQLError.busy) {
                try await database.transaction(.schema) { _ = try await $0.query(stubborn, [.int(100)]) }
            }
            #expect(try await database.one("SELECT last_value AS n FROM tries") == 6)
        }
    }

    @Test func `a statement that takes too long is ended by the server, and its connection is kept`() async throws {
        try await withTestPostgres("pool=1&statement_timeout=1") { database in
            // Under `schema` a statement may take an hour.
            func process() async throws -> Int64? {
                try await database.read(.house) { try await $0.first("SELECT pg_backend_pid() AS n", [])?.int("n") }
            }
            let before = try await process()
            let time = try await elapsed {
                await #expect(throws: SQLError.busy) {
                    try await database.read(.house) { _ = try await $0.query("SELECT pg_sleep(20)") }
                }
                try Task.checkCancellation()
            }
            #expect(time < .seconds(10), "\(time)")
            #expect(try await process() == before)
        }
    }

    @Test(arguments: [
        "mysql://x", "postgres://u:very-secret%zz@h/db",
        "postgres://u:very-secret@h/db?nonsense=1", "postgres://u:very-secret@h/db?pool=0",
        "postgres://u:very-secret@h/db?prepared_statements=very-secret",
        "postgres://u:very-secret@h/db?statement_timeout=-5",
    ]) func `a faulty URL is told without quoting it`(_ url: String) async throws {
        do {
            _ = try PostgresSettings(url: Secret(url))
            Issue.record("it was taken")
        } catch {
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test func `a parameter that there is not is named, with those that there are`() throws {
        let error = #expect(throws: PostgresURLError.self) {
            try PostgresSettings(url: Secret("postgres://u:very-secret@h/db?sslmode=require&pools=20"))
        }
        let text = try #require(error?.description)
        for word in ["“pools”", "pool_timeout", "sslmode", "target_session_attrs"] {
            #expect(text.contains(word), "\(text)")
        }
        // What may be the end of a password with a question mark in it is not.
        for url in ["postgres://u:p?very_secret=1@h/db", "postgres://u:p/a?very_secret=1@h/db?b=c@d"] {
            do { _ = try PostgresSettings(url: Secret(url)) } catch {
                #expect(!"\(error)".contains("secret"), "\(error)")
            }
        }
    }

    @Test func `a URL is read, whatever its password is`() throws {
        let settings = try PostgresSettings(
            url: Secret(
                "postgres://u:p%3F?w%40@h.example:5433/d?pool=3&sslmode=require&pool_timeout=2&statement_timeout=7"
            )
        )
        #expect(settings.connections == 3)
        #expect(settings.poolTimeout == .seconds(2))
        #expect(settings.statementTimeout == .seconds(7))
        #expect(
            settings.description == "user=u host=h.example port=5433 dbname=d sslmode=require"
                || Set(settings.description.split(separator: " ")).count == 5
        )
        #expect(!settings.description.contains("p%3F") && !String(reflecting: settings).contains("p??w"))
        #expect(try PostgresSettings(url: Secret("postgresql:///d?host=/tmp&pool=4")).connections == 4)
        #expect(try PostgresSettings(url: Secret("postgres://h?pool=5")).connections == 5)
    }

    @Test func `an unreachable database is told without the password`() async throws {
        let url = try #require(TestPostgres.url)
        let urls = [
            url.replacing("parley-test-password", with: "very-secret"), "postgres://u:very-secret@127.0.0.1:1/db",
            "postgres://u:very-secret@host.invalid/db?connect_timeout=3", "postgres://u:very-secret@127.0.0.1:port/db",
            url + "_not?connect_timeout=3",
        ]
        for url in urls {
            do {
                _ = try await PostgresDatabase.open(url: Secret(url))
                Issue.record("it was reached")
            } catch let error as PostgresUnreachable {
                #expect(!error.reason.isEmpty && !String(reflecting: error).contains("secret"))
            }
        }
    }
}
