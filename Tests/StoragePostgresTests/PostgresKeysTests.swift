import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// What lets the rows of one business live together on one of several servers (docs/scaling.md).
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresKeysTests {
    /// Those that begin with something else, and why they may.
    private static let exceptions = [
        "analytics_events: primary (id)": "events of the house itself are of no business",
        "feature_flags: primary (id)": "flags for all are of no business",
        "feature_flags: unique (name, scope)": "it holds for flags for all alone",
        "business_tools: foreign (tool_name) to tools (name)": "tools are the same for all, and everywhere",
        "integration_endpoints: foreign (tool_name) to tools (name)": "tools are the same for all, and everywhere",
        "memberships: foreign (user_id) to users (id)": "a person may work for several businesses",
    ]

    @Test func `every key of a business's table begins with the business`() async throws {
        try await withTestPostgres("pool=1") { database in
            let keys = try await Key.all(database)
            let tables = Set(keys.filter { $0.kind == "primary" }.map(\.table))
            let owned = Set(try await Key.tables(database))
            #expect(tables == owned, "a table without a primary key")
            let strays = Set(keys.filter { !$0.isOfBusiness }.map(\.description))
            #expect(strays == Set(Self.exceptions.keys))
        }
    }

    @Test func `a key that begins with something else is found, of every kind`() async throws {
        try await withTestPostgres("pool=1") { database in
            try await database.transaction(.schema) { connection in
                for change in [
                    "CREATE UNIQUE INDEX stray ON turns (id, business_id)",
                    "CREATE UNIQUE INDEX computed ON turns (lower(outcome), business_id)",
                    "ALTER TABLE leads ADD UNIQUE (email)",
                    """
                    ALTER TABLE leads ADD FOREIGN KEY (contact_id, business_id) REFERENCES contacts (id, business_id)
                        NOT VALID
                    """,
                    "ALTER TABLE agent_tools DROP CONSTRAINT agent_tools_pkey, ADD PRIMARY KEY (agent_id, tool_name)",
                ] {
                    if change.contains("REFERENCES") {
                        try await connection.execute("CREATE UNIQUE INDEX backwards ON contacts (id, business_id)")
                    }
                    try await connection.execute(change)
                }
            }
            let found = Set(try await Key.all(database).filter { !$0.isOfBusiness }.map(\.description))
            #expect(
                found.subtracting(Self.exceptions.keys) == [
                    "turns: unique (id, business_id)", "turns: unique (an expression, business_id)",
                    "leads: unique (email)", "contacts: unique (id, business_id)",
                    "leads: foreign (contact_id, business_id) to contacts (id, business_id)",
                    "agent_tools: primary (agent_id, tool_name)",
                ]
            )
        }
    }
}

/// A key of a table that has a column for the business, as the catalogue has it; a partition's is its parent's.
private struct Key {
    let table: String
    /// `primary`, `unique` or `foreign`.
    let kind: String
    /// By commas.
    let columns: String
    /// Where a foreign key leads to: the table, and its columns.
    let target: (table: String, columns: String)?

    var description: String {
        "\(table): \(kind) (\(columns))" + (target.map { " to \($0.table) (\($0.columns))" } ?? "")
    }

    /// Whether it begins with the business, and so does what it leads to.
    var isOfBusiness: Bool {
        guard columns.prefix(while: { $0 != "," }) == "business_id" else { return false }
        guard let target else { return true }
        return target.columns.prefix { $0 != "," } == (target.table == "businesses" ? "id" : "business_id")
    }

    private static let owned = """
        SELECT c.oid, coalesce(nullif(pg_partition_root(c.oid), 0), c.oid) AS root FROM pg_class c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND EXISTS (
            SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'business_id' AND NOT a.attisdropped
        )
        """

    static func tables(_ database: any SQLDatabase) async throws -> [String] {
        try await database.read(.schema) { connection in
            try await connection.query("SELECT DISTINCT root::regclass::text AS name FROM (\(owned)) AS owned")
                .map { try $0.text("name") }
        }
    }

    static func all(_ database: any SQLDatabase) async throws -> [Key] {
        @Sendable func names(_ numbers: String, of table: String) -> String {
            """
            (SELECT string_agg(coalesce(a.attname::text, 'an expression'), ', ' ORDER BY k.place)
            FROM unnest(\(numbers)) WITH ORDINALITY AS k (number, place)
            LEFT JOIN pg_attribute a ON a.attrelid = \(table) AND a.attnum = k.number AND k.number > 0)
            """
        }
        return try await database.read(.schema) { connection in
            try await connection.query(
                """
                WITH owned AS (\(owned))
                SELECT root::regclass::text AS name, CASE WHEN i.indisprimary THEN 'primary' ELSE 'unique' END AS kind,
                    \(names("i.indkey", of: "i.indrelid")) AS columns, NULL AS target, NULL AS target_columns
                FROM pg_index i JOIN owned ON owned.oid = i.indrelid WHERE i.indisunique OR i.indisprimary
                UNION
                SELECT root::regclass::text, 'foreign', \(names("f.conkey", of: "f.conrelid")),
                    f.confrelid::regclass::text, \(names("f.confkey", of: "f.confrelid"))
                FROM pg_constraint f JOIN owned ON owned.oid = f.conrelid WHERE f.contype = 'f'
                """
            ).map { row in
                let target = row.optionalText("target").map { ($0, row.optionalText("target_columns") ?? "") }
                return Key(
                    table: try row.text("name"),
                    kind: try row.text("kind"),
                    columns: try row.text("columns"),
                    target: target
                )
            }
        }
    }
}
