import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresChecksTests {
    @Test func `a server that keeps its promises is told so`() async throws {
        try await withTestPostgres(migrated: false, "pool=2") { database in
            let findings = try await database.findings()
            #expect(findings.map(\.subject) == ["server", "durability", "writes", "connections"])
            #expect(findings.filter { !$0.isGood } == [])
            #expect(findings.first?.what.hasPrefix("PostgreSQL") == true)
        }
    }

    @Test func `a login whose commits may be lost is refused, with the fix`() async throws {
        try await withTestPostgresURL(migrated: false) { url in
            try await TestPostgres.run(
                "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$",
                at: url
            )
            let database = try await PostgresDatabase.open(url: Secret(url))
            let broken = try await database.findings().first(where: \.isFatal)
            await database.close()
            #expect(broken?.subject == "durability")
            #expect(broken?.fix?.contains("synchronous_commit = on") == true)
        }
    }
}
