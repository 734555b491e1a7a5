import ParleyTesting
import Storage
import StorageSQLite
import Testing

@Suite struct SQLiteConformanceTests {
    @Test(arguments: StorageConformance.Rule.allCases)
    func `SQLite keeps every rule`(_ rule: StorageConformance.Rule) async throws {
        try await withTestDatabase { database in
            let complaints = try await StorageConformance.complaints(rule, database)
            #expect(complaints == [])
        }
    }
}
