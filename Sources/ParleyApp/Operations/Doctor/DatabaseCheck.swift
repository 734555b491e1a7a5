import ParleyCore
import Storage
import StoragePostgres

/// Whether the schema is the one that this binary expects, and whether a commit is on disk when it returns.
struct DatabaseCheck {
    private let workbench: Workbench
    private let looksAtKeys: Bool

    /// - Parameter looksAtKeys: false when the workbench has a key of no meaning.
    init(_ workbench: Workbench, looksAtKeys: Bool = true) {
        self.workbench = workbench
        self.looksAtKeys = looksAtKeys
    }

    func findings() async -> [Doctor.Finding] {
        var findings: [Doctor.Finding] = []
        do {
            let migrations = try await Migrator(workbench.database, clock: workbench.clock).status()
            findings.append(judge(migrations))
            guard findings.allSatisfy({ $0.mark != .bad }) else { return findings }
        } catch {
            return [.bad("migrations", "\(error)", fix: "put that right and run parley doctor again")]
        }
        do {
            try await workbench.database.transaction(.dispatch) { connection in
                try await connection.execute(workbench.database.dialect.writeProbe)
            }
            findings.append(.good("database", "it takes writes"))
            if looksAtKeys { findings += try await keys() }
            if let postgres = workbench.database.postgres {
                return findings
                    + (try await postgres.findings()).map { finding in
                        guard let fix = finding.fix else { return .good(finding.subject, finding.what) }
                        return finding.isFatal
                            ? .bad(finding.subject, finding.what, fix: fix)
                            : .note(finding.subject, finding.what, fix: fix)
                    }
            }
            let mode = try await workbench.database.transaction(.house) { connection in
                try await connection.first("PRAGMA synchronous", [])?.optionalInt("synchronous")
            }
            // SQLite, PRAGMA synchronous: 2 is FULL, 3 is EXTRA.
            findings.append(
                (mode ?? 0) >= 2
                    ? .good("durability", "synchronous=FULL: a 200 means it is on disk")
                    : .bad("durability", "synchronous is not FULL", fix: "use the parley binary as it is released")
            )
        } catch {
            findings.append(
                .bad(
                    "database",
                    "it takes no writes: \(error)",
                    fix: "check the disk, the folder's owner, and other processes"
                )
            )
        }
        return findings
    }

    /// Whether every stored secret can be read, and lies under the current master key.
    private func keys() async throws -> [Doctor.Finding] {
        try await KeyRotation(workbench.database, vault: workbench.vault).usage().compactMap { used in
            let what =
                "the secrets of \(used.businesses.counted("business", "businesses")) are under the key \(used.masterKeyID)"
            if used.masterKeyID == workbench.masterKeys.current.id { return nil }
            return workbench.masterKeys[used.masterKeyID] == nil
                ? .bad(MachineCheck.masterKey, what + ", which is not here", fix: Operations.addKey)
                : .note(MachineCheck.masterKey, what + ", not yet under the current one", fix: "parley keys rotate")
        }
    }

    private func judge(_ migrations: [MigrationStatus]) -> Doctor.Finding {
        if let unknown = migrations.first(where: { !$0.isKnown }) {
            return .bad(
                "migrations",
                "\(unknown.version)_\(unknown.name) is from a newer parley",
                fix: "run that parley"
            )
        }
        if let edited = migrations.first(where: \.isEdited) {
            return .bad(
                "migrations",
                "\(edited.version)_\(edited.name) was edited after it landed",
                fix: "restore the file and write a new migration instead"
            )
        }
        let pending = migrations.filter { $0.appliedAt == nil }.count
        if pending > 0 { return .bad("migrations", "\(pending) are not applied", fix: "parley migrate up") }
        return .good("migrations", "all \(migrations.count) are applied")
    }
}
