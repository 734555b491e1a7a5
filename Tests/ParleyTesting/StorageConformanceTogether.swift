import ParleyCore
import Storage

// Writes that an engine may make one statement of.
extension StorageConformance {
    static func together(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let ids = (0..<4).map { _ in ID<Business>(at: time) }
        let settings: JSON = ["deep": ["a": [:]], "list": [1, 2.5, true, nil], "text": "Grüße 👋 '$1' \"y\" \\ \n"]
        let bytes = (0...255).map { UInt8($0) }
        @Sendable func business(_ id: ID<Business>, _ name: String) -> [SQLValue] {
            [.id(id), .text(name), .json(settings), .bool(name == "one"), .timestamp(time), .timestamp(time)]
        }
        let columns: StaticString = "id, name, settings, is_active, created_at, updated_at"
        let told = try await database.transaction(.schema) { connection in
            // Alone first: what the others hang on must be there before them.
            try await connection.write(
                together: [
                    .rows(into: "businesses", columns: columns, [business(ids[0], "$1, '$2'")]),
                    .rows(into: "businesses", columns: columns, ids.dropFirst().map { business($0, "one") }),
                    .rows(into: "businesses", columns: columns, []),
                ]
            )
            return try await connection.query(
                "SELECT '$1' AS literal, name FROM businesses WHERE id = $1",
                [.id(ids[0])],
                alongside: [
                    .rows(
                        into: "business_keys",
                        columns: "business_id, version, master_key_id, wrapped_key, created_at",
                        ids.map { [.id($0), .int(7), .text(""), .blob(bytes), .timestamp(time)] }
                    ),
                    .rows(
                        into: "agents",
                        columns: "business_id, id, name, instructions, temperature, model, created_at, updated_at",
                        ids.map {
                            [
                                .id($0), .id(ID<Agent>(at: time)), .text("a"), .text("i, 'j'"), .real(0.7), .null,
                                .timestamp(time), .timestamp(time),
                            ]
                        }
                    ),
                    .statement(
                        "UPDATE businesses SET plan = '$1''' || $2 WHERE id = $1 AND id = $1",
                        [.id(ids[1]), .text("x")]
                    ),
                ]
            )
        }
        findings.expect(try told.first?.text("literal"), is: "$1", "a literal")
        findings.expect(try told.first?.text("name"), is: "$1, '$2'", "a value")
        let rows = try await database.read(.schema) { connection in
            try await connection.query(
                """
                SELECT b.name, b.settings, b.is_active, b.created_at, b.plan, k.wrapped_key, a.temperature, a.model,
                    a.instructions
                FROM businesses b JOIN business_keys k ON k.business_id = b.id JOIN agents a ON a.business_id = b.id
                ORDER BY b.id
                """
            )
        }
        findings.expect(rows.count, is: 4, "rows of three tables")
        for row in rows {
            findings.expect(try row.json("settings"), is: settings, "JSON")
            findings.expect(try row.timestamp("created_at"), is: time, "a time")
            findings.expect(try row.blob("wrapped_key"), is: bytes, "bytes")
            findings.expect(try row.real("temperature"), is: 0.7, "a real number")
            findings.expect(row.optionalText("model") == nil, "a null")
            findings.expect(try row.text("instructions"), is: "i, 'j'", "a text")
            findings.expect(try row.bool("is_active"), is: try row.text("name") == "one", "a boolean")
        }
        findings.expect(rows.filter { $0.optionalText("plan") == "$1'x" }.count, is: 1, "rows updated")
        let error = await findings.error("a key that is there, among other writes") {
            try await database.transaction(.schema) { connection in
                try await connection.write(
                    together: [
                        .statement("UPDATE businesses SET plan = $1", [.text("gone")]),
                        .rows(into: "businesses", columns: columns, [business(ids[0], "again")]),
                    ]
                )
            }
        }
        if let error, case .unique = error {
        } else {
            findings.expect(false, "the error is \(String(describing: error))")
        }
        let left = try await database.read(.schema) {
            try await $0.query("SELECT id FROM businesses WHERE plan = 'gone'").count
        }
        findings.expect(left, is: 0, "what a broken key left")
    }
}
