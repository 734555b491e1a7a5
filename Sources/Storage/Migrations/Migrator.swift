import ParleyCore

/// Brings the schema of a database to what this binary expects, and back.
///
/// Each migration runs in a transaction of its own together with its row in `migrations`, so it is applied wholly or not
/// at all, and once. All methods throw ``MigrationError`` and ``SQLError``.
package struct Migrator: Sendable {
    private let database: any SQLDatabase
    private let clock: any Clockwork
    private let migrations: [Migration]

    /// With the embedded migrations, or with others in tests.
    package init(
        _ database: any SQLDatabase,
        clock: any Clockwork = SystemClock(),
        migrations: [Migration]? = nil
    ) throws {
        self.database = database
        self.clock = clock
        self.migrations = try migrations ?? Migration.embedded(for: database.dialect)
    }

    /// Applies what is missing, oldest first. The migrations that this call applied.
    @discardableResult
    package func up() async throws -> [Migration] {
        try await prepare()
        try await database.read(.schema) { try await check($0) }
        var applied: [Migration] = []
        for migration in migrations where try await apply(migration) { applied.append(migration) }
        return applied
    }

    /// Takes back the newest `steps` migrations that are applied, newest first. Those that were taken back.
    @discardableResult
    package func down(_ steps: Int) async throws -> [Migration] {
        try await prepare()
        var reverted: [Migration] = []
        for _ in 0..<max(0, steps) {
            guard let migration = try await revertNewest() else { break }
            reverted.append(migration)
        }
        return reverted
    }

    /// Every migration that this binary knows or the database has, oldest first.
    package func status() async throws -> [MigrationStatus] {
        try await prepare()
        let applied = try await database.read(.schema) { try await self.applied($0) }
        let known = migrations.map { migration in
            let row = applied.first { $0.version == migration.version }
            return MigrationStatus(
                version: migration.version,
                name: migration.name,
                appliedAt: row?.appliedAt,
                isKnown: true,
                isEdited: row.map { $0.checksum != migration.checksum } ?? false
            )
        }
        let unknown = applied.filter { row in !migrations.contains { $0.version == row.version } }.map {
            MigrationStatus(
                version: $0.version,
                name: $0.name,
                appliedAt: $0.appliedAt,
                isKnown: false,
                isEdited: false
            )
        }
        return (known + unknown).sorted { $0.version < $1.version }
    }
}

/// One line of `parley migrate status`.
package struct MigrationStatus: Sendable, Equatable {
    package let version: String
    package let name: String
    /// Nil while it is not applied.
    package let appliedAt: Timestamp?
    /// False for one that a newer parley has applied.
    package let isKnown: Bool
    /// Whether the file differs from the one that was applied.
    package let isEdited: Bool
}

/// Why the schema was left as it is.
package enum MigrationError: Error, Sendable, Equatable, CustomStringConvertible {
    case edited(String)
    case unknown(String)
    case malformed(String)
    case failed(String, SQLError)

    package var description: String {
        switch self {
        case .edited(let migration):
            "the migration \(migration) has been edited after it landed; restore the file and write a new migration instead"
        case .unknown(let migration):
            "the database has the migration \(migration), which this parley does not know; run a newer parley"
        case .malformed(let file):
            "the migration file \(file) is not YYYYMMDDHHMMSS_name[.engine].sql with a line `-- up` and a line `-- down`"
        case .failed(let migration, let error): "the migration \(migration) failed and was taken back: \(error)"
        }
    }
}

// MARK: - One migration

extension Migrator {
    private struct Applied: Sendable {
        let version: String
        let name: String
        let checksum: String
        let appliedAt: Timestamp
    }

    private func prepare() async throws {
        _ = try await database.transaction(.schema) { connection in
            if let lock = database.dialect.lockingMigrations { try await connection.execute(lock) }
            // BIGINT is an integer to SQLite and 64 bits to PostgreSQL: microseconds since 1970.
            try await connection.execute(
                """
                CREATE TABLE IF NOT EXISTS migrations (
                    version TEXT NOT NULL PRIMARY KEY,
                    name TEXT NOT NULL,
                    checksum TEXT NOT NULL,
                    applied_at BIGINT NOT NULL
                )
                """
            )
        }
    }

    private func applied(_ connection: any SQLConnection) async throws -> [Applied] {
        try await connection.query("SELECT version, name, checksum, applied_at FROM migrations ORDER BY version").map {
            row in
            Applied(
                version: try row.text("version"),
                name: try row.text("name"),
                checksum: try row.text("checksum"),
                appliedAt: try row.timestamp("applied_at")
            )
        }
    }

    private func check(_ connection: any SQLConnection) async throws {
        for row in try await applied(connection) {
            guard let migration = migrations.first(where: { $0.version == row.version }) else {
                throw MigrationError.unknown("\(row.version)_\(row.name)")
            }
            guard migration.checksum == row.checksum else { throw MigrationError.edited(migration.title) }
        }
    }

    /// False when it was applied already.
    ///
    /// PostgreSQL's roles are the server's, and no lock of one database keeps the migrations of another from making the same
    /// ones at the same moment: who was a little late finds them made, and tries again.
    private func apply(_ migration: Migration) async throws -> Bool {
        var attempt = 1
        while true {
            do {
                return try await applyOnce(migration)
            } catch MigrationError.failed(_, let error) where error.mayBeARace && attempt < 5 {
                try await clock.sleep(for: Backoff.wait(after: attempt, first: .milliseconds(50)))
                attempt += 1
            }
        }
    }

    private func applyOnce(_ migration: Migration) async throws -> Bool {
        try await database.transaction(.schema) { connection in
            if let lock = database.dialect.lockingMigrations { try await connection.execute(lock) }
            let known = try await connection.first(
                "SELECT version FROM migrations WHERE version = $1",
                [.text(migration.version)]
            )
            guard known == nil else { return false }
            try await run(migration.up, of: migration, on: connection)
            try await connection.execute(
                "INSERT INTO migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                [
                    .text(migration.version), .text(migration.name), .text(migration.checksum),
                    .integer(clock.now.microseconds),
                ]
            )
            return true
        }
    }

    private func revertNewest() async throws -> Migration? {
        try await database.transaction(.schema) { connection in
            if let lock = database.dialect.lockingMigrations { try await connection.execute(lock) }
            try await check(connection)
            guard let newest = try await applied(connection).last,
                let migration = migrations.first(where: { $0.version == newest.version })
            else { return nil }
            try await run(migration.down, of: migration, on: connection)
            try await connection.execute("DELETE FROM migrations WHERE version = $1", [.text(migration.version)])
            return migration
        }
    }

    private func run(_ statements: [String], of migration: Migration, on connection: any SQLConnection) async throws {
        do {
            for statement in statements { try await connection.execute(statement) }
        } catch let error as SQLError {
            throw MigrationError.failed(migration.title, error)
        }
    }
}

extension SQLError {
    /// What somebody else makes at this moment: it is there already, not there yet, or changed under our hands.
    fileprivate var mayBeARace: Bool {
        switch self {
        case .unique: true
        case .failed(let code, _): ["42704", "42710", "XX000"].contains(code)
        default: false
        }
    }
}

extension Migration {
    package var title: String { "\(version)_\(name)" }
}
