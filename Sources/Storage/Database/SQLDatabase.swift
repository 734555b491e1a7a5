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

    /// Writes that neither look at each other's rows nor touch the same row: an engine across a network makes one
    /// statement of them, in which all see the state from before it. The last is done last.
    func write(together writes: [SQLWrite]) async throws

    /// The same, and a query whose answer does not depend on whether it sees them.
    func query(_ sql: String, _ parameters: [SQLValue], alongside writes: [SQLWrite]) async throws -> [SQLRow]
}

extension SQLConnection {
    package func query(_ sql: String) async throws -> [SQLRow] { try await query(sql, []) }

    @discardableResult
    package func execute(_ sql: String) async throws -> Int { try await execute(sql, []) }

    package func write(_ sql: String, _ rows: [[SQLValue]]) async throws { _ = try await batch(sql, rows) }

    /// Writes one row's worth; see ``write(_:_:)``.
    package func write(_ sql: String, with parameters: [SQLValue]) async throws { try await write(sql, [parameters]) }

    /// The first row, if there is one.
    package func first(_ sql: String, _ parameters: [SQLValue]) async throws -> SQLRow? {
        try await query(sql, parameters).first
    }
}
