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
                CREATE OR REPLACE FUNCTION parley_lease_time(given timestamptz) RETURNS timestamptz
                LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT given'
                """,
                at: url
            )
            // Many rules run at once, and the server has 200 places.
            let url = url + (url.contains("?") ? "&" : "?") + "pool=3&pool_timeout=60&connect_timeout=30"
            let database = try await PostgresDatabase.open(url: Secret(url))
            let complaints = try await StorageConformance.complaints(rule, database)
            await database.close()
            #expect(complaints == [])
        }
    }
}
