import ParleyCore
import ParleyTesting
import Storage
import StorageSQLite
import Testing

/// Transactions that wait for each other share one commit; each of them is still all or nothing.
@Suite(.timeLimit(.minutes(2))) struct SharedCommitTests {
    struct Refused: Error {}

    @Test func `what fails in a shared commit is undone for that one alone`() async throws {
        try await withTestDatabase { database in
            try await database.transaction(.schema) {
                _ = try await $0.execute("CREATE TABLE x (value INTEGER PRIMARY KEY)")
            }
            let failures = await withTaskGroup(of: Bool.self) { group in
                for value in 0..<300 {
                    group.addTask {
                        do {
                            try await database.transaction(.schema) { connection in
                                try await connection.execute("INSERT INTO x VALUES ($1)", [.int(value)])
                                if value % 3 == 0 { throw Refused() }
                                // A constraint that does not hold ends this one as well.
                                if value % 3 == 1 {
                                    try await connection.execute("INSERT INTO x VALUES ($1)", [.int(value)])
                                }
                            }
                            return false
                        } catch {
                            return true
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 200)
            let kept = try await database.read(.schema) { try await $0.query("SELECT value FROM x ORDER BY value") }
            #expect(try kept.map { try $0.int("value") } == (0..<300).filter { $0 % 3 == 2 }.map { Int64($0) })
        }
    }

    @Test func `whoever is told of success finds it in the file`() async throws {
        try await withTestFolder { folder in
            let path = "\(folder)/parley.sqlite"
            let database = try await SQLiteDatabase.open(path: path)
            try await database.transaction(.schema) {
                _ = try await $0.execute("CREATE TABLE x (value INTEGER PRIMARY KEY)")
            }
            let other = try await SQLiteDatabase.open(path: path)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for value in 0..<200 {
                    group.addTask {
                        try await database.transaction(.schema) {
                            _ = try await $0.execute("INSERT INTO x VALUES ($1)", [.int(value)])
                        }
                        // Another connection sees committed work only.
                        let found = try await other.read(.schema) {
                            try await $0.first("SELECT value FROM x WHERE value = $1", [.int(value)])
                        }
                        #expect(found != nil)
                    }
                }
                try await group.waitForAll()
            }
            other.close()
            database.close()
        }
    }

    @Test func `a cancelled task neither begins nor holds the others up`() async throws {
        try await withTestDatabase { database in
            try await database.transaction(.schema) { _ = try await $0.execute("CREATE TABLE x (value INTEGER)") }
            await withTaskGroup(of: Void.self) { group in
                for value in 0..<100 {
                    group.addTask {
                        _ = try? await database.transaction(.schema) { connection in
                            await Task.yield()
                            try await connection.execute("INSERT INTO x VALUES ($1)", [.int(value)])
                        }
                    }
                }
                group.cancelAll()
            }
            try await database.transaction(.schema) { _ = try await $0.execute("INSERT INTO x VALUES (1000)") }
            let last = try await database.read(.schema) { try await $0.first("SELECT MAX(value) AS last FROM x", []) }
            #expect(last?.optionalInt("last") == 1000)
        }
    }
}
