import CLibPQ
import Dispatch
import ParleyCore
import Storage

/// One connection, always in pipeline mode: any number of statements and one mark go out together, and their answers come
/// back together.
///
/// It lives on the thread of its ``PostgresLoop``. One transaction at a time: the pool sees to that.
actor PostgresLink {
    private let loop: PostgresLoop
    private let settings: PostgresSettings
    private var handle: PostgresHandle?
    private var statements = PreparedStatements()
    private var namesStatements: Bool
    /// Answers that nobody waits for, to be read before those of the next exchange: of a ROLLBACK, of a read's COMMIT.
    private var owed: [Expectation] = []

    /// What the server answers next.
    private enum Expectation {
        case forgotten(name: String)
        case prepared(sql: String, name: String)
        case answer
        case mark
    }

    /// What a statement answered, one count for each of its rows of parameters.
    struct Reply: Sendable {
        var rows: [SQLRow] = []
        var counts: [Int] = []
        /// The command tag of the last answer: `COMMIT`, `INSERT 0 1`.
        var tag = ""
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ settings: PostgresSettings, on loop: PostgresLoop) {
        self.settings = settings
        self.loop = loop
        namesStatements = settings.preparing != .off
    }

    deinit { loop.rest() }

    var isBroken: Bool { handle == nil }

    /// Connects; one attempt.
    ///
    /// Throws ``PostgresUnreachable`` and `CancellationError`.
    func open() async throws {
        let deadline = ContinuousClock.now + settings.connectTimeout
        let handle = try await PostgresHandle.open(settings, on: loop, until: deadline)
        guard PQenterPipelineMode(handle.pointer) == 1 else {
            throw PostgresUnreachable(reason: "the connection has no pipeline mode")
        }
        self.handle = handle
        guard settings.preparing == .auto else { return }
        do {
            namesStatements = try await !isBehindPooler()
        } catch let failure as PostgresFailure {
            throw PostgresUnreachable(reason: failure.error.description)
        }
    }

    /// A pooler tells a process number of its own invention, and may send each transaction to another server process.
    func isBehindPooler() async throws -> Bool {
        guard let handle else { throw PostgresFailure.lost }
        let told = Int64(PQbackendPID(handle.pointer))
        let query = PostgresStatement("SELECT pg_backend_pid() AS pid", isKept: false)
        return try await exchange([query], within: settings.connectTimeout).rows.first?.optionalInt("pid") != told
    }

    /// Whether the server is asked to keep statements prepared.
    var keepsStatements: Bool { namesStatements }

    /// Whether the connection is encrypted.
    var isEncrypted: Bool { handle.map { PQsslInUse($0.pointer) == 1 } ?? false }

    /// Whether it stays on this machine.
    var isLocal: Bool {
        guard let handle else { return false }
        let host = PQhost(handle.pointer).map { String(cString: $0) } ?? ""
        let address = PQhostaddr(handle.pointer).map { String(cString: $0) } ?? ""
        return host.hasPrefix("/") || address.hasPrefix("127.") || address == "::1"
    }

    /// Whether the server is still there, as far as can be told without asking it, or by asking it.
    func isFit(asking: Bool) async -> Bool {
        guard let handle else { return false }
        // A goodbye of the server's is a message and the end of the stream: two readings.
        for _ in 0..<3 where PostgresHandle.isReadable(handle) {
            guard PQconsumeInput(handle.pointer) == 1 else {
                close()
                return false
            }
        }
        guard asking else { return true }
        let ping = PostgresStatement("SELECT 1 AS one", isKept: false)
        return (try? await exchange([ping], within: .seconds(1))) != nil && !isBroken
    }

    func close() {
        handle = nil
        owed = []
    }

    /// Prepares everything anew.
    func forgetStatements() { statements.forgetAll() }
}

// MARK: - Exchanges

extension PostgresLink {
    /// Sends all statements and waits for all answers: one round trip, however many they are. The answer of the last.
    ///
    /// After an error the server passes over what follows, up to the mark; the connection can then be used again. When an
    /// answer does not come in time, or the task is cancelled, the connection is given up.
    ///
    /// Throws ``PostgresFailure`` and `CancellationError`.
    func exchange(
        _ sent: [PostgresStatement],
        within limit: Duration,
        isCancellable: Bool = true
    ) async throws -> Reply {
        if isCancellable { try Task.checkCancellation() }
        guard let handle else { throw PostgresFailure.lost }
        let deadline = ContinuousClock.now + limit
        var left = owed
        owed = []
        var expected: [Expectation] = []
        do {
            if !statements.retired.isEmpty {
                // Before a mark of their own: a transaction that chooses its isolation begins with that.
                for name in statements.retired { try forget(name, handle, &left) }
                try mark(handle, &left)
            }
            for statement in sent.dropLast() { try send(statement, handle, &expected) }
            let preliminaries = expected.count
            if let statement = sent.last { try send(statement, handle, &expected) }
            try mark(handle, &expected)
            for expectation in left {
                // Nobody waits for these; whatever they say, no transaction is open after their mark.
                do {
                    try await receive(expectation, handle, deadline, isCancellable, { _ in })
                } catch is PostgresFailure {}
            }
            return try await receive(expected, after: preliminaries, handle, deadline, isCancellable)
        } catch let interruption as Interruption {
            if interruption != .lost { handle.cancelOnServer() }
            close()
            switch interruption {
            case .lost: throw PostgresFailure.lost
            case .late: throw PostgresFailure(.disconnected)
            case .cancelled: throw CancellationError()
            }
        }
    }

