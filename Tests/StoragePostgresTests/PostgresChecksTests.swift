import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresChecksTests {
    @Test func `a server that keeps its promises is told so`() async throws {
        try await withTestPostgres(migrated: false, "pool=2") { database in
            let findings = try await database.findings()
            #expect(
                findings.map(\.subject) == [
                    "server", "durability", "writes", "connections", "clock", "encoding", "login", "pooler",
                    "transport",
                ]
            )
            #expect(findings.filter { !$0.isGood } == [])
            #expect(findings.first?.what.hasPrefix("PostgreSQL") == true)
        }
    }

    @Test func `what a server that serves badly lacks is told`() async throws {
        try await withTestPostgresURL(migrated: false) { url in
            let name = try #require(url.split(separator: "/").last)
            try await TestPostgres.run("ALTER DATABASE \(name) SET default_transaction_read_only = on", at: url)
            let database = try await PostgresDatabase.open(url: Secret(url + "?pool=500&connect_timeout=30"))
            let findings = try await database.findings()
            await database.close()
            #expect(findings.filter(\.isFatal).map(\.subject) == ["writes"])
            #expect(findings.filter { !$0.isGood && !$0.isFatal }.map(\.subject) == ["connections"])
        }
        guard let admin = TestPostgres.adminURL else { return }
        let mighty = try await PostgresDatabase.open(url: Secret(admin + "?connect_timeout=30"))
        let login = try await mighty.findings().first { $0.subject == "login" }
        await mighty.close()
        #expect(login?.isGood == false)
    }

    @Test func `clocks that disagree are told, with which is ahead`() {
        let now = Timestamp(seconds: 1_760_000_000)
        let soon = now.advanced(by: .seconds(1))
        for theirs in [now, soon, now.advanced(by: .seconds(-1)), now.advanced(by: .seconds(3))] {
            #expect(PostgresDatabase.clock(theirs, between: now, and: soon).isGood)
        }
        let behind = PostgresDatabase.clock(now.advanced(by: .seconds(3601)), between: now, and: soon)
        #expect(behind.what == "this machine's is 3600 s behind the server's" && !behind.isGood && !behind.isFatal)
        let ahead = PostgresDatabase.clock(now.advanced(by: .seconds(-90)), between: now, and: soon)
        #expect(ahead.what == "this machine's is 90 s ahead of the server's")
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
