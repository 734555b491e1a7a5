/// A write whose outcome nobody looks at.
package enum SQLWrite: Sendable {
    case statement(String, [SQLValue])
    /// New rows of a table, with a value for each of its `columns`.
    case rows(into: StaticString, columns: StaticString, [[SQLValue]])
}

extension SQLConnection {
    package func write(together writes: [SQLWrite]) async throws {
        for write in writes {
            switch write {
            case .statement(let sql, let parameters): try await self.write(sql, with: parameters)
            case .rows(let table, let columns, let rows): try await insertSome(table, columns, rows)
            }
        }
    }

    package func query(
        _ sql: String,
        _ parameters: [SQLValue],
        alongside writes: [SQLWrite]
    ) async throws -> [SQLRow] {
        try await write(together: writes)
        return try await query(sql, parameters)
    }

    /// Inserts rows; see ``write(together:)``.
    package func insert(into table: StaticString, _ columns: StaticString, _ rows: [[SQLValue]]) async throws {
        try await write(together: [.rows(into: table, columns: columns, rows)])
    }

    // Several in a statement, and few different statements, so that each is prepared once.
    private func insertSome(_ table: StaticString, _ columns: StaticString, _ rows: [[SQLValue]]) async throws {
        var rest = rows[...]
        while let first = rest.first {
            let count = rest.count >= 16 ? 16 : rest.count >= 4 ? 4 : 1
            let places = (0..<count).map { row in
                "(" + first.indices.map { "$\(row * first.count + $0 + 1)" }.joined(separator: ", ") + ")"
            }
            try await write(
                "INSERT INTO \(table) (\(columns)) VALUES \(places.joined(separator: ", "))",
                with: Array(rest.prefix(count).joined())
            )
            rest = rest.dropFirst(count)
        }
    }
}
