import ParleyTesting
import Storage
import Testing

@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresConformanceTests {
    /// What is said of the port itself; the stores follow.
    static let port: [StorageConformance.Rule] = [
        .`every type survives a round trip`, .`a transaction that throws leaves nothing`,
        .`after a failed statement nothing is committed`, .`broken constraints are told apart`,
        .`errors carry no data`, .`a batch tells how many rows each of its rows wrote`,
        .`a batch that fails leaves nothing`, .`a read sees one state`, .`a read cannot write`,
        .`many tasks lose no update`, .`a cancelled transaction leaves nothing and blocks nobody`,
        .`parameters are counted, and text is left alone`,
    ]

    @Test(arguments: port)
    func `PostgreSQL keeps every rule`(_ rule: StorageConformance.Rule) async throws {
        try await withTestPostgres { database in
            let complaints = try await StorageConformance.complaints(rule, database)
            #expect(complaints == [])
        }
    }
}
