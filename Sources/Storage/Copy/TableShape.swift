import ParleyCore

/// A table as the catalogue of its database has it: read, not written down, so that a copy misses no new one.
package struct TableShape: Sendable, Equatable {
    package struct Column: Sendable, Equatable {
        package let name: String
        package let type: ColumnType
    }

    package let name: String
    /// Without those that the engine computes.
    package let columns: [Column]
    /// The primary key, in its order.
    package let key: [String]
    /// Whether it is cut by its ids into weeks.
    package let isPartitioned: Bool

    package func type(of column: String) -> ColumnType? { columns.first { $0.name == column }?.type }
}

/// What a column holds. SQLite has no types for ids, times, truth and JSON.
package enum ColumnType: String, Sendable {
    case uuid, text
    case blob = "bytea"
    case time = "timestamp with time zone"
    case bool = "boolean"
    case json = "jsonb"
    case integer = "bigint"
    case real = "double precision"
}

extension TableShape {
    /// What is not copied as it is: each database's own list; a number; the full-text index, which triggers keep.
    private static func isApart(_ table: String) -> Bool {
        ["migrations", "fence_sequence"].contains(table) || table.hasPrefix("knowledge_search")
    }

    /// Every table with data, each after those that it refers to.
    package static func all(_ dialect: Dialect, on connection: any SQLConnection) async throws -> [TableShape] {
        var columns: [String: [(column: Column, place: Int64)]] = [:]
        var partitioned: Set<String> = []
        for row in try await connection.query(dialect.listingColumns) {
            let table = try row.text("table_name")
            guard !isApart(table) else { continue }
            let (name, spelled) = (try row.text("column_name"), try row.text("type"))
            guard let type = ColumnType(rawValue: spelled) ?? dialect.columnType(spelled) else {
                throw SQLError.unreadable(column: "\(table).\(name)")
            }
            columns[table, default: []].append((Column(name: name, type: type), try row.int("place")))
            if try row.bool("is_partitioned") { partitioned.insert(table) }
        }
        var owners: [String: Set<String>] = [:]
        for row in try await connection.query(dialect.listingReferences) {
            let (table, owner) = (try row.text("table_name"), try row.text("owner"))
            if table != owner { owners[table, default: []].insert(owner) }
        }
        return ordered(columns.keys.sorted(), behind: owners).map { table in
            let all = columns[table] ?? []
            return TableShape(
                name: table,
                columns: all.map(\.column),
                key: all.filter { $0.place > 0 }.sorted { $0.place < $1.place }.map(\.column.name),
                isPartitioned: partitioned.contains(table)
            )
        }
    }

    private static func ordered(_ tables: [String], behind owners: [String: Set<String>]) -> [String] {
        var (done, rest): ([String], [String]) = ([], tables)
        while !rest.isEmpty {
            let free = rest.filter { owners[$0, default: []].intersection(rest).isEmpty }
            // Tables that refer to each other in a circle: there is no order, and the engine will say so.
            done += free.isEmpty ? rest : free
            rest = free.isEmpty ? [] : rest.filter { !free.contains($0) }
        }
        return done
    }
}

// MARK: - How each engine is asked, and told

extension Dialect {
    fileprivate var listingColumns: String {
        switch self {
        case .sqlite:
            """
            SELECT m.name AS table_name, c.name AS column_name, c.type, c.pk AS place, 0 AS is_partitioned
            FROM sqlite_master m, pragma_table_info(m.name) c
            WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, c.cid
            """
        case .postgres:
            """
            SELECT c.relname AS table_name, a.attname AS column_name, format_type(a.atttypid, NULL) AS type,
                coalesce(array_position(k.conkey, a.attnum), 0) AS place, c.relkind = 'p' AS is_partitioned
            FROM pg_class c
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
            LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
            WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            ORDER BY c.relname, a.attnum
            """
        }
    }

    fileprivate var listingReferences: String {
        switch self {
        case .sqlite:
            """
            SELECT m.name AS table_name, f."table" AS owner
            FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
            """
        case .postgres:
            """
            SELECT conrelid::regclass::text AS table_name, confrelid::regclass::text AS owner
            FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
            """
        }
    }

    fileprivate func columnType(_ spelled: String) -> ColumnType? {
        switch (self, spelled) {
        case (.sqlite, "TEXT"): .text
        case (.sqlite, "INTEGER"), (.sqlite, "BIGINT"): .integer
        case (.sqlite, "REAL"): .real
        case (.sqlite, "BLOB"): .blob
        default: nil
        }
    }

    /// Whether a column says what its text or number is: an id, a time, JSON.
    package var hasTypes: Bool { self == .postgres }

    /// Whether a text may hold U+0000.
    var storesNUL: Bool { self == .sqlite }

    /// Asked for the highest fence that was ever given.
    package var highestFence: String {
        switch self {
        case .sqlite: "SELECT value AS fence FROM fence_sequence"
        case .postgres: "SELECT coalesce(pg_sequence_last_value('fence_sequence'), 0) AS fence"
        }
    }

    /// Lets the next fence be higher than $1.
    package var raisingFence: String {
        switch self {
        case .sqlite: "UPDATE fence_sequence SET value = max(value, $1)"
        case .postgres:
            """
            SELECT setval('fence_sequence', greatest($1::bigint, 1, coalesce(pg_sequence_last_value('fence_sequence'), 1)))
            """
        }
    }

    /// Run in a transaction of the schema's before it writes the rows of all businesses: on PostgreSQL the owner of the
    /// tables is behind the wall too.
    package var takingTheHousesRole: String? {
        switch self {
        case .sqlite: nil
        case .postgres: "SELECT set_config('role', 'parley_house', true)"
        }
    }

    /// The table that keeps redeliveries out, where it is not the events' own.
    package var tableOfInboxKeys: String? {
        switch self {
        case .sqlite: nil
        case .postgres: "inbox_keys"
        }
    }

    /// Fills it from the events.
    package var fillingInboxKeys: String? {
        switch self {
        case .sqlite: nil
        case .postgres:
            """
            INSERT INTO inbox_keys (business_id, channel_integration_id, dedupe_key, received_at)
            SELECT business_id, channel_integration_id, dedupe_key, min(received_at) FROM inbox_events
            GROUP BY business_id, channel_integration_id, dedupe_key
            ON CONFLICT (business_id, channel_integration_id, dedupe_key) DO NOTHING
            """
        }
    }

    /// Makes the weeks of the table $1 from the moment $2 on, $3 of them.
    package var makingPartitions: String? {
        switch self {
        case .sqlite: nil
        case .postgres: "SELECT parley_make_partitions($1, $2, $3::integer)"
        }
    }
}
