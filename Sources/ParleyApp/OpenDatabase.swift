import Logging
import ParleyCore
import Storage
import StoragePostgres
import StorageSQLite
import Synchronization

/// The database that `PARLEY_DATABASE_URL` names, whichever engine that is.
package struct OpenDatabase: SQLDatabase {
    private enum Engine: Sendable {
        case sqlite(SQLiteDatabase)
        case postgres(PostgresDatabase)
    }

    private let engine: Engine

    /// Throws ``SettingsError``, and what the engine throws when it cannot be reached.
    package static func open(_ settings: ParleySettings, logger: Logger) async throws -> OpenDatabase {
        switch try settings.database() {
        case .sqlite(let path):
            try DataFolder.make(try settings.dataFolder())
            return OpenDatabase(try await SQLiteDatabase.open(path: path))
        case .postgres(let url):
            // What goes wrong before it is open is thrown, and nobody tries again.
            let opening = Opening()
            let database = try await PostgresDatabase.open(url: url) { news in
                guard opening.isOver.load(ordering: .relaxed) else { return }
                switch news {
                case .connectionLost: logger.notice("a connection to PostgreSQL was lost")
                case .unreachable(let reason):
                    logger.error("PostgreSQL cannot be reached; trying again", metadata: ["reason": "\(reason)"])
                case .reachableAgain(let outage):
                    logger.notice("PostgreSQL is back", metadata: ["after": "\(outage)"])
                }
            }
            opening.isOver.store(true, ordering: .relaxed)
            return OpenDatabase(database)
        }
    }

    private final class Opening: Sendable {
        let isOver = Atomic(false)
    }

    package init(_ database: SQLiteDatabase) { engine = .sqlite(database) }
    package init(_ database: PostgresDatabase) { engine = .postgres(database) }

    package var dialect: Dialect {
        switch engine {
        case .sqlite: .sqlite
        case .postgres: .postgres
        }
    }

    package func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        switch engine {
        case .sqlite(let database): try await database.read(scope, body)
        case .postgres(let database): try await database.read(scope, body)
        }
    }

    @discardableResult
    package func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        switch engine {
        case .sqlite(let database): try await database.transaction(scope, body)
        case .postgres(let database): try await database.transaction(scope, body)
        }
    }

    package func close() async {
        switch engine {
        case .sqlite(let database): database.close()
        case .postgres(let database): await database.close()
        }
    }
}

// MARK: - Serving

extension OpenDatabase {
    /// PostgreSQL's own report, for `parley doctor`; nil on SQLite.
    package var postgres: PostgresDatabase? {
        if case .postgres(let database) = engine { database } else { nil }
    }

    /// Whether other nodes may serve the same database at this moment.
    package var isShared: Bool { postgres != nil }

    /// Claims the database for one process where only one may serve it. Throws ``SQLiteIsServed``.
    package func lockForServing() throws {
        if case .sqlite(let database) = engine { try database.lockForServing() }
    }

    /// Says what was found of a server's promises. Throws ``SettingsError`` when it cannot keep what a 200 promises.
    package func examine(_ logger: Logger) async throws {
        guard let postgres else { return }
        let findings = try await postgres.findings()
        if let broken = findings.first(where: \.isFatal) {
            throw SettingsError(key: "PARLEY_DATABASE_URL", fix: "\(broken.what); \(broken.fix ?? "")")
        }
        let doubts = findings.filter { !$0.isGood }
        for doubt in doubts {
            logger.warning("PostgreSQL, \(doubt.subject): \(doubt.what)", metadata: ["fix": "\(doubt.fix ?? "")"])
        }
        let good = findings.filter(\.isGood).map { "\($0.subject): \($0.what)" }
        logger.notice(
            doubts.isEmpty
                ? "PostgreSQL is as it should be"
                : "PostgreSQL will do, but see the warnings above",
            metadata: ["found": "\(good.joined(separator: "; "))"]
        )
    }
}
