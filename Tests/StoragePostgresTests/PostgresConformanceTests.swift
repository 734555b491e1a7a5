import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresConformanceTests {
    @Test(arguments: StorageConformance.Rule.allCases)
    func `PostgreSQL keeps every rule`(_ rule: StorageConformance.Rule) async throws {
        try await withTestPostgresURL { url in
            // The rules bring times of their own; a node's leases live by the database's clock.
            try await TestPostgres.run(
                """
                DO $$ BEGIN
                    EXECUTE format('ALTER DATABASE %I SET parley.lease_time = %L', current_database(), 'given');
                END $$
                """,
                at: url
            )
            let database = try await PostgresDatabase.open(url: Secret(url))
            let complaints = try await StorageConformance.complaints(rule, database)
            await database.close()
            #expect(complaints == [])
        }
    }
}
