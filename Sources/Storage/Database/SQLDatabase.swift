import ParleyCore

/// The one thing that stores speak to. SQL is written once, with `$1…$n` parameters, and runs on every engine.
package protocol SQLDatabase: Sendable {
    var dialect: Dialect { get }

    /// Runs `body` on a connection that sees one consistent state and cannot write.
    func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result

    /// Runs `body` in one transaction: committed durably when it returns, rolled back when it throws.
    ///
    /// Nothing slow belongs in `body`: on SQLite there is one writer.
    @discardableResult
    func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result
}

/// A connection inside ``SQLDatabase/read(_:_:)`` or ``SQLDatabase/transaction(_:_:)``; it must not outlive the closure.
///
/// All methods throw ``SQLError``.
package protocol SQLConnection {
    func query(_ sql: String, _ parameters: [SQLValue]) async throws -> [SQLRow]

    /// The number of rows written.
    @discardableResult
    func execute(_ sql: String, _ parameters: [SQLValue]) async throws -> Int

    /// The same statement for many rows, in one go. The number of rows that each wrote.
    @discardableResult
    func batch(_ sql: String, _ rows: [[SQLValue]]) async throws -> [Int]

    /// The same statement for many rows, whose outcome nobody looks at: an engine across a network sends it together with
    /// what comes next. What goes wrong is thrown here, by a later call or by the commit; nothing is committed then.
    func write(_ sql: String, _ rows: [[SQLValue]]) async throws
}

extension SQLConnection {
    package func query(_ sql: String) async throws -> [SQLRow] { try await query(sql, []) }

    @discardableResult
    package func execute(_ sql: String) async throws -> Int { try await execute(sql, []) }

    package func write(_ sql: String, _ rows: [[SQLValue]]) async throws { _ = try await batch(sql, rows) }

    /// Writes one row's worth; see ``write(_:_:)``.
    package func write(_ sql: String, with parameters: [SQLValue]) async throws { try await write(sql, [parameters]) }

    /// Inserts rows, several in a statement; see ``write(_:_:)``.
    package func insert(into table: StaticString, _ columns: StaticString, _ rows: [[SQLValue]]) async throws {
        var rest = rows[...]
        while let first = rest.first {
            // Few different statements, so that each is prepared once.
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

    /// The first row, if there is one.
    package func first(_ sql: String, _ parameters: [SQLValue]) async throws -> SQLRow? {
        try await query(sql, parameters).first
    }
}
