import ParleyCore
import Storage

/// A connection during one transaction, which begins with its first statement.
///
/// After a statement has failed, every further one fails too and the transaction is rolled back.
final class PostgresTransaction: SQLConnection {
    private let link: PostgresLink
    private let scope: SQLScope
    private let isReadOnly: Bool
    private let limit: Duration
    private var hasBegun = false
    private var isOver = false
    private(set) var failure: PostgresFailure?
    /// What is to go out with the next statement, or with COMMIT.
    private var unsent: [PostgresStatement] = []

    init(_ link: PostgresLink, _ scope: SQLScope, isReadOnly: Bool, limit: Duration) {
        self.link = link
        self.scope = scope
        self.isReadOnly = isReadOnly
        self.limit = limit
    }

    func query(_ sql: String, _ parameters: [SQLValue]) async throws -> [SQLRow] {
        try await run(sql, [parameters]).rows
    }

    func execute(_ sql: String, _ parameters: [SQLValue]) async throws -> Int {
        try await run(sql, [parameters]).counts.reduce(0, +)
    }

    func batch(_ sql: String, _ rows: [[SQLValue]]) async throws -> [Int] {
        guard !rows.isEmpty else { return [] }
        return try await run(sql, rows).counts
    }

    func write(_ sql: String, _ rows: [[SQLValue]]) async throws {
        guard !rows.isEmpty else { return }
        try checkUsable()
        try await sendLater { () throws(SQLError) in try PostgresStatement.of(sql, rows) }
    }

    func write(together writes: [SQLWrite]) async throws {
        try checkUsable()
        try await sendLater { () throws(SQLError) in try PostgresBundle.statement(writes) }
    }

    func query(_ sql: String, _ parameters: [SQLValue], alongside writes: [SQLWrite]) async throws -> [SQLRow] {
        try await run { () throws(SQLError) in try PostgresBundle.statement(writes, query: (sql, parameters)) }.rows
    }

    private func sendLater(_ make: () throws(SQLError) -> PostgresStatement?) async throws {
        do {
            guard let statement = try make() else { return }
            unsent.append(statement)
        } catch {
            failure = PostgresFailure(error)
            throw error
        }
        // The server's answers must not fill the socket while we are still writing.
        if unsent.count >= 64 { _ = try await run("SELECT 1 AS one", [[]]) }
    }

    private func checkUsable() throws {
        if let failure { throw failure.error }
        guard !isOver else {
            throw SQLError.failed(code: "misuse", message: "the transaction of this connection has ended")
        }
    }

    /// What goes out before a statement: they cost no round trip of their own.
    private func preliminaries() -> [PostgresStatement] {
        let beginning =
            hasBegun ? [] : PostgresStatement.begin(scope, isReadOnly: isReadOnly, limit: scope.limit(limit))
        hasBegun = true
        defer { unsent = [] }
        return beginning + unsent
    }

    private func run(_ sql: String, _ rows: [[SQLValue]]) async throws -> PostgresLink.Reply {
        try await run { () throws(SQLError) in try PostgresStatement.of(sql, rows) }
    }

    private func run(_ make: () throws(SQLError) -> PostgresStatement?) async throws -> PostgresLink.Reply {
        try checkUsable()
        do {
            guard let statement = try make() else { return PostgresLink.Reply() }
            try Task.checkCancellation()
            return try await link.exchange(preliminaries() + [statement], within: scope.patience(limit))
        } catch let failure as PostgresFailure {
            self.failure = failure
            throw failure.error
        } catch let error as SQLError {
            failure = PostgresFailure(error)
            throw error
        }
    }

    /// When it returns, a transaction that writes is on the server's disk. When it throws, nothing was committed, unless the
    /// connection was lost meanwhile: then nobody knows.
    func commit() async throws(PostgresFailure) {
        isOver = true
        if let failure { throw failure }
        guard hasBegun || !unsent.isEmpty else { return }
        guard !isReadOnly || !unsent.isEmpty else { return await link.sendOnly(.commit) }
        do {
            let all = preliminaries() + [.commit]
            let tag = try await link.exchange(all, within: scope.patience(limit), isCancellable: false).tag
            guard tag == "COMMIT" else {
                throw PostgresFailure(.failed(code: "25P02", message: "the transaction was rolled back"))
            }
        } catch let failure as PostgresFailure {
            throw failure.remedy == .reconnect ? PostgresFailure(.disconnected) : failure
        } catch {
            throw PostgresFailure(.disconnected)
        }
    }

    /// On its way when it returns; the connection does nothing else before it.
    func rollBack() async {
        isOver = true
        guard hasBegun else { return }
        await link.sendOnly(.rollBack)
    }
}

extension SQLScope {
    /// How long the server may work at a statement: an index of a large table takes its time.
    fileprivate func limit(_ limit: Duration) -> Duration { self == .schema ? max(limit, .seconds(3600)) : limit }

    /// How long an answer is awaited: a little longer, so that the server's own end of it comes first and the connection
    /// stays whole.
    fileprivate func patience(_ limit: Duration) -> Duration { self.limit(limit) + .seconds(2) }
}

extension PostgresLink {
    /// Why a transaction came to nothing.
    struct Refusal: Error {
        let error: any Error
        let remedy: PostgresFailure.Remedy
    }

    /// Commits when `body` returns, rolls back when it throws. The body runs on this connection's thread.
    ///
    /// A task that is cancelled before it begins does not begin; once the body has returned, it is committed.
    func transaction<Result: Sendable>(
        _ scope: SQLScope,
        isReadOnly: Bool,
        limit: Duration,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws(Refusal) -> Result {
        let transaction = PostgresTransaction(self, scope, isReadOnly: isReadOnly, limit: limit)
        do {
            try Task.checkCancellation()
            let result = try await body(transaction)
            try await transaction.commit()
            return result
        } catch {
            if transaction.failure?.remedy == .prepareAgain { forgetStatements() }
            await transaction.rollBack()
            if let failure = error as? PostgresFailure { throw Refusal(error: failure.error, remedy: failure.remedy) }
            throw Refusal(error: error, remedy: transaction.failure?.remedy ?? .none)
        }
    }
}
