import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// The second wall: what PostgreSQL itself holds back from a statement that forgot its business.
///
/// The tables are read from the catalogue and filled with made-up rows of two businesses: one that a later migration adds
/// is tried too, and is found out when nobody guards it.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresIsolationTests {
    private static let roles = ["parley_business", "parley_dispatch", "parley_house", "parley_intake"]

    /// What all businesses share; everything else must be guarded.
    private static let shared: Set = ["jobs", "migrations", "model_prices", "tools", "users"]

    @Test func `every table of a business is guarded, its partitions too`() async throws {
        try await withTestPostgres { database in
            let tables = try await database.read(.schema) { try await GuardedTable.all($0) }
            #expect(tables.count > 30 && tables.contains { $0.isPartition })
            for table in tables {
                if Self.shared.contains(table.name) {
                    #expect(table.key == nil, "\(table.name) is not shared: it has a business")
                } else {
                    #expect(table.key != nil, "\(table.name) has no business, and is not listed as shared")
                    #expect(table.isEnabled && table.isForced, "\(table.name) is not behind the wall")
                }
            }
        }
    }

    @Test func `the roles own nothing and pass no wall`() async throws {
        try await withTestPostgres { database in
            try await database.read(.schema) { connection in
                let roles = try await connection.query(
                    """
                    SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolcanlogin OR rolreplication
                        AS is_mighty, EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS is_owner,
                        EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid) AS is_member
                    FROM pg_roles r WHERE rolname = ANY ($1) ORDER BY rolname
                    """,
                    [.array(Self.roles.map { .text($0) })]
                )
                #expect(try roles.map { try $0.text("rolname") } == Self.roles)
                for role in roles {
                    let name = try role.text("rolname")
                    for right in ["is_mighty", "is_owner", "is_member"] {
                        #expect(try !role.bool(right), "\(name) \(right)")
                    }
                }
                let login = try await connection.first(
                    "SELECT rolsuper OR rolbypassrls AS is_mighty FROM pg_roles WHERE rolname = current_user",
                    []
                )
                #expect(try login?.bool("is_mighty") == false, "the tests log in as somebody whom no wall stops")
            }
        }
    }

    @Test func `whoever forgets the business finds his own rows and no others`() async throws {
        try await withTwoBusinesses { database, a, b in
            let tables = try await database.read(.schema) { try await GuardedTable.all($0) }.filter { $0.key != nil }
            for table in tables {
                guard let key = table.key else { continue }
                let (name, before) = (table.name, try await Self.rows(of: b, in: table, database))
                let mine = try await Self.rows(of: a, in: table, database).count
                if !table.isPartition || name.hasSuffix("_default") {
                    #expect(mine > 0 && !before.isEmpty, "\(name) was not filled")
                }
                let seen = try await database.read(.business(a)) { connection in
                    try await connection.query("SELECT \(key) AS key FROM \(name)").map { $0["key"] }
                }
                #expect(seen.count == mine && seen.allSatisfy { $0 == .id(a) }, "\(name) shows others' rows")
                let touched = try await Self.undone(database, .business(a)) {
                    try await $0.execute("UPDATE \(name) SET \(key) = \(key)")
                }
                #expect(touched == .success(mine), "an UPDATE of \(name)")
                let deleted = try await Self.undone(database, .business(a)) {
                    try await $0.execute("DELETE FROM \(name)")
                }
                #expect(deleted == .success(mine), "a DELETE of \(name)")
                let columns = table.columns.joined(separator: ", ")
                let given = table.columns.map { $0 == key ? "$1" : $0 }.joined(separator: ", ")
                guard mine > 0 else { continue }
                let inserted = try await Self.undone(database, .business(a)) {
                    try await $0.execute(
                        "INSERT INTO \(name) (\(columns)) SELECT \(given) FROM \(name) LIMIT 1",
                        [.id(b)]
                    )
                }
                #expect(inserted.isForbidden, "a row for another business in \(name): \(inserted)")
                let moved = try await Self.undone(database, .business(a)) {
                    try await $0.execute("UPDATE \(name) SET \(key) = $1", [.id(b)])
                }
                #expect(moved.isForbidden, "a row of \(name) given to another business: \(moved)")
                // For good this time; only a's rows go, with those that hang on them.
                try await database.transaction(.business(a)) { _ = try await $0.execute("DELETE FROM \(name)") }
                #expect(try await Self.rows(of: b, in: table, database) == before, "the other's rows of \(name)")
                #expect(try await Self.rows(of: a, in: table, database).isEmpty, "the own rows of \(name)")
                try await Self.fill(database, [a, b])
            }
        }
    }

    @Test func `a business that has nothing sees nothing`() async throws {
        try await withTwoBusinesses { database, _, _ in
            for table in try await database.read(.schema, { try await GuardedTable.all($0) }) where table.key != nil {
                let count = try await database.read(.business(ID(at: SystemClock().now))) {
                    try await $0.first("SELECT count(*) AS n FROM \(table.name)", [])?.int("n")
                }
                #expect(count == 0, "\(table.name)")
            }
        }
    }

    @Test func `intake puts in, and reads keys alone`() async throws {
        try await withTwoBusinesses { database, _, _ in
            let may: [String: Set<String>] = [
                "inbox_keys": ["SELECT", "INSERT"], "inbox_events": ["INSERT"], "lanes": ["SELECT", "INSERT"],
            ]
            try await Self.expect(.intake, mayOnly: may, database)
            try await Self.forbidden(database, .intake, "UPDATE lanes SET holder = 'x'")
            try await Self.forbidden(database, .intake, "UPDATE lanes SET fence = 0")
            try await Self.forbidden(database, .intake, "SELECT id FROM inbox_events")
        }
    }

    @Test func `dispatch claims lanes, and reads no content`() async throws {
        try await withTwoBusinesses { database, _, _ in
            try await Self.expect(.dispatch, mayOnly: ["lanes": ["SELECT", "UPDATE"]], database)
            for column in ["event", "dedupe_key", "kind", "id", "turn_id", "received_at"] {
                try await Self.forbidden(database, .dispatch, "SELECT \(column) FROM inbox_events")
            }
            try await Self.forbidden(database, .dispatch, "UPDATE inbox_events SET closed_at = NULL")
            try await Self.forbidden(database, .dispatch, "UPDATE inbox_events SET event = '{}'")
        }
    }

    @Test func `a connection carries nothing from one business to the next`() async throws {
        try await withTestPostgres("pool=1&pool_timeout=60&statement_timeout=60") { database in
            let (a, b) = (ID<Business>(at: SystemClock().now), ID<Business>(at: SystemClock().now))
            try await database.transaction(.house) { connection in
                for id in [a, b] {
                    try await connection.execute(
                        "INSERT INTO businesses (id, name, created_at, updated_at) VALUES ($1, $2, $3, $3)",
                        [.id(id), .text(id.description), .timestamp(SystemClock().now)]
                    )
                }
            }
            let strangers = try await withThrowingTaskGroup(of: Int.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        var strangers = 0
                        for round in 0..<750 {
                            let me = (task + round).isMultiple(of: 2) ? a : b
                            strangers += try await Self.strangers(to: me, round, database)
                        }
                        return strangers
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(strangers == 0)
            let left = try await database.read(.schema) {
                try await $0.first(
                    "SELECT current_user = session_user AS is_self, current_setting('parley.business_id', true) AS id",
                    []
                )
            }
            #expect(try left?.bool("is_self") == true && left?.text("id") == "")
        }
    }
}

