import Foundation
import GRDB
import GRDBSQLite
import ParleyCore
import Storage

/// A connection during one transaction.
///
/// After a statement has failed, every further one fails too and the transaction is rolled back: PostgreSQL does the
/// same, so code that would work on one engine alone is found on both.
final class SQLiteConnection: SQLConnection {
    private let queue: DatabaseQueue
    private let statements: PortableStatements
    private var failure: SQLError?
    private var isOver = false
    private var isMarked = false

    init(queue: DatabaseQueue, statements: PortableStatements) {
        self.queue = queue
        self.statements = statements
    }

    func query(_ sql: String, _ parameters: [SQLValue]) async throws -> [SQLRow] {
        try run(sql) { _, statement in
            try statement.bind(parameters)
            return try statement.rows()
        }
    }

    func execute(_ sql: String, _ parameters: [SQLValue]) async throws -> Int {
        try run(sql) { connection, statement in
            try statement.bind(parameters)
            return try statement.execute(on: connection)
        }
    }

    func batch(_ sql: String, _ rows: [[SQLValue]]) async throws -> [Int] {
        guard !rows.isEmpty else { return [] }
        return try run(sql) { connection, statement in
            try rows.map { parameters in
                try statement.bind(parameters)
                return try statement.execute(on: connection)
            }
        }
    }

    private func run<Result>(
        _ sql: String,
        _ body: (Database, BoundStatement) throws -> Result
    ) throws(SQLError) -> Result {
        if let failure { throw failure }
        guard !isOver else { throw .failed(code: "misuse", message: "the transaction of this connection has ended") }
        do {
            return try queue.writeWithoutTransaction { connection in
                // Some errors (disk full, I/O) end a transaction; nothing may then be committed on its own.
                guard connection.isInsideTransaction else { throw SQLError.cannotWrite("the transaction was ended") }
                return try body(connection, statements.prepare(sql, on: connection))
            }
        } catch {
            let error = SQLError(error)
            failure = error
            throw error
        }
    }
}

// MARK: - The transaction itself

extension SQLiteConnection {
    func begin(_ sql: String) throws(SQLError) {
        do {
            try queue.writeWithoutTransaction { connection in
                // Only after a ROLLBACK that failed; the disk may be well again.
                if connection.isInsideTransaction { try connection.execute(sql: "ROLLBACK") }
                try connection.cachedStatement(sql: sql).execute()
            }
        } catch {
            throw SQLError(error)
        }
    }

    /// When it throws, nothing was committed and no transaction is open.
    func commit() throws(SQLError) {
        if let failure {
            rollBack()
            throw failure
        }
        isOver = true
        do {
            try queue.writeWithoutTransaction { try $0.cachedStatement(sql: "COMMIT").execute() }
        } catch {
            rollBack()
            throw SQLError(error)
        }
    }

    // MARK: Sharing a transaction

    /// Begins one member's work inside the shared transaction.
    func mark() throws(SQLError) {
        do {
            try queue.writeWithoutTransaction { connection in
                // Outside a transaction a savepoint would begin one of its own, without the members before it.
                guard connection.isInsideTransaction else { throw SQLError.cannotWrite("the transaction was ended") }
                try connection.cachedStatement(sql: "SAVEPOINT member").execute()
            }
            isMarked = true
        } catch {
            throw SQLError(error)
        }
    }

    /// Leaves one member's work to the shared commit.
    func keep() throws(SQLError) {
        if let failure { throw failure }
        isOver = true
        guard isMarked else { return }
        do {
            try queue.writeWithoutTransaction { try $0.cachedStatement(sql: "RELEASE member").execute() }
        } catch {
            throw SQLError(error)
        }
    }

    /// Undoes one member's work. False when the shared transaction did not survive: then nobody's work is there any more.
    func undo() -> Bool {
        isOver = true
        // The first member's work is all that the transaction holds: it goes with it.
        guard isMarked else { return true }
        return queue.writeWithoutTransaction { connection in
            guard connection.isInsideTransaction else { return false }
            do {
                try connection.cachedStatement(sql: "ROLLBACK TO member").execute()
                try connection.cachedStatement(sql: "RELEASE member").execute()
                return connection.isInsideTransaction
            } catch {
                return false
            }
        }
    }

    func rollBack() {
        isOver = true
        queue.writeWithoutTransaction { connection in
            guard connection.isInsideTransaction else { return }
            // What it leaves behind when it fails is ended before the next transaction begins.
            try? connection.cachedStatement(sql: "ROLLBACK").execute()
        }
    }
}
