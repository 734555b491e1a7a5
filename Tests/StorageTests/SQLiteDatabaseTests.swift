import FoundationEssentials
import ParleyCore
import ParleyTesting
import Storage
import StorageSQLite
import Testing

@Suite struct SQLiteDatabaseTests {
    @Test func `a transaction keeps others out while it is suspended`() async throws {
        try await withTestDatabase { database in
            try await database.transaction(.schema) { _ = try await $0.execute("CREATE TABLE counter (value INTEGER)") }
            try await database.transaction(.schema) { _ = try await $0.execute("INSERT INTO counter VALUES (0)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        try await database.transaction(.schema) { connection in
                            let value = try await connection.first("SELECT value FROM counter", [])?.int("value") ?? 0
                            for _ in 0..<5 { await Task.yield() }
                            try await connection.execute("UPDATE counter SET value = $1", [.integer(value + 1)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            let value = try await database.read(.schema) {
                try await $0.first("SELECT value FROM counter", [])?.int("value")
            }
            #expect(value == 50)
        }
    }

    @Test func `reads go on while a transaction is open`() async throws {
        try await withTestDatabase { database in
            try await database.transaction(.schema) { connection in
                try await connection.execute("CREATE TABLE x (value INTEGER)")
                for _ in 0..<10 {
                    let tables = try await database.read(.schema) {
                        try await $0.query("SELECT 1 FROM sqlite_master WHERE name = 'x'")
                    }
                    #expect(tables.isEmpty)
                }
            }
        }
    }

    @Test func `commits are written through and references are kept`() async throws {
        try await withTestDatabase { database in
            let settings = try await database.transaction(.schema) { connection in
                try await ["synchronous", "foreign_keys", "journal_mode", "busy_timeout"].asyncMap { name in
                    try await connection.first("SELECT * FROM pragma_\(name)", []).map { row in
                        row.optionalInt(name).map(String.init) ?? row.optionalText(name) ?? "?"
                    } ?? "none"
                }
            }
            #expect(settings.prefix(2) == ["2", "1"])
            #expect(settings[2] == "wal")
        }
    }

    @Test func `one process serves a file`() async throws {
        try await withTestFolder { folder in
            let first = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            let second = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            try first.lockForServing()
            try first.lockForServing()
            #expect(throws: SQLiteIsServed.self) { try second.lockForServing() }
            first.close()
            try second.lockForServing()
            second.close()
        }
    }

    @Test func `the file and its folder are made, and nobody else may read it`() async throws {
        try await withTestFolder { folder in
            let path = "\(folder)/deep/er/parley.sqlite"
            let database = try await SQLiteDatabase.open(path: path)
            defer { database.close() }
            try await Migrator(database).up()
            for file in [path, path + "-wal"] {
                let attributes = try FileManager.default.attributesOfItem(atPath: file)
                #expect(attributes[.posixPermissions] as? Int == 0o600, "\(file)")
            }
        }
    }

    @Test func `a folder that cannot be made is told`() async throws {
        await #expect(throws: SQLError.self) { _ = try await SQLiteDatabase.open(path: "/proc/nowhere/parley.sqlite") }
    }

    @Test func `after closing everything is disconnected`() async throws {
        try await withTestFolder { folder in
            let database = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            database.close()
            database.close()
            await #expect(throws: SQLError.disconnected) {
                try await database.transaction(.schema) { _ = try await $0.query("SELECT 1") }
            }
            await #expect(throws: SQLError.disconnected) {
                try await database.read(.schema) { _ = try await $0.query("SELECT 1") }
            }
        }
    }

    @Test func `what was committed is there when the file is opened again`() async throws {
        try await withTestFolder { folder in
            let path = "\(folder)/parley.sqlite"
            for round in 1...3 {
                let database = try await SQLiteDatabase.open(path: path)
                try await Migrator(database).up()
                _ = try await BusinessStore(database).create(name: "Business \(round)")
                #expect(try await BusinessStore(database).list().count == round)
                database.close()
            }
        }
    }

    @Test func `a full disk is told, and writing goes on when there is room again`() async throws {
        try await withTestDatabase { database in
            try await database.transaction(.schema) { _ = try await $0.execute("CREATE TABLE filler (data BLOB)") }
            let pages = try await database.transaction(.schema) { connection in
                try await connection.first("SELECT page_count FROM pragma_page_count", [])?.int("page_count") ?? 0
            }
            try await database.transaction(.schema) { _ = try await $0.query("PRAGMA max_page_count = \(pages + 4)") }
            let filler = SQLValue.blob([UInt8](repeating: 7, count: 200_000))
            let insert = "INSERT INTO filler (data) VALUES ($1)"
            do {
                try await database.transaction(.schema) { connection in
                    // Even code that goes on after the error must not commit.
                    _ = try? await connection.execute(insert, [filler])
                    _ = try? await connection.execute(insert, [.blob([1])])
                }
                Issue.record("a full disk was not noticed")
            } catch SQLError.cannotWrite {}
            let rows = try await database.read(.schema) { try await $0.query("SELECT 1 FROM filler") }
            #expect(rows.isEmpty)
            try await database.transaction(.schema) { _ = try await $0.query("PRAGMA max_page_count = 1000000") }
            try await database.transaction(.schema) { _ = try await $0.execute(insert, [filler]) }
            let after = try await database.read(.schema) { try await $0.query("SELECT 1 FROM filler") }
            #expect(after.count == 1)
        }
    }

    @Test func `many different statements are not kept for ever`() async throws {
        try await withTestDatabase { database in
            for number in 0..<1500 {
                let row = try await database.read(.schema) {
                    try await $0.first("SELECT \(number) AS n WHERE 1 = $1", [.int(1)])
                }
                #expect(try row?.int("n") == Int64(number))
            }
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["PARLEY_MEASURE"] != nil))
    func `rows per second`() async throws {
        try await withTestDatabase { database in
            let insert =
                "INSERT INTO analytics_events (id, event_type, event_category, created_at) VALUES ($1, $2, $3, $4)"
            let clock = ContinuousClock()
            let now = SystemClock().now
            func row() -> [SQLValue] { [.uuid(UUID7(at: now)), .text("message"), .text("inbox"), .timestamp(now)] }
            let single = try await clock.measure {
                for _ in 0..<10_000 {
                    let values = row()
                    try await database.transaction(.schema) { _ = try await $0.execute(insert, values) }
                }
            }
            let batched = try await clock.measure {
                for _ in 0..<10_000 {
                    let rows = (0..<64).map { _ in row() }
                    try await database.transaction(.schema) { _ = try await $0.batch(insert, rows) }
                }
            }
            let reads = try await clock.measure {
                for _ in 0..<10_000 {
                    _ = try await database.read(.schema) { connection in
                        try await connection.query("SELECT * FROM analytics_events LIMIT 20")
                    }
                }
            }
            let rates = [
                10_000 / single.inSeconds, 640_000 / batched.inSeconds, 10_000 / reads.inSeconds,
            ].map { Int($0) }
            let line =
                "one-row commits/s \(rates[0]); rows/s in batches of 64 \(rates[1]); reads/s of 20 rows \(rates[2])"
            print(line)
        }
    }
}

extension Array {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
