import ParleyCore
import Storage

// parley migrate; opened without migrating
extension Operations {
    package func migrateUp() async throws -> Report {
        let applied = try await migrator().up()
        try await stores.tools.register(Catalogue.builtIn)
        return Report(
            ["applied": .array(applied.map { JSON($0.title) })],
            applied.isEmpty
                ? [.line("The schema is up to date.")]
                : applied.map { .check(.good, "applied \($0.title)", fix: nil) }
        )
    }

    /// Refuses while a gateway serves a SQLite database; nodes on PostgreSQL must be stopped by whoever calls this.
    package func migrateDown(steps: Int) async throws -> Report {
        try workbench.database.lockForServing()
        let reverted = try await migrator().down(steps)
        return Report(
            ["reverted": .array(reverted.map { JSON($0.title) })],
            reverted.isEmpty
                ? [.line("No migration is applied.")]
                : reverted.map { .check(.good, "took back \($0.title)", fix: nil) }
        )
    }

    package func migrationStatus() async throws -> Report {
        let all = try await migrator().status()
        let isGood = all.allSatisfy { $0.isKnown && !$0.isEdited }
        return Report(
            .array(
                all.map { migration in
                    [
                        "version": JSON(migration.version), "name": JSON(migration.name),
                        "state": JSON(migration.state),
                        "applied_at": migration.appliedAt.map { JSON($0.description) } ?? .null,
                    ]
                }
            ),
            [
                .table(
                    ["VERSION", "NAME", "STATE", "APPLIED"],
                    all.map { [$0.version, $0.name, $0.state, $0.appliedAt?.dayAndTime ?? ""] }
                )
            ],
            isGood: isGood
        )
    }

    private func migrator() throws -> Migrator { try Migrator(workbench.database, clock: workbench.clock) }
}

extension MigrationStatus {
    /// `applied`, `pending`, `edited` (the file changed after it landed), `unknown` (from a newer parley).
    var state: String {
        if !isKnown { return "unknown" }
        if isEdited { return "edited" }
        return appliedAt == nil ? "pending" : "applied"
    }
}
