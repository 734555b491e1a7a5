import Dispatch
import GRDB
import Storage

/// One connection and the thread that it lives on.
///
/// A transaction's closure inherits the actor that calls it, so its statements run here without changing threads. Actors
/// are re-entrant: a gate keeps a second transaction out while the first one is suspended.
///
/// On the writer, transactions that wait for each other share one commit. Each runs in a savepoint of its own, and
/// nobody is told of success before the commit that holds their work is on disk: under load the disk is asked once for
/// many, and what one of them does wrong is undone for that one alone.
actor SQLiteWorker {
    private nonisolated let executor: QueueExecutor
    private nonisolated let queue: DatabaseQueue
    private let begin: String
    private let statements: PortableStatements
    private let commitsTogether: Bool
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var group: CommitGroup?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(
        name: String,
        queue: DatabaseQueue,
        begin: String,
        statements: PortableStatements,
        commitsTogether: Bool
    ) {
        executor = QueueExecutor(name: name)
        self.queue = queue
        self.begin = begin
        self.statements = statements
        self.commitsTogether = commitsTogether
    }

    /// Commits when `body` returns, rolls back when it throws; the connection is usable afterwards in either case.
    ///
    /// A task that was cancelled while it waited does not begin; once the body has returned, it is committed.
    func transaction<Result: Sendable>(
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        await enter()
        do {
            let result = try await run(body)
            try await finish()
            return result
        } catch let failure as BodyFailure {
            abandon()
            throw failure.error
        }
    }

    // MARK: One transaction of a group

    private func run<Result: Sendable>(
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws(BodyFailure) -> Result {
        do {
            try Task.checkCancellation()
            // A connection object of its own for each: one that has failed refuses everything after.
            let connection = SQLiteConnection(queue: queue, statements: statements)
            if group == nil {
                try connection.begin(begin)
                group = CommitGroup()
            }
            guard commitsTogether else { return try await body(connection) }
            // Nobody's work but the first one's own could be undone with it, and a savepoint copies every page it touches.
            if let group, group.size > 0 { try connection.mark() }
            do {
                let result = try await body(connection)
                try connection.keep()
                return result
            } catch {
                if !connection.undo() { group?.isBroken = true }
                throw error
            }
        } catch {
            throw BodyFailure(error: error)
        }
    }

    // The work is done: commit it, or let those who wait join in and be told when it is on disk.
    private func finish() async throws {
        group?.size += 1
        guard mayJoin else { return try commit() }
        try await withCheckedThrowingContinuation { continuation in
            group?.members.append(continuation)
            leave()
        }
    }

    // The work was undone; those who joined before must not wait for longer than they would have.
    private func abandon() {
        if commitsTogether, let group, group.size > 0 {
            // Their own continuations tell of a failure.
            if mayJoin { leave() } else { try? commit() }
            return
        }
        if group != nil {
            SQLiteConnection(queue: queue, statements: statements).rollBack()
            group = nil
        }
        leave()
    }

    private var mayJoin: Bool {
        guard commitsTogether, let group, !group.isBroken, !waiting.isEmpty else { return false }
        return group.size < CommitGroup.largest && group.begunAt.duration(to: .now) < CommitGroup.longest
    }

    // One commit for the whole group; all of it is on disk, or none of it is.
    private func commit() throws {
        let (members, isBroken) = (group?.members ?? [], group?.isBroken ?? false)
        group = nil
        defer { leave() }
        let connection = SQLiteConnection(queue: queue, statements: statements)
        do {
            if isBroken {
                connection.rollBack()
                throw SQLError.cannotWrite("the transaction was ended")
            }
            try connection.commit()
            for member in members { member.resume() }
        } catch {
            for member in members { member.resume(throwing: error) }
            throw error
        }
    }

    // MARK: The gate

    private func enter() async {
        guard isBusy else {
            isBusy = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        guard !waiting.isEmpty else {
            isBusy = false
            return
        }
        // The gate stays shut: it is handed to the one who has waited longest.
        waiting.removeFirst().resume()
    }

    nonisolated func close() { try? queue.close() }
}

/// Transactions that wait for the same commit.
private struct CommitGroup {
    /// Beyond this, those who came first wait longer than the disk would have taken.
    static let largest = 64
    static let longest: Duration = .milliseconds(3)

    /// Finished transactions, the one that commits included.
    var size = 0
    /// The database ended the transaction on its own (disk full, I/O): what members had done is gone.
    var isBroken = false
    let begunAt = ContinuousClock.now
    var members: [CheckedContinuation<Void, any Error>] = []
}

/// What a transaction's own closure, or its savepoint, threw.
private struct BodyFailure: Error {
    let error: any Error
}

private final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(name: String) { queue = DispatchQueue(label: name) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
