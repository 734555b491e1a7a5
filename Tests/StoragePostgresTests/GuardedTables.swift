import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// A table or a partition, as the catalogue has it.
struct GuardedTable: Sendable {
    let name: String
    /// The column that names the business; nil when it has none.
    let key: String?
    /// Without those that the server makes.
    let columns: [String]
    let isPartition: Bool
    let isEnabled: Bool
    let isForced: Bool

    static func all(_ connection: any SQLConnection) async throws -> [GuardedTable] {
        try await connection.query(
            """
            SELECT c.relname AS name, c.relispartition, c.relrowsecurity, c.relforcerowsecurity,
                string_agg(quote_ident(a.attname), ' ' ORDER BY a.attnum) AS columns
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                AND a.attgenerated = ''
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            GROUP BY c.oid ORDER BY c.relname
            """
        ).map { row in
            let (name, columns) = (try row.text("name"), try row.text("columns").split(separator: " ").map(String.init))
            return GuardedTable(
                name: name,
                key: name == "businesses" ? "id" : columns.first { $0 == "business_id" },
                columns: columns,
                isPartition: try row.bool("relispartition"),
                isEnabled: try row.bool("relrowsecurity"),
                isForced: try row.bool("relforcerowsecurity")
            )
        }
    }
}

extension PostgresIsolationTests {
    /// A database in which two businesses have rows in every table.
    func withTwoBusinesses(
        _ body: (PostgresDatabase, _ a: ID<Business>, _ b: ID<Business>) async throws -> Void
    ) async throws {
        try await withTestPostgres { database in
            let (a, b) = (ID<Business>(at: SystemClock().now), ID<Business>(at: SystemClock().now))
            try await Self.fill(database, [a, b])
            try await body(database, a, b)
        }
    }

    /// Puts rows of made-up values into every table, two for each business: one of today's, and one that no week takes.
    ///
    /// The superuser does it, past foreign keys and policies.
    static func fill(_ database: PostgresDatabase, _ businesses: [ID<Business>]) async throws {
        let admin = try #require(TestPostgres.adminURL)
        let name = try await database.read(.schema) {
            try await $0.first("SELECT current_database() AS name", [])?.text("name")
        }
        let ids = businesses.map { "'\($0)'::uuid" }.joined(separator: ", ")
        try await TestPostgres.run(
            """
            DO $$
            DECLARE
                business uuid;
                target record;
                day text;
            BEGIN
                SET LOCAL session_replication_role = replica;
                FOREACH business IN ARRAY ARRAY[\(ids)] LOOP
                    FOREACH day IN ARRAY ARRAY['now()', '''1999-01-01''::timestamptz'] LOOP
                        FOR target IN
                            SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
                                string_agg(CASE
                                    WHEN a.attname = 'business_id' OR (c.relname = 'businesses' AND a.attname = 'id')
                                        THEN quote_literal(business) || '::uuid'
                                    WHEN t.typname = 'uuid' THEN
                                        '(left(parley_first_id(' || day || ')::text, 14) || right(gen_random_uuid()::text, 22))::uuid'
                                    WHEN t.typname = 'timestamptz' THEN 'now()'
                                    WHEN t.typname = 'jsonb' THEN coalesce(pg_get_expr(d.adbin, d.adrelid), '''{}''')
                                    WHEN t.typname = 'bool' THEN 'true'
                                    WHEN t.typname IN ('int8', 'float8') THEN '1'
                                    WHEN t.typname = 'bytea' THEN '''x'''
                                    ELSE quote_literal(coalesce((
                                        SELECT (regexp_match(pg_get_constraintdef(k.oid), '''([^'']+)''::text'))[1]
                                        FROM pg_constraint k
                                        WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
                                            AND pg_get_constraintdef(k.oid) LIKE '%::text%' LIMIT 1
                                    ), '2026-11-21'))
                                END, ', ' ORDER BY a.attnum) AS given
                            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
                                AND NOT a.attisdropped AND a.attgenerated = ''
                            JOIN pg_type t ON t.oid = a.atttypid
                            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
                            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                                AND NOT c.relispartition AND c.relname <> 'migrations'
                            GROUP BY c.oid, c.relname
                        LOOP
                            EXECUTE format(
                                'INSERT INTO %I (%s) VALUES (%s) ON CONFLICT DO NOTHING',
                                target.name, target.columns, target.given
                            );
                        END LOOP;
                    END LOOP;
                END LOOP;
            END $$
            """,
            at: TestPostgres.url(admin, database: name ?? "")
        )
    }
}