// MARK: - Trying

extension PostgresIsolationTests {
    /// What a statement in a transaction that is rolled back came to.
    private enum Outcome: Equatable {
        case success(Int)
        case failure(SQLError)

        /// Refused by a right or a policy, not by something that happened to be in the way.
        var isForbidden: Bool {
            if case .failure(.failed(code: "42501", _)) = self { true } else { false }
        }
    }

    private struct Undone: Error {
        let count: Int
    }

    private static func undone(
        _ database: PostgresDatabase,
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Int
    ) async throws -> Outcome {
        do {
            try await database.transaction(scope) { throw Undone(count: try await body($0)) }
        } catch let undone as Undone {
            return .success(undone.count)
        } catch let error as SQLError {
            return .failure(error)
        }
        return .success(-1)
    }

    private static func forbidden(_ database: PostgresDatabase, _ scope: SQLScope, _ sql: String) async throws {
        let outcome = try await undone(database, scope) { try await $0.execute(sql) }
        #expect(outcome.isForbidden, "\(sql): \(outcome)")
    }

    /// Tries the four verbs on every table there is.
    private static func expect(
        _ scope: SQLScope,
        mayOnly rights: [String: Set<String>],
        _ database: PostgresDatabase
    ) async throws {
        for table in try await database.read(.schema, { try await GuardedTable.all($0) }) {
            let (name, column) = (table.name, table.columns.first ?? "")
            for (verb, sql) in [
                ("SELECT", "SELECT * FROM \(name)"), ("DELETE", "DELETE FROM \(name)"),
                ("UPDATE", "UPDATE \(name) SET \(column) = \(column)"),
                ("INSERT", "INSERT INTO \(name) DEFAULT VALUES"),
            ] {
                let outcome = try await undone(database, scope) { try await $0.execute(sql) }
                let isAllowed = rights[name]?.contains(verb) == true
                #expect(outcome.isForbidden != isAllowed, "\(sql): \(outcome)")
            }
        }
    }

    /// How many rows of others a business sees; every third time its transaction comes to nothing.
    private static func strangers(
        to me: ID<Business>,
        _ round: Int,
        _ database: PostgresDatabase
    ) async throws -> Int {
        let query: @Sendable (any SQLConnection) async throws -> Int = { connection in
            let seen = try await connection.query("SELECT id FROM businesses").map { $0["id"] }
            return seen == [.id(me)] ? 0 : 1
        }
        switch round % 3 {
        case 0: return try await database.read(.business(me), query)
        case 1: return try await database.transaction(.business(me), query)
        default:
            let outcome = try await undone(database, .business(me), query)
            return outcome == .success(0) ? 0 : 1
        }
    }

    private static func rows(
        of business: ID<Business>,
        in table: GuardedTable,
        _ database: PostgresDatabase
    ) async throws -> [String] {
        guard let key = table.key else { return [] }
        return try await database.read(.house) { connection in
            try await connection.query(
                "SELECT md5(t::text) AS line FROM \(table.name) t WHERE \(key) = $1 ORDER BY 1",
                [.id(business)]
            ).map { try $0.text("line") }
        }
    }
}
