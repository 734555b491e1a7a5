import ParleyCore
import Storage

// The port: what `SQLDatabase` and `SQLConnection` promise.
extension StorageConformance {
    private struct Deliberate: Error {}

    static func roundTrip(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let id = ID<Business>(at: time)
        let agent = ID<Agent>(at: time)
        let settings: JSON = [
            // The order in which PostgreSQL keeps members.
            "deep": ["a": [:]], "list": [1, 2.5, true, nil], "text": "Grüße 👋 'x' \"y\" \\ \n",
        ]
        let bytes = (0...255).map { UInt8($0) }
        let name = "Zoë's “shop” 🛒 $1 ? -- not a comment"
        let business = try await database.transaction(.schema) { connection in
            try await connection.execute(
                insertion,
                [.id(id), .text(name), .json(settings), .bool(false), .timestamp(time)]
            )
            try await connection.execute(
                """
                INSERT INTO business_keys (business_id, version, master_key_id, wrapped_key, created_at)
                VALUES ($1, $2, $3, $4, $5)
                """,
                [.id(id), .int(7), .text(""), .blob(bytes), .timestamp(time)]
            )
            try await connection.execute(
                """
                INSERT INTO agents (business_id, id, name, instructions, temperature, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $6)
                """,
                [.id(id), .id(agent), .text("a"), .text("i"), .real(0.7), .timestamp(time)]
            )
            return try await connection.first("SELECT * FROM businesses WHERE id = $1", [.id(id)])
        }
        let key = try await database.read(.schema) {
            try await $0.first("SELECT * FROM business_keys WHERE business_id = $1", [.id(id)])
        }
        let stored = try await database.read(.schema) {
            try await $0.first("SELECT * FROM agents WHERE id = $1", [.id(agent)])
        }
        findings.expect(try business?.id("id"), is: id, "an id")
        findings.expect(try business?.text("name"), is: name, "a text")
        findings.expect(try business?.json("settings"), is: settings, "JSON")
        findings.expect(try business?.bool("is_active"), is: false, "a boolean")
        findings.expect(try business?.timestamp("created_at"), is: time, "a time")
        findings.expect(business?.optionalText("api_key_hash"), is: .some(nil), "a null")
        findings.expect(try key?.blob("wrapped_key"), is: bytes, "bytes")
        findings.expect(try key?.text("master_key_id"), is: "", "an empty text")
        findings.expect(try key?.int("version"), is: 7, "an integer")
        findings.expect(try stored?.real("temperature"), is: 0.7, "a real number")
        findings.expect(stored?.optionalInt("maximum_output_tokens"), is: .some(nil), "a null integer")
        let unreadable = await findings.error("reading a column that is missing") { _ = try business?.text("nothing") }
        findings.expect(unreadable, is: .unreadable(column: "nothing"), "a missing column")
    }

    static func rollback(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        do {
            try await database.transaction(.schema) { connection in
                try await insertBusiness(ID(at: time), "gone", on: connection)
                throw Deliberate()
            }
            findings.expect(false, "the body's error was swallowed")
        } catch is Deliberate {}
        findings.expect(try await businesses(database), is: 0, "rows after a rollback")
        try await database.transaction(.schema) { try await insertBusiness(ID(at: time), "kept", on: $0) }
        findings.expect(try await businesses(database), is: 1, "rows after the next commit")
    }

    static func failedStatement(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let id = ID<Business>(at: time)
        let error = await findings.error("committing after a failed statement") {
            try await database.transaction(.schema) { connection in
                try await insertBusiness(id, "one", on: connection)
                try? await insertBusiness(id, "one again", on: connection)
                try? await insertBusiness(ID(at: time), "two", on: connection)
            }
        }
        if let error, case .unique = error {
        } else {
            findings.expect(false, "the first error was not told: \(String(describing: error))")
        }
        findings.expect(try await businesses(database), is: 0, "rows after a failed statement")
        _ = await findings.error("going on after a failed statement") {
            try await database.transaction(.schema) { connection in
                try await insertBusiness(id, "one", on: connection)
                try? await insertBusiness(id, "one again", on: connection)
                _ = try await connection.query("SELECT name FROM businesses")
                throw Deliberate()
            }
        }
    }

    static func constraints(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let id = ID<Business>(at: time)
        try await database.transaction(.schema) { try await insertBusiness(id, "first", on: $0) }
        let unique = await findings.error("a second row with one key") {
            try await database.transaction(.schema) { try await insertBusiness(id, "second", on: $0) }
        }
        if let unique, case .unique(let name) = unique {
            findings.expect(name.contains("businesses"), "the unique constraint is called \(name)")
        } else {
            findings.expect(false, "a doubled key is \(String(describing: unique))")
        }
        let check = await findings.error("an empty name") {
            try await database.transaction(.schema) { try await insertBusiness(ID(at: time), "", on: $0) }
        }
        let foreign = await findings.error("a key of a business that does not exist") {
            try await database.transaction(.schema) { connection in
                _ = try await connection.execute(
                    """
                    INSERT INTO business_keys (business_id, version, master_key_id, wrapped_key, created_at)
                    VALUES ($1, 1, 'x', $2, $3)
                    """,
                    [.id(ID<Business>(at: time)), .blob([1]), .timestamp(time)]
                )
            }
        }
        for (what, error) in [("CHECK", check), ("FOREIGN KEY", foreign)] {
            if let error, case .constraint = error { continue }
            findings.expect(false, "a broken \(what) is \(String(describing: error))")
        }
    }

