import ParleyCore
import Storage
import Synchronization

/// Several independent writes as one statement: `WITH w1 AS (INSERT …), w2 AS (UPDATE …) SELECT …`.
///
/// Each part sees the state from before the statement; foreign keys are checked at its end. A statement costs the server a
/// snapshot, a portal and messages of its own: one for ten writes is a good part of a turn.
enum PostgresBundle {
    /// What makes a text: of the same parts the same text is made, which the server then knows.
    private struct Part: Hashable {
        let sql: String
        let parameterCount: Int
    }

    private static let capacity = 512
    private static let texts = Mutex<[[Part]: String]>([:])

    /// `query` is the statement's own answer; without one it answers a row that nobody needs.
    static func statement(
        _ writes: [SQLWrite],
        query: (sql: String, parameters: [SQLValue])? = nil
    ) throws(SQLError) -> PostgresStatement? {
        var parts: [Part] = []
        var parameters: [SQLValue] = []
        func add(_ sql: String, _ values: [SQLValue]) {
            parts.append(Part(sql: sql, parameterCount: values.count))
            parameters += values
        }
        for write in writes {
            switch write {
            case .statement(let sql, let values): add(sql, values)
            case .rows(let table, let columns, let rows):
                guard let first = rows.first else { continue }
                if rows.count == 1 {
                    let places = (1...max(1, first.count)).map { "$\($0)" }.joined(separator: ", ")
                    add("INSERT INTO \(table) (\(columns)) VALUES (\(places))", first)
                } else {
                    // One text for any number of rows; the table itself says of which types they are.
                    add(
                        "INSERT INTO \(table) (\(columns)) SELECT \(columns) FROM json_populate_recordset(NULL::\(table), $1)",
                        [.json(PostgresBundle.json(columns, rows))]
                    )
                }
            }
        }
        guard let only = parts.first else {
            return try query.map { query throws(SQLError) in try PostgresStatement.of(query.sql, [query.parameters]) }
        }
        if let query {
            add(query.sql, query.parameters)
        } else if parts.count == 1 {
            return try PostgresStatement.of(only.sql, [parameters])
        } else {
            add("SELECT 1 AS done", [])
        }
        return try PostgresStatement.of(text(of: parts), [parameters])
    }

    private static func text(of parts: [Part]) -> String {
        if let known = texts.withLock({ $0[parts] }) { return known }
        var offset = 0
        var pieces: [String] = []
        for part in parts {
            pieces.append(renumbered(part.sql, by: offset))
            offset += part.parameterCount
        }
        let main = pieces.removeLast()
        // The server does those that nothing refers to from the last one back.
        let text =
            "WITH " + pieces.enumerated().reversed().map { "w\($0 + 1) AS (\n\($1)\n)" }.joined(separator: ", ")
            + "\n" + main
        texts.withLock { texts in
            if texts.count >= capacity { texts.removeAll() }
            texts[parts] = text
        }
        return text
    }

    static func renumbered(_ sql: String, by offset: Int) -> String {
        guard offset > 0 else { return sql }
        var scanner = SQLScanner(sql)
        var bytes: [UInt8] = []
        while let token = scanner.next() {
            if token.isCode, token.bytes.first == UInt8(ascii: "$"),
                let number = Int(String(decoding: token.bytes.dropFirst(), as: UTF8.self))
            {
                bytes.append(contentsOf: "$\(number + offset)".utf8)
            } else {
                bytes.append(contentsOf: token.bytes)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func json(_ columns: StaticString, _ rows: [[SQLValue]]) -> JSON {
        let names = columns.description.split(separator: ",").map { String($0).trimmed }
        return .array(
            rows.map { row in
                .object(JSONObject(zip(names, row).map { JSONObject.Member(key: $0, value: $1.asJSON) }))
            }
        )
    }
}

extension SQLValue {
    /// As the server reads a value of any type from JSON.
    fileprivate var asJSON: JSON {
        switch self {
        case .null: .null
        case .integer(let value): .integer(value)
        case .real(let value): .number(value)
        case .text(let value): .string(value)
        case .blob(let value): .string("\\x" + Hex.encode(value))
        case .bool(let value): .bool(value)
        case .uuid(let value): .string(value.description)
        case .timestamp(let value): .string(PostgresTime.text(value))
        case .json(let value): value
        case .array(let values): .array(values.map(\.asJSON))
        }
    }
}
