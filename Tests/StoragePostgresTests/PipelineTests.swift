import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// What a transaction waits for.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresPipelineTests {
    private static let table = "CREATE TABLE box (number bigint PRIMARY KEY, value text)"
    private static let insertion = "INSERT INTO box VALUES ($1, $2)"

    @Test func `a batch is one round trip, with the beginning of its transaction`() async throws {
        try await withProxiedPostgres("pool=1&connect_timeout=30") { database, proxy in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.table) }
            for round in 0..<3 {
                let before = proxy.trips
                try await database.transaction(.schema) { connection in
                    _ = try await connection.batch(
                        Self.insertion,
                        (0..<100).map { [.int(round * 100 + $0), .text("x")] }
                    )
                }
                // The statements, and COMMIT.
                #expect(proxy.trips - before == 2)
            }
            #expect(try await database.one("SELECT count(*) AS n FROM box") == 300)
        }
    }

    @Test func `a batch of 100 over a slow line takes about one delay`() async throws {
        try await withProxiedPostgres("pool=1&connect_timeout=30") { database, proxy in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.table) }
            proxy.change { $0.delay = .milliseconds(200) }
            // The best of a few: the machine may be busy elsewhere.
            var times: [Duration] = []
            for round in 0..<4 {
                let time = try await database.transaction(.schema) { connection in
                    try await elapsed {
                        let rows: [[SQLValue]] = (0..<100).map { [.int(round * 100 + $0), .text("x")] }
                        _ = try await connection.batch(Self.insertion, rows)
                    }
                }
                times.append(time)
            }
            let best = try #require(times.min())
            #expect(best > .milliseconds(400) && best < .milliseconds(750), "\(times)")
        }
    }

    @Test func `a read is one round trip: its COMMIT is not awaited`() async throws {
        try await withProxiedPostgres("pool=1&connect_timeout=30") { database, proxy in
            proxy.change { $0.delay = .milliseconds(200) }
            var times: [Duration] = []
            for _ in 0..<5 { times.append(try await elapsed { _ = try await database.one("SELECT 1 AS n") }) }
            let best = try #require(times.dropFirst().min())
            #expect(best > .milliseconds(400) && best < .milliseconds(750), "\(times)")
        }
    }

    @Test func `large batches and large answers pass at once`() async throws {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            let text = String(repeating: "abcdefgh", count: 500)
            // Some 12 MB each way, far more than the buffers of a socket hold.
            let echoed = try await database.transaction(.schema) { connection in
                try await connection.execute(Self.table)
                let written = try await connection.batch(Self.insertion, (0..<3000).map { [.int($0), .text(text)] })
                #expect(written == Array(repeating: 1, count: 3000))
                let rows = try await connection.batch(
                    "INSERT INTO box VALUES ($1, $2) ON CONFLICT (number) DO UPDATE SET value = box.value || '!' RETURNING value",
                    (0..<3000).map { [.int($0), .text(text)] }
                )
                #expect(rows.reduce(0, +) == 3000)
                return try await connection.query("SELECT value FROM box")
            }
            #expect(echoed.count == 3000)
            #expect(echoed.allSatisfy { $0.optionalText("value") == text + "!" })
        }
    }

    @Test func `an error in the middle of a batch ends the batch, and the connection goes on`() async throws {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.table) }
            let process = try await database.one("SELECT pg_backend_pid() AS n")
            for _ in 0..<5 {
                await #expect(throws: SQLError.unique(constraint: "box_pkey")) {
                    try await database.transaction(.schema) { connection in
                        _ = try await connection.batch(Self.insertion, [1, 2, 1, 3].map { [.int($0), .null] })
                    }
                }
                #expect(try await database.one("SELECT count(*) AS n FROM box") == 0)
            }
            #expect(try await database.one("SELECT pg_backend_pid() AS n") == process)
        }
    }

    @Test func `statements are prepared once, and the least used are forgotten`() async throws {
        try await withTestPostgres(migrated: false, "pool=1&prepared_statements=on") { database in
            let kept = "SELECT count(*) AS n FROM pg_prepared_statements"
            for round in 0..<2 {
                for number in 0..<400 {
                    #expect(
                        try await database.one("SELECT \(number) + $1::int AS n", [.int(round)])
                            == Int64(number + round)
                    )
                }
                let count = try #require(try await database.one(kept))
                #expect(count > 200 && count <= 257, "\(count)")
            }
        }
    }

    @Test func `nothing is kept on the server when that is turned off`() async throws {
        try await withTestPostgres(migrated: false, "pool=1&prepared_statements=off") { database in
            for _ in 0..<3 { #expect(try await database.one("SELECT $1::int AS n", [.int(5)]) == 5) }
            let kept = try await database.one("SELECT count(*) AS n FROM pg_prepared_statements")
            #expect(kept == 0)
        }
    }

    @Test func `a plan that does not fit any more is made anew`() async throws {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            try await database.transaction(.schema) { _ = try await $0.execute(Self.table) }
            let all = "SELECT * FROM box"
            try await database.transaction(.schema) { _ = try await $0.execute(Self.insertion, [.int(1), .null]) }
            #expect(try await database.read(.schema) { try await $0.query(all) }.count == 1)
            try await database.transaction(.schema) { connection in
                _ = try await connection.execute("ALTER TABLE box ADD COLUMN more int DEFAULT 7")
            }
            #expect(try await database.read(.schema) { try await $0.query(all) }.first?["more"] == .integer(7))
            // Somebody else's doing: the statement is gone.
            try await database.transaction(.schema) { _ = try await $0.execute("DEALLOCATE ALL") }
            #expect(try await database.read(.schema) { try await $0.query(all) }.first?["more"] == .integer(7))
        }
    }

    @Test func `a transaction has its role and business, and leaves nothing of them behind`() async throws {
        try await withTestPostgres("pool=1") { database in
            let business = ID<Business>(at: SystemClock().now)
            let settings = """
                SELECT current_user::text AS role, current_setting('parley.business_id', true) AS business,
                    current_setting('statement_timeout') AS limit
                """
            for _ in 0..<2 {
                let inside = try await database.read(.business(business)) { try await $0.first(settings, []) }
                #expect(try inside?.text("role") == "parley_business")
                #expect(try inside?.text("business") == business.description)
                #expect(try inside?.text("limit") == "10s")
                let outside = try await database.read(.schema) { try await $0.first(settings, []) }
                #expect(try outside?.text("role") == "parley")
                #expect(try outside?.text("business") == "")
            }
            await #expect(throws: SQLError.self) {
                try await database.read(.business(business)) { _ = try await $0.query("SELECT * FROM pg_authid") }
            }
        }
    }
}