    static func silentErrors(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let id = ID<Business>(at: time)
        try await database.transaction(.schema) { try await insertBusiness(id, "first", on: $0) }
        let secret = "xoxb-very-secret"
        let attempts: [(sql: String, values: [SQLValue])] = [
            (insertion, businessRow(id, secret)),
            (
                insertion,
                [.id(ID<Business>(at: time)), .text(secret), .text("{\(secret)"), .bool(true), .timestamp(time)]
            ),
            (insertion, [.text(secret), .text(secret), .json([:]), .bool(true), .timestamp(time)]),
            ("SELECT \(secret.count) FROM nowhere WHERE x = $1", [.text(secret)]),
        ]
        for (sql, values) in attempts {
            let error = await findings.error("a faulty statement") {
                try await database.transaction(.schema) { _ = try await $0.query(sql, values) }
            }
            let told = String(reflecting: error) + (error?.description ?? "")
            findings.expect(!told.contains(secret), "an error tells a value")
            findings.expect(!told.contains(id.description), "an error tells an id")
        }
    }

    static func batches(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let ids = (0..<5).map { _ in ID<Business>(at: time) }
        let written = try await database.transaction(.schema) { connection in
            let first = try await connection.batch(insertion, ids.prefix(3).map { businessRow($0, "b") })
            let second = try await connection.batch(
                insertion + " ON CONFLICT (id) DO NOTHING",
                ids.map { businessRow($0, "c") }
            )
            let none = try await connection.batch(insertion, [])
            let all = try await connection.execute("UPDATE businesses SET name = $1", [.text("d")])
            return first + second + none + [all]
        }
        findings.expect(written, is: [1, 1, 1, 0, 0, 0, 1, 1, 5], "rows written")
    }

    static func failingBatch(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let id = ID<Business>(at: time)
        let error = await findings.error("a batch with one key twice") {
            try await database.transaction(.schema) { connection in
                _ = try await connection.batch(
                    insertion,
                    [businessRow(ID(at: time), "a"), businessRow(id, "b"), businessRow(id, "c")]
                )
            }
        }
        if let error, case .unique = error {
        } else {
            findings.expect(false, "the batch's error is \(String(describing: error))")
        }
        findings.expect(try await businesses(database), is: 0, "rows of a failed batch")
    }

    static func snapshot(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let seen = try await database.read(.schema) { connection in
            let before = try await businesses(on: connection)
            try await database.transaction(.schema) { try await insertBusiness(ID(at: time), "meanwhile", on: $0) }
            return [before, try await businesses(on: connection)]
        }
        findings.expect(seen, is: [0, 0], "what a read saw")
        findings.expect(try await businesses(database), is: 1, "what the next read saw")
    }

    static func readOnly(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        _ = await findings.error("writing in a read") {
            try await database.read(.schema) { try await insertBusiness(ID(at: time), "no", on: $0) }
        }
        findings.expect(try await businesses(database), is: 0, "rows written by a read")
    }

    static func manyTasks(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let id = ID<Business>(at: time)
        try await database.transaction(.schema) { try await insertBusiness(id, "busy", on: $0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    let usage = UsageRecord(businessID: id, day: "2026-11-21", model: "offline", messages: 1)
                    try await database.transaction(.schema) { connection in
                        try await UsageStore.add(usage, on: connection)
                        await Task.yield()
                        try await UsageStore.add(usage, on: connection)
                    }
                }
                group.addTask {
                    let counts = try await database.read(.schema) { connection in
                        try await connection.query("SELECT messages FROM api_usage WHERE business_id = $1", [.id(id)])
                            .map { try $0.int("messages") }
                    }
                    // Half of a transaction would be an odd number.
                    guard counts.allSatisfy({ $0.isMultiple(of: 2) }) else { throw Deliberate() }
                }
            }
            try await group.waitForAll()
        }
        let usage = try await UsageStore(database).usage(of: id, from: "2026-11-21", through: "2026-11-21")
        findings.expect(usage.map(\.messages), is: [128], "the sum")
    }

    static func cancellation(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await database.transaction(.schema) { connection in
                    try await insertBusiness(ID(at: time), "cancelled", on: connection)
                    beginning.yield()
                    // Ends by being cancelled, never by itself.
                    try await Task.sleep(for: .seconds(3600))
                }
            }
            for await _ in begun { break }
            group.cancelAll()
            do {
                try await group.waitForAll()
                findings.expect(false, "a cancelled body returned")
            } catch is CancellationError {}
        }
        try await database.transaction(.schema) { try await insertBusiness(ID(at: time), "next", on: $0) }
        findings.expect(try await businesses(database), is: 1, "rows after a cancelled transaction")
    }

    static func parameters(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        _ = await findings.error("a missing parameter") {
            try await database.transaction(.schema) { _ = try await $0.query("SELECT $1 AS a, $2 AS b", [.text("x")]) }
        }
        _ = await findings.error("a parameter too many") {
            try await database.transaction(.schema) { _ = try await $0.query("SELECT 1 AS a", [.text("x")]) }
        }
        let sql = """
            SELECT name, '$2 it''s $1' AS literal -- $3
            FROM businesses /* $4 */ WHERE name = $1 OR name = $1
            """
        let row = try await database.transaction(.schema) { connection in
            try await insertBusiness(ID(at: time), "$1", on: connection)
            return try await connection.first(sql, [.text("$1")])
        }
        findings.expect(try row?.text("literal"), is: "$2 it's $1", "a literal")
        findings.expect(try row?.text("name"), is: "$1", "a value")
    }
}
