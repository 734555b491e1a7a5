import CLibPQ
import Dispatch
import FoundationEssentials
import ParleyCore
import Storage
import StoragePostgres

/// The PostgreSQL server that `scripts/services` has started for this test run, and databases of one's own on it.
///
/// `@Suite(.enabled(if: TestPostgres.isThere, TestPostgres.reason))` leaves a suite out on a machine without one;
/// under `CI=true` and `make test` its absence is a failure, which `TestServicesTests` tells.
package enum TestPostgres {
    package static let url = environment("PARLEY_TEST_POSTGRES_URL")
    /// The superuser's, for what only he may do.
    package static let adminURL = environment("PARLEY_TEST_POSTGRES_ADMIN_URL")
    package static var isThere: Bool { url != nil }
    /// Whether a run without it has failed.
    package static let isRequired =
        environment("CI") == "true" || environment("PARLEY_TEST_SERVICES") == "required"
    package static let reason =
        "there is no PostgreSQL for tests: run `scripts/services swift test`, or set PARLEY_TEST_POSTGRES_URL"

    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The URL of another database on the same server, with further parameters.
    package static func url(_ base: String, database: String, _ parameters: String = "") -> String {
        let parts = base.split(separator: "?", maxSplits: 1)
        let server = (parts.first ?? "").split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let query = [parts.dropFirst().first.map(String.init) ?? "", parameters].filter { !$0.isEmpty }
        return (server.joined(separator: "/") + "/" + database)
            + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    /// Runs one statement outside any transaction, as `CREATE DATABASE` wants it.
    package static func run(_ sql: String, at url: String) async throws {
        let problem: String? = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let connection = PQconnectdb(url)
                defer { PQfinish(connection) }
                PQsetNoticeReceiver(connection, { _, _ in }, nil)
                let result = PQexec(connection, sql)
                defer { PQclear(result) }
                let isDone = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK
                continuation.resume(returning: isDone ? nil : String(cString: PQerrorMessage(connection)))
            }
        }
        if let problem { throw TestPostgresFailure(description: "\(sql): \(problem)") }
    }
}

package struct TestPostgresFailure: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}

/// Lends a database of its own on the test server, and drops it afterwards.
///
/// - Parameter migrated: false lends an empty one.
/// - Parameter parameters: of the URL: `pool=2&prepared_statements=off`.
package func withTestPostgres(
    migrated: Bool = true,
    _ parameters: String = "",
    _ body: (PostgresDatabase) async throws -> Void
) async throws {
    try await withTestPostgresURL(migrated: migrated) { url in
        // A build machine that is busy elsewhere is no failure.
        let patient =
            parameters.contains("pool_timeout") ? parameters : "pool_timeout=60&connect_timeout=30&" + parameters
        let all = url + (url.contains("?") ? "&" : "?") + patient
        let database = try await PostgresDatabase.open(url: Secret(all))
        do {
            try await body(database)
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }
}

/// Lends the URL of a database of its own on the test server, and drops it afterwards.
///
/// Few at a time: tests run all at once, and so many databases that are made together would all be late.
package func withTestPostgresURL(migrated: Bool = true, _ body: (String) async throws -> Void) async throws {
    guard let server = TestPostgres.url else { throw TestPostgresFailure(description: TestPostgres.reason) }
    await Turnstile.databases.enter()
    do {
        try await withDatabase(on: server, migrated: migrated, body)
        await Turnstile.databases.leave()
    } catch {
        await Turnstile.databases.leave()
        throw error
    }
}

private func withDatabase(on server: String, migrated: Bool, _ body: (String) async throws -> Void) async throws {
    // Roles are the whole server's: databases that migrate at once on a new server would be in each other's way.
    var source = "template0"
    do {
        let template = try await MigratedTemplate.shared.name(on: server)
        if migrated { source = template }
    } catch {
        if migrated { throw error }
    }
    let name = "parley_test_\(UUID7(at: SystemClock().now).description.filter { $0 != "-" })"
    // Copying pages through the log spares the server a checkpoint.
    try await TestPostgres.run("CREATE DATABASE \(name) TEMPLATE \(source) STRATEGY wal_log", at: server)
    // Autovacuum may be at it, which only a superuser may send away.
    let dropper = TestPostgres.adminURL ?? server
    func drop() async throws { try await TestPostgres.run("DROP DATABASE \(name) WITH (FORCE)", at: dropper) }
    do {
        try await body(TestPostgres.url(server, database: name))
    } catch {
        try? await drop()
        throw error
    }
    try await drop()
}

/// A database that is migrated once for each run, and copied for each test.
private actor MigratedTemplate {
    static let shared = MigratedTemplate()
    private var making: Task<String, any Error>?

    func name(on server: String) async throws -> String {
        let task = making ?? Task { try await Self.make(on: server) }
        making = task
        return try await task.value
    }

    private static func make(on server: String) async throws -> String {
        let name = "parley_template_\(UUID7(at: SystemClock().now).description.filter { $0 != "-" })"
        try await TestPostgres.run("CREATE DATABASE \(name) TEMPLATE template0 STRATEGY wal_log", at: server)
        let database = try await PostgresDatabase.open(
            url: Secret(TestPostgres.url(server, database: name, "connect_timeout=30"))
        )
        do {
            try await Migrator(database).up()
            await database.close()
        } catch {
            await database.close()
            throw error
        }
        return name
    }
}

/// Lets so many in at once.
private actor Turnstile {
    static let databases = Turnstile(places: 6)
    private var places: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(places: Int) { self.places = places }

    func enter() async {
        guard places == 0 else {
            places -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { places += 1 } else { waiting.removeFirst().resume() }
    }
}
