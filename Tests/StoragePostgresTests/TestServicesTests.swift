import ParleyTesting
import Testing

@Suite struct TestServicesTests {
    @Test func `where every test must run, there is a PostgreSQL to run them with`() {
        #expect(TestPostgres.isThere || !TestPostgres.isRequired, "\(TestPostgres.reason)")
    }
}
