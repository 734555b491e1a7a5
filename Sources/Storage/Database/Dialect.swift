import ParleyCore

/// The few places where engines differ. Nothing else may ask which engine it is.
package enum Dialect: String, Sendable {
    case sqlite
    case postgres

    /// Appended to a `SELECT` whose row nobody else may change until this transaction ends.
    package var lockingRow: String {
        switch self {
        // One writer at a time: the transaction itself is the lock.
        case .sqlite: ""
        case .postgres: " FOR UPDATE"
        }
    }

    /// The time by which leases live, as an expression; `parameter` holds the caller's own time.
    ///
    /// Nodes whose clocks disagree would steal each other's leases: between nodes the database's clock counts.
    package func leaseTime(_ parameter: String) -> String {
        switch self {
        case .sqlite: parameter
        case .postgres: "parley_lease_time(\(parameter))"
        }
    }

    /// `leaseTime` and so many microseconds.
    package func leaseTime(_ parameter: String, plusMicroseconds microseconds: String) -> String {
        time(leaseTime(parameter), plusMicroseconds: microseconds)
    }

    /// A time that lies so many microseconds after another.
    package func time(_ time: String, plusMicroseconds microseconds: String) -> String {
        switch self {
        case .sqlite: "\(time) + \(microseconds)"
        case .postgres: "\(time) + \(microseconds) * interval '1 microsecond'"
        }
    }

    /// The later of two times.
    package func later(_ one: String, _ other: String) -> String {
        switch self {
        case .sqlite: "max(\(one), \(other))"
        case .postgres: "greatest(\(one), \(other))"
        }
    }

    /// The earlier of two times.
    package func earlier(_ one: String, _ other: String) -> String {
        switch self {
        case .sqlite: "min(\(one), \(other))"
        case .postgres: "least(\(one), \(other))"
        }
    }

    /// A condition: the id is none of those in a parameter, made by ``ids(_:)``.
    package func isNone(_ id: String, of parameter: String) -> String {
        switch self {
        case .sqlite: "\(id) NOT IN (SELECT value FROM json_each(\(parameter)))"
        case .postgres: "\(id) <> ALL (\(parameter)::uuid[])"
        }
    }

    /// Many ids in one parameter.
    package func ids<Entity>(_ ids: [ID<Entity>]) -> SQLValue {
        switch self {
        case .sqlite: .json(.array(ids.map { .string($0.description) }))
        case .postgres: .array(ids.map { .id($0) })
        }
    }

    /// A statement that succeeds only where commits are taken.
    package var writeProbe: String {
        switch self {
        case .sqlite: "UPDATE fence_sequence SET value = value"
        case .postgres: "SELECT nextval('fence_sequence')"
        }
    }

    /// Whether a table of a name exists: one row, or none.
    package var tableNamed: String {
        switch self {
        case .sqlite: "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = $1"
        case .postgres: "SELECT 1 AS found FROM pg_class WHERE oid = to_regclass($1)"
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
        // An arbitrary number that only this uses; freed with the transaction, so a pooler in between does no harm.
        case .postgres: "SELECT pg_advisory_xact_lock(7209138254)"
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
            SELECT k.id, k.question, k.answer, k.keywords, ts_rank(k.search, query) AS rank
            FROM knowledge_entries k, to_tsquery('english', $2) AS query
            WHERE k.business_id = $1 AND k.is_active AND k.search @@ query
            ORDER BY rank DESC, k.id LIMIT $3
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
