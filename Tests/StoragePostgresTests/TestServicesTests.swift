import Foundation
import ParleyTesting
import Testing

@Suite struct TestServicesTests {
    @Test func `where every test must run, there is a PostgreSQL to run them with`() {
        #expect(TestPostgres.isThere || !TestPostgres.isRequired, "\(TestPostgres.reason)")
    }

    @Test(arguments: ["openssl", "pgbouncer"])
    func `where every test must run, there are the programs without which suites are left out`(_ name: String) {
        let isThere = ["/usr/bin", "/usr/sbin", "/opt/homebrew/bin"]
            .contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        #expect(isThere || !TestPostgres.isRequired, "\(name) is not installed: scripts/setup --services")
    }
}
