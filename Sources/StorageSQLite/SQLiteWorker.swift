import Dispatch
import GRDB
import Storage

/// One connection and the thread that it lives on.
///
/// A transaction's closure inherits the actor that calls it, so its statements run here without changing threads. Actors
/// are re-entrant: a gate keeps a second transaction out while the first one is suspended.
actor SQLiteWorker {
    private nonisolated let executor: QueueExecutor
    private nonisolated let queue: DatabaseQueue
    private let begin: String
    private let statements: PortableStatements
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(name: String, queue: DatabaseQueue, begin: String, statements: PortableStatements) {
        executor = QueueExecutor(name: name)
        self.queue = queue
        self.begin = begin
        self.statements = statements
    }

    /// Commits when `body` returns, rolls back when it throws; the connection is usable afterwards in either case.
    ///
    /// A task that was cancelled while it waited does not begin; once the body has returned, it is committed.
    func transaction<Result: Sendable>(
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        await enter()
        defer { leave() }
        try Task.checkCancellation()

        let connection = SQLiteConnection(queue: queue, statements: statements)
        try connection.begin(begin)
        let result: Result
        do {
            result = try await body(connection)
        } catch {
            connection.rollBack()
            throw error
        }
        try connection.commit()
        return result
    }

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

private final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(name: String) { queue = DispatchQueue(label: name) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
