import Foundation
import GRDB
import ParleyCore
import Storage
import Synchronization

/// One SQLite file: one writer, three readers, every commit on disk before it is acknowledged.
///
/// SQLite has a single writer by nature. Here it is an actor on a thread of its own, so that a whole transaction runs
/// without changing threads, and transactions wait for each other in the order in which they came.
package final class SQLiteDatabase: SQLDatabase {
    package let dialect = Dialect.sqlite

    private let path: String
    private let writer: SQLiteWorker
    private let readers: [SQLiteWorker]
    /// How many reads each reader has under way or waiting.
    private let readersLoad: Mutex<[Int]>
    private let lock = Mutex<FileLock?>(nil)

    /// Opens the file, creating it (mode 0600) and its folder when they do not exist.
    ///
    /// Throws ``SQLError``.
    package static func open(path: String) async throws -> SQLiteDatabase {
        try createFile(path)
        do {
            return try SQLiteDatabase(path: path)
        } catch let error as DatabaseError {
            throw SQLError(error)
        }
    }

    private init(path: String) throws {
        self.path = path
        let statements = PortableStatements()
        writer = SQLiteWorker(
            name: "parley.sqlite.writer",
            queue: try Self.writerQueue(path),
            begin: "BEGIN IMMEDIATE",
            statements: statements,
            commitsTogether: true
        )
        readers = try (1...3).map { number in
            SQLiteWorker(
                name: "parley.sqlite.reader\(number)",
                queue: try Self.readerQueue(path),
                begin: "BEGIN DEFERRED",
                statements: statements,
                commitsTogether: false
            )
        }
        readersLoad = Mutex(readers.map { _ in 0 })
    }

    package func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        let index = idlestReader()
        defer { readersLoad.withLock { $0[index] -= 1 } }
        return try await readers[index].transaction(body)
    }

    @discardableResult
    package func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        try await writer.transaction(body)
    }

    private func idlestReader() -> Int {
        readersLoad.withLock { load in
            let index = load.indices.min { load[$0] < load[$1] } ?? 0
            load[index] += 1
            return index
        }
    }

    /// Claims the file for one serving process, until ``close()`` or the end of the process.
    ///
    /// Throws ``SQLiteIsServed`` when another process serves it.
    package func lockForServing() throws {
        try lock.withLock { held in
            guard held == nil else { return }
            held = try FileLock(path: path + ".lock")
        }
    }

    /// Ends all connections; whatever is asked afterwards throws ``SQLError/disconnected``.
    package func close() {
        for reader in readers { reader.close() }
        writer.close()
        lock.withLock { $0 = nil }
    }
}

// MARK: - How a connection is set up

extension SQLiteDatabase {
    private static func writerQueue(_ path: String) throws -> DatabaseQueue {
        var configuration = configuration(cacheKilobytes: 8192)
        configuration.journalMode = .wal
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { connection in
            // GRDB relaxes this when it turns on the write-ahead log; a 200 means that it is on disk.
            try connection.execute(sql: "PRAGMA synchronous = FULL")
            // 16 MB of log: a page that is written again and again is copied into the file once.
            try connection.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
            // A log that grew under load is cut back to 64 MB at the next checkpoint.
            try connection.execute(sql: "PRAGMA journal_size_limit = 67108864")
        }
        return queue
    }

    private static func readerQueue(_ path: String) throws -> DatabaseQueue {
        var configuration = configuration(cacheKilobytes: 2048)
        configuration.readonly = true
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    private static func configuration(cacheKilobytes: Int) -> Configuration {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        // BEGIN, the statements and COMMIT are issued separately.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { connection in
            try connection.execute(sql: "PRAGMA cache_size = -\(cacheKilobytes)")
            try connection.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }

    /// SQLite gives its log the mode of the file, and messages of customers are nobody else's business.
    private static func createFile(_ path: String) throws(SQLError) {
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        if !folder.isEmpty {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw .cannotWrite("the folder of the database cannot be created")
            }
        }
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .cannotWrite(String(cString: strerror(errno))) }
        _ = Foundation.close(descriptor)
    }
}
