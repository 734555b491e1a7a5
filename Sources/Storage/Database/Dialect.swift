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
