import ParleyCore
import Storage

/// A PostgreSQL database behind a pool of connections that are made when they are needed.
///
/// Transactions that other transactions upset (deadlock, serialization) are run again, and so are those that lost their
/// connection before COMMIT was sent: a body may run up to three times.
package final class PostgresDatabase: SQLDatabase {
    package let dialect = Dialect.postgres
    package let settings: PostgresSettings
    let pool: PostgresPool

    /// How many callers wait for a connection at this moment.
    package var callersWaiting: Int { pool.waiting }

    private static let attempts = 3

    /// Makes no connection yet.
    ///
    /// - Parameter report: told of outages and their ends; called from any thread, and must be quick.
    package init(settings: PostgresSettings, report: @escaping @Sendable (PostgresNews) -> Void = { _ in }) {
        self.settings = settings
        pool = PostgresPool(settings, report: report)
    }

    /// Makes the first connection too, so that a mistake in the URL is told at once.
    ///
    /// Throws ``PostgresURLError`` and ``PostgresUnreachable``.
    package static func open(
        url: Secret<String>,
        report: @escaping @Sendable (PostgresNews) -> Void = { _ in }
    ) async throws -> PostgresDatabase {
        let database = PostgresDatabase(settings: try PostgresSettings(url: url), report: report)
        try await database.pool.openFirst()
        return database
    }

    package func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        try await run(scope, isReadOnly: true, body)
    }

    @discardableResult
    package func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        try await run(scope, isReadOnly: false, body)
    }

    private func run<Result: Sendable>(
        _ scope: SQLScope,
        isReadOnly: Bool,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        var attempt = 1
        while true {
            let link = try await pool.borrow()
            do {
                let result = try await link.transaction(
                    scope,
                    isReadOnly: isReadOnly,
                    limit: settings.statementTimeout,
                    body
                )
                await pool.giveBack(link)
                return result
            } catch {
                await pool.giveBack(link)
                guard attempt < Self.attempts else { throw error.error }
                switch error.remedy {
                case .none: throw error.error
                case .again: try await Task.sleep(for: Backoff.wait(after: attempt, first: .milliseconds(20)))
                case .prepareAgain, .reconnect: break
                }
                attempt += 1
            }
        }
    }

    /// Ends all connections, those in use when they are given back; whatever is asked afterwards throws
    /// ``SQLError/disconnected``.
    package func close() async { await pool.close() }
}

/// What happens to the database, for whoever keeps a log.
package enum PostgresNews: Sendable, Equatable {
    /// A connection that was in use or waiting is gone.
    case connectionLost
    /// No connection can be made, for the first time since the last one was.
    case unreachable(reason: String)
    /// A connection could be made again.
    case reachableAgain(after: Duration)
}