    /// Sends a statement whose answer nobody waits for: it is on its way when this returns.
    func sendOnly(_ statement: PostgresStatement) {
        guard let handle else { return }
        var expected: [Expectation] = []
        do {
            try send(statement, handle, &expected)
            try mark(handle, &expected)
            owed += expected
        } catch {
            close()
        }
    }

    /// Why an exchange ends before its mark; the connection cannot be used after it.
    private enum Interruption: Error {
        case lost, late, cancelled
    }

    private func send(
        _ statement: PostgresStatement,
        _ handle: PostgresHandle,
        _ expected: inout [Expectation]
    ) throws {
        let name: String
        let isNamed = namesStatements && statement.isKept
        if isNamed, let known = statements.name(of: statement.sql) {
            name = known
        } else {
            name = isNamed ? statements.newName(for: statement.sql) : ""
            guard PQsendPrepare(handle.pointer, name, statement.sql, 0, nil) == 1 else { throw Interruption.lost }
            expected.append(.prepared(sql: statement.sql, name: name))
        }
        for row in statement.rows {
            let isSent = PostgresParameters(row).withPointers { count, values, lengths, formats in
                PQsendQueryPrepared(handle.pointer, name, count, values, lengths, formats, 1)
            }
            guard isSent == 1 else { throw Interruption.lost }
            expected.append(.answer)
        }
    }

    private func forget(_ name: String, _ handle: PostgresHandle, _ expected: inout [Expectation]) throws {
        guard PQsendQueryParams(handle.pointer, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1 else {
            throw Interruption.lost
        }
        expected.append(.forgotten(name: name))
    }

    private func mark(_ handle: PostgresHandle, _ expected: inout [Expectation]) throws {
        guard PQpipelineSync(handle.pointer) == 1, PQflush(handle.pointer) >= 0 else { throw Interruption.lost }
        expected.append(.mark)
    }

    private func receive(
        _ expected: [Expectation],
        after preliminaries: Int,
        _ handle: PostgresHandle,
        _ deadline: ContinuousClock.Instant,
        _ isCancellable: Bool
    ) async throws -> Reply {
        var reply = Reply()
        var failure: PostgresFailure?
        for (index, expectation) in expected.enumerated() {
            do {
                let isWanted = index >= preliminaries
                try await receive(
                    expectation,
                    handle,
                    deadline,
                    isCancellable,
                    isWanted ? { try reply.add($0) } : { _ in }
                )
            } catch let error as PostgresFailure {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return reply
    }

    /// Throws ``PostgresFailure`` when the server answers with an error, and ``Interruption``.
    private func receive(
        _ expectation: Expectation,
        _ handle: PostgresHandle,
        _ deadline: ContinuousClock.Instant,
        _ isCancellable: Bool,
        _ keep: (OpaquePointer) throws -> Void
    ) async throws {
        if case .mark = expectation {
            guard let result = try await next(handle, deadline, isCancellable) else { throw Interruption.lost }
            defer { PQclear(result) }
            guard PQresultStatus(result) == PGRES_PIPELINE_SYNC else { throw Interruption.lost }
            statements.settle()
            return
        }
        var failure: PostgresFailure?
        while let result = try await next(handle, deadline, isCancellable) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
                switch expectation {
                case .prepared(let sql, let name): if !name.isEmpty { statements.remember(sql, as: name) }
                case .forgotten(let name): statements.forget(name)
                case .answer:
                    do { try keep(result) } catch let error as SQLError { failure = failure ?? PostgresFailure(error) }
                case .mark: break
                }
            // An error before it has been told already.
            case PGRES_PIPELINE_ABORTED: break
            default:
                let error = PostgresFailure(result)
                if error.remedy == .reconnect { throw Interruption.lost }
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    /// The next result; nil ends those of one statement.
    private func next(
        _ handle: PostgresHandle,
        _ deadline: ContinuousClock.Instant,
        _ isCancellable: Bool
    ) async throws -> OpaquePointer? {
        while PQisBusy(handle.pointer) == 1 {
            let unsent = PQflush(handle.pointer)
            guard unsent >= 0 else { throw Interruption.lost }
            let interest = PostgresLoop.Interest(socket: PQsocket(handle.pointer), writing: unsent == 1)
            switch await loop.wait(loop.ticket(), for: interest, until: deadline, isCancellable: isCancellable) {
            case .ready: break
            case .deadline: throw Interruption.late
            case .cancelled: throw Interruption.cancelled
            }
            // Fails at the end of the stream, after all that came before it has been read.
            guard PQconsumeInput(handle.pointer) == 1 else { throw Interruption.lost }
        }
        return PQgetResult(handle.pointer)
    }
}

extension PostgresLink.Reply {
    fileprivate mutating func add(_ result: OpaquePointer) throws(SQLError) {
        counts.append(PostgresRows.written(by: result))
        tag = PQcmdStatus(result).map { String(cString: $0) } ?? ""
        if PQresultStatus(result) == PGRES_TUPLES_OK { rows += try PostgresRows.rows(of: result) }
    }
}
