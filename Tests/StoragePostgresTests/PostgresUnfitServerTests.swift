import Foundation
import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// Servers over which nothing may be acknowledged.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"), .timeLimit(.minutes(4)))
struct PostgresUnfitServerTests {
    @Test func `a server that may lose what it has written is refused, with the fix`() async throws {
        try await TestServer.with { server in
            let admin = try String(contentsOfFile: server.folder + "/admin-url", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let database = try await PostgresDatabase.open(
                url: Secret(server.url + "?pool=1&connect_timeout=30&pool_timeout=60")
            )
            func set(_ setting: String, _ value: String) async throws {
                try await TestPostgres.run("ALTER SYSTEM SET \(setting) = \(value)", at: admin)
                try await TestPostgres.run("SELECT pg_reload_conf()", at: admin)
                // The server hears of it a moment later, and then each of its processes.
                try await becomes("\(setting) is \(value)") {
                    try await database.read(.schema) {
                        try await $0.first("SELECT current_setting('\(setting)') AS value", [])?.text("value") == value
                    }
                }
            }
            func broken() async throws -> [PostgresFinding] { try await database.findings().filter(\.isFatal) }
            do {
                #expect(try await broken() == [])
                for setting in ["fsync", "full_page_writes"] {
                    try await set(setting, "off")
                    let found = try await broken()
                    #expect(found.map(\.subject) == ["durability"])
                    #expect(found.first?.what == "\(setting) is off")
                    #expect(found.first?.fix == "set \(setting) = on and reload the server")
                    try await set(setting, "on")
                }
                #expect(try await broken() == [])
            } catch {
                await database.close()
                throw error
            }
            await database.close()
        }
    }

    /// A server that tells another version than it has.
    @Test(arguments: [(90_624, true), (130_022, true), (139_999, true), (140_000, false), (170_002, false)])
    func `a server before version 14 is refused`(_ version: Int, _ isTooOld: Bool) async throws {
        try await withTestPostgresURL(migrated: false) { url in
            for disguise in [
                """
                CREATE FUNCTION public.current_setting(name text) RETURNS text LANGUAGE sql STABLE AS $$
                    SELECT CASE name WHEN 'server_version_num' THEN '\(version)'
                        ELSE pg_catalog.current_setting(name) END
                $$
                """,
                """
                CREATE FUNCTION public.version() RETURNS text LANGUAGE sql STABLE AS $$
                    SELECT 'PostgreSQL of \(version) on a test'
                $$
                """,
                """
                DO $$ BEGIN
                    EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database());
                END $$
                """,
            ] { try await TestPostgres.run(disguise, at: url) }
            let database = try await PostgresDatabase.open(url: Secret(url + "?pool=1&connect_timeout=30"))
            let findings = try await database.findings()
            await database.close()
            let server = try #require(findings.first { $0.subject == "server" })
            #expect(server.isFatal == isTooOld)
            #expect(server.fix == (isTooOld ? "use PostgreSQL 14 or later" : nil))
            #expect(server.what == "PostgreSQL of" + (isTooOld ? " is too old" : ""))
            // Nothing else is found wrong with it.
            #expect(findings.filter(\.isFatal).count == (isTooOld ? 1 : 0))
        }
    }
}
