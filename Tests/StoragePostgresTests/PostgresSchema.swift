import ParleyCore
import Storage

/// The schema as the server's catalogue has it, in an order that does not depend on the server.
///
/// Not by pg_dump, whose text changes with its version. The dated partitions are left out: they change with the week.
struct PostgresSchema {
    private let connection: any SQLConnection

    /// The statements that would make it.
    static func dump(_ database: any SQLDatabase) async throws -> String {
        try await database.read(.schema) { connection in
            let schema = PostgresSchema(connection: connection)
            let parts = try await schema.usage() + schema.functions() + schema.sequences() + schema.tables()
            return parts.map { $0 + "\n" }.joined(separator: "\n")
        }
    }

    /// The names of everything but partitions: `table agents`, `function parley_guard`.
    static func names(_ database: any SQLDatabase) async throws -> [String] {
        try await database.read(.schema) { connection in
            try await connection.query(
                """
                SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' WHEN 'r' THEN 'table ' WHEN 'p' THEN 'table '
                    ELSE c.relkind::text || ' ' END || c.relname AS name
                FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind NOT IN ('i', 'I')
                    AND NOT c.relispartition
                UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
                UNION ALL SELECT 'type ' || typname FROM pg_type
                    WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd', 'r')
                ORDER BY name
                """
            ).map { try $0.text("name") }
        }
    }

    private func lines(_ sql: String, of table: String? = nil) async throws -> [String] {
        try await connection.query(sql, table.map { [.text($0)] } ?? []).compactMap { $0.optionalText("line") }
    }

    private func usage() async throws -> [String] {
        let grants = try await lines(
            """
            SELECT 'GRANT ' || acl.privilege_type || ' ON SCHEMA ' || n.nspname || ' TO ' || r.rolname || ';' AS line
            FROM pg_namespace n, aclexplode(n.nspacl) acl JOIN pg_roles r ON r.oid = acl.grantee
            WHERE n.oid = current_schema()::regnamespace AND starts_with(r.rolname, 'parley_') AND r.oid <> n.nspowner
                AND NOT r.rolcanlogin
            ORDER BY r.rolname, acl.privilege_type
            """
        )
        return grants.isEmpty ? [] : [grants.joined(separator: "\n")]
    }

    private func functions() async throws -> [String] {
        try await lines(
            """
            SELECT replace(rtrim(pg_get_functiondef(oid), E'\\n'), current_schema() || '.', '') || ';' AS line
            FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind = 'f'
            ORDER BY proname, pg_get_function_identity_arguments(oid)
            """
        )
    }

    private func sequences() async throws -> [String] {
        try await lines(
            """
            SELECT 'CREATE SEQUENCE ' || c.relname || ' AS ' || format_type(s.seqtypid, NULL) || ';'
                || coalesce((\(Self.grants("c.relacl", on: "SEQUENCE"))), '') AS line
            FROM pg_class c JOIN pg_sequence s ON s.seqrelid = c.oid
            WHERE c.relnamespace = current_schema()::regnamespace
            ORDER BY c.relname
            """
        )
    }

    private func tables() async throws -> [String] {
        let rows = try await connection.query(
            """
            SELECT c.relname AS name, parent.relname AS parent, pg_get_expr(c.relpartbound, c.oid) AS bound,
                coalesce(' PARTITION BY ' || pg_get_partkeydef(c.oid), '')
                    || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') AS tail
            FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class parent ON parent.oid = i.inhparent
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
                AND NOT (c.relispartition AND c.relname ~ '_p[0-9]{8}$')
            ORDER BY c.relname
            """
        )
        var tables: [String] = []
        for row in rows {
            let name = try row.text("name")
            var text: String
            if let parent = row.optionalText("parent"), let bound = row.optionalText("bound") {
                text = "CREATE TABLE \(name) PARTITION OF \(parent) \(bound);"
            } else {
                let inside = try await columns(of: name) + constraints(of: name)
                text = "CREATE TABLE \(name) (\n    " + inside.joined(separator: ",\n    ") + "\n)"
                text += try row.text("tail") + ";"
                for index in try await indexes(of: name) { text += "\n" + index }
            }
            for line in try await guards(of: name) { text += "\n" + line }
            tables.append(text)
        }
        return tables
    }
}

