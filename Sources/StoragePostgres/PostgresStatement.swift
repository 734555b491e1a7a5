import ParleyCore
import Storage

/// A statement and the rows of parameters that it is executed with.
struct PostgresStatement: Sendable {
    let sql: String
    let rows: [[SQLValue]]
    /// Whether the server should keep it prepared: worth it for what comes again.
    let isKept: Bool

    init(_ sql: String, _ rows: [[SQLValue]] = [[]], isKept: Bool = true) {
        self.sql = sql
        self.rows = rows
        self.isKept = isKept
    }

    /// A statement of a store.
    static func of(_ sql: String, _ rows: [[SQLValue]]) throws(SQLError) -> PostgresStatement {
        for row in rows where row.count > PostgresParameters.maximum {
            throw .failed(
                code: "parameters",
                message: "\(row.count) given; \(PostgresParameters.maximum) fit a statement"
            )
        }
        return PostgresStatement(sql, rows, isKept: !changesSchema(sql))
    }

    private static func changesSchema(_ sql: String) -> Bool {
        ["CREATE ", "DROP ", "ALTER "].contains { sql.hasPrefix($0) }
    }
}

extension PostgresStatement {
    // Never kept: the end of a transaction must not depend on what the server still knows.
    static let commit = PostgresStatement("COMMIT", isKept: false)
    static let rollBack = PostgresStatement("ROLLBACK", isKept: false)

    /// What begins a transaction. Everything that it sets ends with the transaction: a pooled connection carries nothing
    /// from one to the next.
    static func begin(_ scope: SQLScope, isReadOnly: Bool, limit: Duration) -> [PostgresStatement] {
        [
            // A read sees one state, from its first statement on. A write sees after each lock what was committed before it,
            // whatever the server's default is: that no event is left without a lane rests on it.
            PostgresStatement(
                isReadOnly
                    ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED",
                isKept: false
            ),
            PostgresStatement(
                """
                SELECT set_config('role', $1, true), set_config('parley.business_id', $2, true),
                    set_config('statement_timeout', $3, true), set_config('idle_in_transaction_session_timeout', $4, true)
                """,
                [[.text(scope.role), .text(scope.business), .integer(limit.milliseconds), .integer(idle.milliseconds)]]
            ),
        ]
    }

    /// A transaction that a stopped node left open holds its locks for no longer than this: other nodes' webhooks for the
    /// same conversations wait behind it. A node that is merely starved of CPU must not lose its own by it.
    private static let idle: Duration = .seconds(5)
}

extension SQLScope {
    /// The database's role for it; `none` is the login itself.
    fileprivate var role: String {
        switch self {
        case .business: "parley_business"
        case .intake: "parley_intake"
        case .dispatch: "parley_dispatch"
        case .house: "parley_house"
        case .schema: "none"
        }
    }

    fileprivate var business: String {
        if case .business(let id) = self { id.description } else { "" }
    }
}
