import ParleyTesting
import StoragePostgres
import Testing

/// With the function that the migrations make, which other rules replace.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresLeaseTests {
    @Test func `nodes whose clocks are an hour apart keep what they hold, and take nothing from each other`()
        async throws
    {
        try await withTestPostgres("pool=3") { database in
            let complaints = try await NodesApart.complaints(database)
            #expect(complaints == [])
        }
    }
}