// MARK: - Of one table

extension PostgresSchema {
    private func columns(of table: String) async throws -> [String] {
        try await lines(
            """
            SELECT a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE "' || k.collname || '"' ELSE '' END
                || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
                || CASE WHEN a.attgenerated = 's' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
                    WHEN d.oid IS NULL THEN '' ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END AS line
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation k ON k.oid = a.attcollation
                LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
            """,
            of: table
        )
    }

    private func constraints(of table: String) async throws -> [String] {
        // NOT NULL stands with its column; later servers list it among the constraints as well.
        try await lines(
            """
            SELECT 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint
            WHERE conrelid = to_regclass($1) AND contype <> 'n'
            ORDER BY strpos('pufc', contype::text), conname COLLATE "C"
            """,
            of: table
        )
    }

    private func indexes(of table: String) async throws -> [String] {
        try await lines(
            """
            SELECT replace(replace(pg_get_indexdef(i.indexrelid), current_schema() || '.', ''), ' ON ONLY ', ' ON ') || ';' AS line
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE i.indrelid = to_regclass($1)
                AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid)
            ORDER BY c.relname
            """,
            of: table
        )
            + lines(
                """
                SELECT replace(pg_get_triggerdef(oid), current_schema() || '.', '') || ';' AS line
                FROM pg_trigger WHERE tgrelid = to_regclass($1) AND NOT tgisinternal ORDER BY tgname
                """,
                of: table
            )
    }

    /// Who may touch it.
    private func guards(of table: String) async throws -> [String] {
        let security = try await lines(
            """
            SELECT 'ALTER TABLE ' || relname || action || ' ROW LEVEL SECURITY;' AS line
            FROM pg_class, (VALUES (1, ' ENABLE'), (2, ' FORCE')) AS actions (number, action)
            WHERE oid = to_regclass($1) AND CASE number WHEN 1 THEN relrowsecurity ELSE relforcerowsecurity END
            ORDER BY number
            """,
            of: table
        )
        let policies = try await lines(
            """
            SELECT 'CREATE POLICY ' || policyname || ' ON ' || tablename || CASE permissive WHEN 'PERMISSIVE' THEN '' ELSE ' AS RESTRICTIVE' END
                || CASE cmd WHEN 'ALL' THEN '' ELSE ' FOR ' || cmd END || ' TO ' || array_to_string(roles, ', ')
                || coalesce(' USING (' || qual || ')', '') || coalesce(' WITH CHECK (' || with_check || ')', '') || ';' AS line
            FROM pg_policies WHERE schemaname = current_schema() AND tablename = $1 ORDER BY policyname
            """,
            of: table
        )
        let grants = try await lines(
            "SELECT ltrim((\(Self.grants("c.relacl", on: "TABLE"))), E'\\n') AS line FROM pg_class c WHERE oid = to_regclass($1)",
            of: table
        )
        let columns = try await lines(
            """
            SELECT 'GRANT ' || acl.privilege_type || ' (' || string_agg(a.attname, ', ' ORDER BY a.attname) || ') ON ' || $1
                || ' TO ' || r.rolname || ';' AS line
            FROM pg_attribute a, aclexplode(a.attacl) acl JOIN pg_roles r ON r.oid = acl.grantee
            WHERE a.attrelid = to_regclass($1) GROUP BY r.rolname, acl.privilege_type ORDER BY r.rolname, acl.privilege_type
            """,
            of: table
        )
        return security + policies + grants + columns
    }

    /// What is granted on a relation to the roles that nobody logs in as, each on a line of its own.
    private static func grants(_ list: String, on kind: String) -> String {
        """
        SELECT string_agg(granted.line, '' ORDER BY granted.line) FROM (
            SELECT E'\\nGRANT ' || string_agg(acl.privilege_type, ', ' ORDER BY acl.privilege_type)
                || ' ON \(kind == "TABLE" ? "" : kind + " ")' || c.relname || ' TO ' || r.rolname || ';' AS line
            FROM aclexplode(\(list)) acl JOIN pg_roles r ON r.oid = acl.grantee
            WHERE starts_with(r.rolname, 'parley_') AND NOT r.rolcanlogin GROUP BY r.rolname
        ) granted
        """
    }
}
