import ParleyCore

/// The one thing that stores speak to. SQL is written once, with `$1…$n` parameters, and runs on every engine.
package protocol SQLDatabase: Sendable {
    var dialect: Dialect { get }

    /// Runs `body` on a connection that sees one consistent state and cannot write.
    func read<Result: Sendable>(
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result

    /// Runs `body` in one transaction: committed durably when it returns, rolled back when it throws.
    ///
    /// Nothing slow belongs in `body`: on SQLite there is one writer.
    @discardableResult
    func transaction<Result: Sendable>(
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result
}

/// A connection inside ``SQLDatabase/read(_:)`` or ``SQLDatabase/transaction(_:)``; it must not outlive the closure.
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
}

extension SQLConnection {
    package func query(_ sql: String) async throws -> [SQLRow] { try await query(sql, []) }

    @discardableResult
    package func execute(_ sql: String) async throws -> Int { try await execute(sql, []) }

    /// The first row, if there is one.
    package func first(_ sql: String, _ parameters: [SQLValue]) async throws -> SQLRow? {
        try await query(sql, parameters).first
    }
}

/// The few places where engines differ. Nothing else may ask which engine it is.
package enum Dialect: String, Sendable {
    case sqlite
    case postgres

    /// Appended to a `SELECT` whose rows this transaction will change; others skip rows that are locked.
    package var lockingRows: String {
        switch self {
        // One writer at a time: the transaction itself is the lock.
        case .sqlite: ""
        case .postgres: " FOR UPDATE SKIP LOCKED"
        }
    }

    /// The next number of the fence sequence, as an expression.
    package var nextFence: String {
        switch self {
        case .sqlite: "(SELECT value FROM fence_sequence)"
        case .postgres: "nextval('fence_sequence')"
        }
    }

    /// A statement to run before ``nextFence`` is used, on an engine without sequences.
    package var advanceFence: String? {
        switch self {
        case .sqlite: "UPDATE fence_sequence SET value = value + 1"
        case .postgres: nil
        }
    }

    /// Run first in a migration's transaction, so that two nodes that start together do not both apply it.
    package var lockingMigrations: String? {
        switch self {
        case .sqlite: nil
        case .postgres: "LOCK TABLE migrations IN EXCLUSIVE MODE"
        }
    }

    /// Ranks knowledge entries for a full-text query: the condition, the score expression (higher is better).
    package var knowledgeSearch: String {
        switch self {
        case .sqlite:
            """
            SELECT k.id, k.question, k.answer, k.keywords, -bm25(knowledge_search, 0, 4.0, 1.0, 6.0) AS rank
            FROM knowledge_search s JOIN knowledge_entries k ON k.search_row = s.rowid
            WHERE knowledge_search MATCH 'business : ' || replace($1, '-', '') || ' AND (' || $2 || ')'
              AND k.business_id = $1 AND k.is_active = 1
            ORDER BY rank DESC LIMIT $3
            """
        case .postgres:
            """
            SELECT k.id, k.question, k.answer, k.keywords, ts_rank(k.search, to_tsquery('simple', $2)) AS rank
            FROM knowledge_entries k
            WHERE k.business_id = $1 AND k.is_active AND k.search @@ to_tsquery('simple', $2)
            ORDER BY rank DESC LIMIT $3
            """
        }
    }

    /// Joins search words into a full-text query that any of them satisfies. The words hold letters and digits only.
    package func anyOf(_ words: [String]) -> String {
        switch self {
        case .sqlite: words.map { "\"\($0)\"" }.joined(separator: " OR ")
        case .postgres: words.joined(separator: " | ")
        }
    }
}
