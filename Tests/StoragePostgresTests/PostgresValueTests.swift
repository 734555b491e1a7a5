import ParleyCore
import ParleyTesting
import Storage
import StoragePostgres
import Testing

/// What goes in comes out, whatever it is.
@Suite(.enabled(if: TestPostgres.isThere, "\(TestPostgres.reason)")) struct PostgresValueTests {
    private static let time = Timestamp(microseconds: 1_763_712_345_678_901)

    private func roundTrip(_ type: String, _ values: [SQLValue]) async throws -> [SQLValue] {
        var found: [SQLValue] = []
        try await withTestPostgres(migrated: false) { database in
            found = try await database.transaction(.schema) { connection in
                try await connection.execute("CREATE TABLE box (number bigint, value \(type))")
                try await connection.batch(
                    "INSERT INTO box VALUES ($1, $2)",
                    values.enumerated().map { [.int($0), $1] }
                )
                return try await connection.query("SELECT value FROM box ORDER BY number").map { $0["value"] }
            }
        }
        return found
    }

    /// By type, so that a test's name stays short.
    static let samples: [String: [SQLValue]] = [
        "bigint": [.integer(.min), .integer(.max), .integer(0), .null],
        "integer": [.integer(-2_147_483_648), .integer(2_147_483_647)],
        "smallint": [.integer(-32_768), .integer(32_767)],
        "double precision": [.real(0.1), .real(-1e300), .real(.infinity), .real(.leastNonzeroMagnitude)],
        "real": [.real(0.5), .real(-2)],
        "boolean": [.bool(true), .bool(false)],
        "text": [.text(""), .text("Zoë 🛒 'x' \\ \u{1}\n"), .text(String(repeating: "ä", count: 100_000))],
        "varchar(20)": [.text("a")],
        "bytea": [.blob([]), .blob((0...255).map { UInt8($0) }), .blob(Array(repeating: 0, count: 70_000))],
        "uuid": [.uuid(UUID7(at: time)), .uuid(UUID7(high: 0, low: .max))],
        "timestamptz": [
            .timestamp(time), .timestamp(Timestamp(microseconds: 0)), .timestamp(Timestamp(microseconds: -1)),
            .timestamp(Timestamp(microseconds: -62_135_596_800_000_000)),
            .timestamp(Timestamp(microseconds: 253_402_300_799_999_999)),
            .timestamp(Timestamp(microseconds: .max)), .timestamp(Timestamp(microseconds: .min)),
        ],
    ]

    @Test(arguments: samples.keys.sorted()) func `every type survives`(_ type: String) async throws {
        let values = try #require(Self.samples[type])
        #expect(try await roundTrip(type, values) == values)
    }

    @Test func `sums are integers, and fractions are real`() async throws {
        let values: [(String, SQLValue)] = [
            ("0", .integer(0)), ("42", .integer(42)), ("-10000", .integer(-10_000)), ("5.00", .integer(5)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .real(9_223_372_036_854_775_808)), ("0.000001", .real(0.000001)),
            ("-123456.789", .real(-123456.789)), ("1e30", .real(1e30)), ("'Infinity'", .real(.infinity)),
        ]
        try await withTestPostgres(migrated: false) { database in
            for (text, value) in values {
                let found = try await database.read(.schema) { try await $0.first("SELECT \(text)::numeric AS n", []) }
                #expect(found?["n"] == value, "\(text)")
            }
            let sum = try await database.read(.schema) {
                try await $0.first("SELECT sum(x::bigint) AS n FROM generate_series(1, 10) x", [])
            }
            #expect(try sum?.int("n") == 55)
        }
    }

    @Test(arguments: ["json", "jsonb"]) func `JSON is read as text and as a value`(_ type: String) async throws {
        let value: JSON = ["a": ["Grüße \"👋\"", 1, 2.5, nil, true, [:]]]
        let found = try await roundTrip(type, [.json(value)])
        guard case .text(let text)? = found.first else {
            Issue.record("\(found)")
            return
        }
        #expect(try JSON(parsing: text) == value)
    }

    @Test func `the character that PostgreSQL cannot store is left out`() async throws {
        #expect(try await roundTrip("text", [.text("a\u{0}b")]) == [.text("ab")])
        let value: JSON = ["k\u{0}": .string("x\u{0}\\u0000\\\u{0}y")]
        guard case .text(let text)? = try await roundTrip("jsonb", [.json(value)]).first else {
            Issue.record("no JSON")
            return
        }
        #expect(try JSON(parsing: text) == ["k": .string("x\\u0000\\y")])
    }

    @Test func `an array carries many parameters, whatever is in them`() async throws {
        let texts = ["", "NULL", "null", "a\"b", "c\\d", "{e,f}", " g ", "é👋", "h\u{0}i"]
        let columns: [(String, [SQLValue])] = [
            ("text", texts.map { .text($0) } + [.null]),
            ("bytea", [.blob([]), .blob([0, 92, 34, 255])]),
            ("uuid", [.uuid(UUID7(at: Self.time))]),
            ("timestamptz", [.timestamp(Self.time)]),
            ("bigint", [.integer(-5), .null]),
            ("boolean", [.bool(true), .bool(false)]),
            ("double precision", [.real(0.25)]),
        ]
        try await withTestPostgres(migrated: false) { database in
            for (type, values) in columns {
                let found = try await database.read(.schema) { connection in
                    try await connection.query("SELECT unnest($1::\(type)[]) AS v", [.array(values)]).map { $0["v"] }
                }
                #expect(found == values.map { $0 == .text("h\u{0}i") ? .text("hi") : $0 }, "\(type)")
            }
            let objects = try await database.read(.schema) { connection in
                try await connection.query(
                    "SELECT unnest($1::jsonb[]) AS v",
                    [.array([.json(["a": "b\"\\c\u{0}"]), .json([])])]
                ).map { try $0.json("v") }
            }
            #expect(objects == [["a": "b\"\\c"], []])
        }
    }

    @Test func `what the server has besides is readable`() async throws {
        try await withTestPostgres(migrated: false) { database in
            let row = try await database.read(.schema) { connection in
                try await connection.first(
                    """
                    SELECT DATE '2026-11-21' AS day, 'x'::name AS name, 7::oid AS oid, pg_sleep(0) AS nothing,
                        TIMESTAMP '2026-11-21 08:05:45.678901' AS local, 'n' AS literal, 'c'::"char" AS letter
                    """,
                    []
                )
            }
            #expect(row?["day"] == .text("2026-11-21"))
            #expect(row?["name"] == .text("x"))
            #expect(row?["oid"] == .integer(7))
            #expect(row?["nothing"] == .null)
            #expect(try row?.timestamp("local").description == "2026-11-21T08:05:45.678Z")
            #expect(row?["literal"] == .text("n"))
            #expect(row?["letter"] == .text("c"))
        }
    }

    @Test func `a type that is not known arrives as its bytes, and reads as nothing else`() async throws {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            let row = try await database.read(.schema) {
                try await $0.first("SELECT '(1,2)'::point AS odd, 1 AS n", [])
            }
            #expect(try row?.blob("odd").count == 16)
            #expect(throws: SQLError.unreadable(column: "odd")) { try row?.text("odd") }
            #expect(row?["n"] == .integer(1))
        }
    }

    @Test func `more statements than are kept prepared do no harm`() async throws {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            for number in 0..<600 {
                let row = try await database.read(.schema) { try await $0.first("SELECT \(number % 300) AS n", []) }
                #expect(row?["n"] == .integer(Int64(number % 300)))
            }
        }
    }

    @Test func `what is written without waiting is there for the next statement, and its failure undoes all`()
        async throws
    {
        try await withTestPostgres(migrated: false, "pool=1") { database in
            try await database.transaction(.schema) { try await $0.execute("CREATE TABLE t (n bigint PRIMARY KEY)") }
            let count = try await database.transaction(.schema) { connection in
                for number in 0..<100 { try await connection.write("INSERT INTO t VALUES ($1)", with: [.int(number)]) }
                return try await connection.first("SELECT COUNT(*) AS n FROM t", [])?.int("n")
            }
            #expect(count == 100)
            await #expect(throws: SQLError.unique(constraint: "t_pkey")) {
                try await database.transaction(.schema) { connection in
                    try await connection.write("INSERT INTO t VALUES ($1)", with: [.int(100)])
                    try await connection.write("INSERT INTO t VALUES ($1)", with: [.int(5)])
                }
            }
            let after = try await database.read(.schema) { try await $0.first("SELECT COUNT(*) AS n FROM t", []) }
            #expect(try after?.int("n") == 100)
        }
    }

    @Test func `arrays hold what is hard to quote`() async throws {
        let texts = ["", #"a "quoted" \ word"#, "{,}", "NULL", "two\nlines", "🙂"]
        try await withTestPostgres(migrated: false, "pool=1") { database in
            let rows = try await database.read(.schema) {
                try await $0.query(
                    "SELECT word FROM unnest($1::text[]) WITH ORDINALITY AS w (word, place) ORDER BY place",
                    [.array(texts.map { .text($0) } + [.null])]
                )
            }
            #expect(rows.map { $0.optionalText("word") } == texts + [nil])
        }
    }
}
