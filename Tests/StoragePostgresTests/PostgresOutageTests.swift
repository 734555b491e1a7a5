import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// Lines are cut, servers fall silent and come back: nothing is claimed that is not so, and work goes on.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)"), .serialized) struct PostgresOutageTests {
    private static let table = "CREATE TABLE box (n bigint)"

    @Test func `a connection that was cut at rest is replaced unnoticed`() async throws {
        try await withProxiedPostgres("pool=3") { database, proxy in
            for _ in 0..<5 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<3 { group.addTask { _ = try await database.one("SELECT count(pg_sleep(0.02)) AS n") } }
                    try await group.waitForAll()
                }
                proxy.cutAll()
            }
            #expect(try await database.one("SELECT 1 AS n") == 1)
            #expect(proxy.connections > 5)
        }
    }

    @Test func `a transaction that is cut before its COMMIT is run again, once whole`() async throws {
        try await withProxiedPostgres("pool=2") { database, proxy in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.table) }
            let runs = Shared(0)
            try await database.transaction(.schema) { connection in
                try await connection.execute("INSERT INTO box VALUES (1)")
                let run = runs.withLock { runs in
                    runs += 1
                    return runs
                }
                if run == 1 { proxy.cutAll() }
                try await connection.execute("INSERT INTO box VALUES (2)")
            }
            #expect(runs.withLock { $0 } == 2)
            #expect(try await database.one("SELECT sum(n) AS n FROM box") == 3)
        }
    }

    @Test func `a COMMIT whose answer is lost is never called a success, nor run again`() async throws {
        try await withProxiedPostgres("pool=1&prepared_statements=off") { database, proxy in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.table) }
            // The statement with its end, not the COMMITTED of the BEGIN before it.
            proxy.change { $0.cutsAfter = "COMMIT\u{0}" }
            await #expect(throws: SQLError.disconnected) {
                try await database.transaction(.schema) { _ = try await $0.execute("INSERT INTO box VALUES (1)") }
            }
            // It was committed, as it happens; the caller could not know.
            try await becomes("committed") { try await database.one("SELECT count(*) AS n FROM box") == 1 }
        }
    }

    @Test func `a server that falls silent is given up after a while`() async throws {
        try await withProxiedPostgres(migrated: true, "pool=1&statement_timeout=1&connect_timeout=2") {
            database,
            proxy in
            proxy.change { $0.isSilent = true }
            let time = await elapsed {
                await #expect(throws: SQLError.disconnected) {
                    try await database.read(.house) { _ = try await $0.query("SELECT 1") }
                }
            }
            #expect(time > .milliseconds(2500) && time < .seconds(15), "\(time)")
            proxy.change { $0.isSilent = false }
            try await becomes("reachable") { (try? await database.one("SELECT 1 AS n")) == 1 }
        }
    }

    @Test func `while the database is away callers learn it soon, and do not storm it`() async throws {
        try await withProxiedPostgres("pool=10") { database, proxy in
            proxy.change { $0.isShut = true }
            proxy.cutAll()
            let before = proxy.connections
            let time = try await elapsed {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<100 {
                        group.addTask {
                            await #expect(throws: SQLError.disconnected) { _ = try await database.one("SELECT 1 AS n") }
                        }
                    }
                }
                try Task.checkCancellation()
            }
            #expect(time < .milliseconds(2500), "\(time)")
            #expect(proxy.connections == before)
            proxy.change { $0.isShut = false }
            let back = try await elapsed {
                try await becomes("reachable") { (try? await database.one("SELECT 1 AS n")) == 1 }
            }
            #expect(back < .seconds(2), "\(back)")
        }
    }

    /// Waits until each of them has heard once more that the database is away.
    private func everyWriterIsRefused(_ refused: Shared<[Int]>) async throws {
        let before = refused.withLock { $0 }
        try await becomes("every writer is refused") {
            refused.withLock { zip($0, before).allSatisfy { $0 > $1 } }
        }
    }

    @Test(arguments: ["immediate", "fast", "kill"])
    func `after a restart of the server work goes on within 2 s, and what was acknowledged is there`(
        _ mode: String
    ) async throws {
        try await TestServer.with { server in
            let news = Shared<[PostgresNews]>([])
            let database = try await PostgresDatabase.open(url: Secret(server.url + "?pool=4")) { one in
                news.withLock { $0.append(one) }
            }
            try await database.transaction(.schema) {
                _ = try await $0.execute("CREATE TABLE box (n bigint PRIMARY KEY)")
            }
            let acknowledged = Shared<[Int]>([])
            let refused = Shared([0, 0, 0, 0])
            let isOver = Shared(false)
            var returned = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        var number = writer
                        while !isOver.withLock({ $0 }) {
                            number += 4
                            do {
                                let row = number
                                try await database.transaction(.schema) { connection in
                                    _ = try await connection.execute("INSERT INTO box VALUES ($1)", [.int(row)])
                                }
                                acknowledged.withLock { $0.append(row) }
                            } catch {
                                guard error as? SQLError == .disconnected else { throw error }
                                refused.withLock { $0[writer] += 1 }
                            }
                        }
                    }
                }
                try await becomes("some work") { acknowledged.withLock { $0.count } > 100 }
                for _ in 0..<2 {
                    try await server.stop(mode)
                    // A killed leader's orphans may finish what they were at: who was refused once has no such line any more.
                    try await everyWriterIsRefused(refused)
                    let count = acknowledged.withLock { $0.count }
                    try await everyWriterIsRefused(refused)
                    #expect(acknowledged.withLock { $0.count } == count)
                    try await server.start()
                    returned = .now
                    try await becomes("more work", within: .seconds(2)) {
                        acknowledged.withLock { $0.count } > count + 50
                    }
                }
                isOver.withLock { $0 = true }
                try await group.waitForAll()
            }
            #expect(returned.duration(to: .now) < .seconds(4))
            let stored = Set(
                try await database.read(.schema) { connection in
                    try await connection.query("SELECT n FROM box").map { try $0.int("n") }
                }
            )
            #expect(acknowledged.withLock { $0.allSatisfy { stored.contains(Int64($0)) } })
            #expect(news.withLock { news in news.contains { if case .unreachable = $0 { true } else { false } } })
            #expect(news.withLock { news in news.contains { if case .reachableAgain = $0 { true } else { false } } })
            await database.close()
        }
    }
}
