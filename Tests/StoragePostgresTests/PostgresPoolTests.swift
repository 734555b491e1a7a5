import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// Connections are few, waiting for them is bounded and fair, and whoever gives up leaves nothing behind.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresPoolTests {
    /// Holds a connection until it is told to let go.
    private func holding(_ database: PostgresDatabase, _ body: () async throws -> Void) async throws {
        let (held, holding) = AsyncStream.makeStream(of: Void.self)
        let (end, ending) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await database.read(.schema) { connection in
                    _ = try await connection.query("SELECT 1")
                    holding.yield()
                    for await _ in end { break }
                }
            }
            for await _ in held { break }
            try await body()
            ending.yield()
            try await group.waitForAll()
        }
    }

    @Test func `waiting for a connection ends`() async throws {
        try await withTestPostgres(migrated: false, "pool=1&pool_timeout=1") { database in
            try await holding(database) {
                let time = await elapsed {
                    await #expect(throws: SQLError.busy) { _ = try await database.one("SELECT 1 AS n") }
                }
                #expect(time > .milliseconds(900) && time < .seconds(20), "\(time)")
            }
            #expect(try await database.one("SELECT 1 AS n") == 1)
        }
    }

    @Test func `who waits longest is next`() async throws {
        try await withTestPostgres(migrated: false, "pool=1&pool_timeout=30") { database in
            let order = Shared<[Int]>([])
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await holding(database) {
                    for number in 0..<8 {
                        group.addTask {
                            try await database.read(.schema) { _ in order.withLock { $0.append(number) } }
                        }
                        try await becomes("number \(number) waits") { database.callersWaiting == number + 1 }
                    }
                }
                try await group.waitForAll()
            }
            #expect(order.withLock { $0 } == Array(0..<8))
        }
    }

    @Test func `a connection that is old enough is replaced, and no other`() async throws {
        let sql = "SELECT pg_backend_pid() AS n"
        try await withTestPostgres(migrated: false, "pool=1&connection_lifetime=1") { database in
            let first = try await database.one(sql)
            try await becomes("another connection is used") { try await database.one(sql) != first }
        }
        try await withTestPostgres(migrated: false, "pool=1") { database in
            let first = try await database.one(sql)
            for _ in 0..<50 { #expect(try await database.one(sql) == first) }
        }
    }

    @Test func `no more connections than allowed, however many want one`() async throws {
        try await withTestPostgres(migrated: false, "pool=4&pool_timeout=30") { database in
            let name = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
            let most = Shared<Int64>(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        let count = try await database.one(name) ?? 0
                        most.withLock { $0 = max($0, count) }
                    }
                }
                try await group.waitForAll()
            }
            #expect(most.withLock { $0 } == 4)
        }
    }

    @Test func `who stops waiting leaves his place to the next`() async throws {
        try await withTestPostgres(migrated: false, "pool=1&pool_timeout=30") { database in
            try await holding(database) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<20 { group.addTask { _ = try await database.one("SELECT 1 AS n") } }
                    try await becomes("all of them wait") { database.callersWaiting == 20 }
                    group.cancelAll()
                    let time = await elapsed {
                        while let result = await group.nextResult() {
                            #expect(throws: CancellationError.self) { try result.get() }
                        }
                    }
                    #expect(time < .seconds(2))
                }
            }
            #expect(try await database.one("SELECT 1 AS n") == 1)
        }
    }

    @Test func `a cancelled statement ends on the server too`() async throws {
        try await withTestPostgres(migrated: false, "pool=2") { database in
            try await database.transaction(.schema) { _ = try await $0.execute("CREATE TABLE box (n bigint)") }
            let active = """
                SELECT count(*) AS n FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%pg_sleep(30)'
                    AND state <> 'idle'
                """
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await database.transaction(.schema) { connection in
                        try await connection.execute("INSERT INTO box VALUES (1)")
                        _ = try await connection.query("SELECT pg_sleep(30)")
                    }
                }
                try await becomes("the statement runs") { try await database.one(active) == 1 }
                group.cancelAll()
                let time = await elapsed {
                    while let result = await group.nextResult() {
                        #expect(throws: CancellationError.self) { try result.get() }
                    }
                }
                #expect(time < .seconds(15), "\(time)")
            }
            try await becomes("the statement has ended", within: .seconds(10)) { try await database.one(active) == 0 }
            #expect(try await database.one("SELECT count(*) AS n FROM box") == 0)
        }
    }

    @Test func `after closing everything is disconnected, and the server is rid of it`() async throws {
        try await withTestPostgresURL(migrated: false) { url in
            let database = try await PostgresDatabase.open(url: Secret(url + "?connect_timeout=30"))
            #expect(try await database.one("SELECT 1 AS n") == 1)
            await database.close()
            await database.close()
            await #expect(throws: SQLError.disconnected) { _ = try await database.one("SELECT 1 AS n") }
            let other = try await PostgresDatabase.open(url: Secret(url + "?connect_timeout=30"))
            let sessions = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
            try await becomes("one session") { try await other.one(sessions) == 1 }
            await other.close()
        }
    }
}
