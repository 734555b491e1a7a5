import Foundation
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

private let pooler = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

/// Behind pgbouncer in transaction mode, where each transaction may meet another server process.
@Suite(
    .enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"),
    .enabled(if: pooler != nil, "pgbouncer is not installed: scripts/setup --services")
)
struct PostgresPoolerTests {
    /// Lends a URL that leads to a fresh database through a pgbouncer of its own, with two server connections.
    private func withPooler(migrated: Bool, _ body: (String) async throws -> Void) async throws {
        try await withTestPostgresURL(migrated: migrated) { direct in
            let folder = "/tmp/parley-pooler-\(UUID7(at: SystemClock().now))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let spare = TestProxy(to: 1)
            let free = spare.port
            spare.close()
            let files = [
                "users": "\"parley\" \"parley-test-password\"\n",
                "pgbouncer.ini": """
                [databases]
                * = host=127.0.0.1 port=\(port(of: direct))
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = \(free)
                unix_socket_dir =
                auth_type = scram-sha-256
                auth_file = \(folder)/users
                pool_mode = transaction
                default_pool_size = 2
                max_client_conn = 200
                """,
            ]
            for (name, text) in files {
                try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
            }
            let process = Process()
            let command = [try #require(pooler), "-q", "\(folder)/pgbouncer.ini"]
            // pgbouncer does not run as root.
            let all = getuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] + command : command
            process.executableURL = URL(filePath: all[0])
            process.arguments = Array(all.dropFirst())
            process.standardInput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            defer {
                process.terminate()
                process.waitUntilExit()
            }
            let pooled = url(direct, port: free)
            try await becomes("pgbouncer listens") {
                do {
                    let database = try await PostgresDatabase.open(url: Secret(pooled))
                    await database.close()
                    return true
                } catch is PostgresUnreachable {
                    return false
                }
            }
            try await body(pooled)
        }
    }

    @Test func `the pooler is noticed, and nothing is kept on the server`() async throws {
        try await withPooler(migrated: false) { url in
            let database = try await PostgresDatabase.open(
                url: Secret(url + "?pool=8&pool_timeout=60&connect_timeout=30")
            )
            try await database.transaction(.schema) { _ = try await $0.execute("CREATE TABLE box (n bigint)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await database.transaction(.schema) { connection in
                            _ = try await connection.batch(
                                "INSERT INTO box VALUES ($1)",
                                [[.int(number)], [.int(number)]]
                            )
                            _ = try await connection.query("SELECT $1::text || $2 AS a", [.text("a"), .text("b")])
                        }
                        let found = try await database.one("SELECT count(*) AS n FROM box WHERE n = $1", [.int(number)])
                        #expect(found == 2)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.one("SELECT count(*) AS n FROM pg_prepared_statements") == 0)
            let finding = try await database.findings().first { $0.subject == "pooler" }
            #expect(finding?.what.hasPrefix("there is one") == true)
            #expect(finding?.isGood == true)
            await database.close()
        }
    }

    @Test func `kept statements that a pooler loses are errors that say so, never wrong statements`() async throws {
        try await withPooler(migrated: false) { url in
            let database = try await PostgresDatabase.open(
                url: Secret(url + "?pool=8&pool_timeout=60&connect_timeout=30&prepared_statements=on")
            )
            let lost = Shared(0)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        do {
                            let found = try await database.one("SELECT \(number % 10) + $1::int AS n", [.int(100)])
                            #expect(found == Int64(number % 10 + 100))
                        } catch SQLError.failed(let code, let message) {
                            #expect(code == "26000" && message.contains("prepared_statements=off"))
                            lost.withLock { $0 += 1 }
                        } catch {
                            Issue.record("\(error)")
                        }
                    }
                }
            }
            #expect(try await database.findings().first { $0.subject == "pooler" }?.isGood == false)
            await database.close()
        }
    }

    /// The port itself, and what leans on locks, sequences, roles, batches and settings of a transaction. All rules hold
    /// (`StorageConformance.Rule.allCases` takes two minutes here).
    static let rules: [StorageConformance.Rule] = [
        .`every type survives a round trip`, .`a transaction that throws leaves nothing`,
        .`after a failed statement nothing is committed`, .`broken constraints are told apart`,
        .`errors carry no data`, .`a batch tells how many rows each of its rows wrote`,
        .`a batch that fails leaves nothing`, .`a read sees one state`, .`a read cannot write`,
        .`many tasks lose no update`, .`a cancelled transaction leaves nothing and blocks nobody`,
        .`parameters are counted, and text is left alone`, .`an event is kept once, however often it comes`,
        .`each lane is claimed by one of many`, .`fences grow, also when a lane was gone`,
        .`a holder whose lease ran out can do nothing`, .`a turn is committed whole`,
        .`an uncertain send is repeated under a flag`, .`no hot store reaches another business`,
        .`a job is done by one at a time`, .`keys are changed while bots are connected`,
    ]

    @Test(arguments: rules)
    func `every rule holds through a pooler`(_ rule: StorageConformance.Rule) async throws {
        try await withPooler(migrated: true) { url in
            // As without a pooler: the rules bring times of their own.
            try await TestPostgres.run(
                """
                CREATE OR REPLACE FUNCTION parley_lease_time(given timestamptz) RETURNS timestamptz
                LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT given'
                """,
                at: url
            )
            // Kept statements are off by themselves.
            let database = try await PostgresDatabase.open(url: Secret(url + "?pool_timeout=60&connect_timeout=30"))
            let complaints = try await StorageConformance.complaints(rule, database)
            #expect(complaints == [])
            await database.close()
        }
    }
}
