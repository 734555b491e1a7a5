import Logging
import ParleyCore
import Storage
import StorageSQLite

// parley migrate copy
extension Operations {
    /// Copies a database into another, which is migrated and must be empty.
    ///
    /// - Parameter target: a database URL; nil is the one that the settings name.
    package static func copyDatabase(
        configFile: String?,
        from source: String,
        to target: String?
    ) async throws -> Report {
        let settings = try await ParleySettings.read(file: configFile)
        return try await copyDatabase(settings, from: Secret(source), to: target.map { Secret($0) })
    }

    package static func copyDatabase(
        _ settings: ParleySettings,
        from source: Secret<String>,
        to target: Secret<String>?,
        clock: any Clockwork = SystemClock()
    ) async throws -> Report {
        let (from, to) = (settings.with(source), settings.with(target ?? settings.databaseURL))
        if case .sqlite(let path) = try choice(from, "--from"), !DataFolder.exists(path) {
            throw OperationError("there is no database \(path)", fix: "name the one to copy with --from sqlite:PATH")
        }
        _ = try choice(to, target == nil ? "PARLEY_DATABASE_URL" : "--to")
        let logger = logger(settings)
        return try await lending(from, logger) { source in
            try locking(source, "--from")
            guard try await Migrator(source).status().allSatisfy(\.isCurrent) else {
                throw OperationError(
                    "the source's schema is not this version's",
                    fix: "bring it up to date first: PARLEY_DATABASE_URL=… parley migrate up"
                )
            }
            try await refuseIfServed(source, at: clock.now)
            let keys = try await masterKeys(of: source)
            return try await lending(to, logger) { target in
                try locking(target, "--to")
                try await Migrator(target, clock: clock).up()
                let note = try CopyNote(settings, from: from, to: to, keys: keys)
                do {
                    let tables = try await DatabaseCopy(source: source, target: target, clock: clock).run()
                    return report(tables, note)
                } catch let difference as DatabaseCopy.Differs {
                    return report(difference.tables, note)
                }
            }
        }
    }

    private static func report(_ tables: [DatabaseCopy.Table], _ note: CopyNote) -> Report {
        let isGood = tables.allSatisfy(\.isSame)
        let rows = tables.reduce(0) { $0 + $1.source.count }
        let replaced = tables.reduce(0) { $0 + $1.replaced }
        var blocks: [Report.Block] = [
            .table(
                ["TABLE", "ROWS", "CHECKSUM", "ON BOTH SIDES"],
                tables.map {
                    [$0.name, String($0.source.count), $0.source.checksum, $0.isSame ? "the same" : "DIFFERENT"]
                }
            )
        ]
        if replaced > 0 {
            blocks.append(
                .check(
                    .note,
                    "\(replaced) texts held U+0000, which PostgreSQL cannot store: it became U+FFFD",
                    fix: nil
                )
            )
        }
        if isGood {
            blocks.append(
                .check(.good, "copied \(rows) rows in \(tables.count) tables; the source is as it was", fix: nil)
            )
            blocks += note.blocks
        } else {
            let fix = "nothing was copied; please report it with the table above, it holds no data"
            blocks.append(.check(.bad, "what arrived is not what was sent, and was taken back", fix: fix))
        }
        return Report(
            [
                "rows": JSON(rows), "replaced_nul": JSON(replaced), "is_same": .bool(isGood),
                "master_key_ids": .array(note.keys.map { JSON($0) }),
                "tables": .array(
                    tables.map {
                        [
                            "table": JSON($0.name), "rows": JSON($0.source.count),
                            "checksum": JSON($0.source.checksum), "target_rows": JSON($0.target.count),
                            "target_checksum": JSON($0.target.checksum), "replaced_nul": JSON($0.replaced),
                        ]
                    }
                ),
            ],
            blocks,
            isGood: isGood
        )
    }
}

// MARK: - Opening

extension Operations {
    private static func choice(_ settings: ParleySettings, _ option: String) throws -> DatabaseChoice {
        do {
            return try settings.database()
        } catch {
            throw OperationError("\(option) is no database URL", fix: error.fix)
        }
    }

    private static func lending(
        _ settings: ParleySettings,
        _ logger: Logger,
        _ body: (OpenDatabase) async throws -> Report
    ) async throws -> Report {
        let database = try await OpenDatabase.open(settings, logger: logger)
        do {
            let report = try await body(database)
            await database.close()
            return report
        } catch {
            await database.close()
            throw error
        }
    }

    private static func locking(_ database: OpenDatabase, _ option: String) throws {
        do {
            try database.lockForServing()
        } catch is SQLiteIsServed {
            throw OperationError(
                "\(option) is being served, or is the same as the other",
                fix: "stop parley serve first"
            )
        }
    }

    /// Nothing can lock out the nodes of a shared database; one that works holds a lane.
    private static func refuseIfServed(_ database: OpenDatabase, at now: Timestamp) async throws {
        guard database.isShared else { return }
        let held = try await database.read(.house) { connection in
            try await connection.first(
                "SELECT 1 AS held FROM lanes WHERE holder IS NOT NULL AND claimable_at > $1 LIMIT 1",
                [.timestamp(now)]
            )
        }
        guard held == nil else {
            throw OperationError("a node works on the source", fix: "stop every parley serve on it first")
        }
    }

    private static func masterKeys(of database: OpenDatabase) async throws -> [String] {
        try await database.read(.house) { connection in
            try await connection.query("SELECT DISTINCT master_key_id FROM business_keys ORDER BY master_key_id").map {
                try $0.text("master_key_id")
            }
        }
    }
}

extension ParleySettings {
    fileprivate func with(_ url: Secret<String>) -> ParleySettings {
        var settings = self
        settings.databaseURL = url
        return settings
    }
}

extension MigrationStatus {
    fileprivate var isCurrent: Bool { isKnown && !isEdited && appliedAt != nil }
}

/// What is left to do by hand: the key is outside the databases, and the credentials are under it.
private struct CopyNote {
    let keys: [String]
    let blocks: [Report.Block]

    init(_ settings: ParleySettings, from: ParleySettings, to: ParleySettings, keys: [String]) throws {
        self.keys = keys
        let list = keys.joined(separator: ", ")
        let next = Report.Block.line("Next: parley serve with PARLEY_DATABASE_URL naming the new database.")
        guard !keys.isEmpty else {
            blocks = [next]
            return
        }
        if let text = settings.masterKey, let key = try? MasterKey(text: text), keys.contains(key.id) {
            blocks = [
                .check(.good, "the credentials stay under PARLEY_MASTER_KEY (\(list)): keep it set", fix: nil), next,
            ]
            return
        }
        let place = try from.dataFolder().map { $0 + "/master.key" }
        let file = place.flatMap { DataFolder.exists($0) ? $0 : nil } ?? "PARLEY_MASTER_KEY of the source"
        let fix =
            try to.dataFolder().map { "put it into \($0)/master.key" } ?? "set PARLEY_MASTER_KEY to it on every node"
        blocks = [.check(.note, "the credentials stay under the master key \(list), from \(file)", fix: fix), next]
    }
}
