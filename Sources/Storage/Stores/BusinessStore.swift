import ParleyCore

/// The tenants.
package struct BusinessStore: Sendable {
    /// What a default agent is told; plain, so that a channel that is connected answers at once.
    package static let plainInstructions = """
        You answer the customers of this business in its name. Be friendly, brief and concrete, and write in the \
        customer's language. Use the tools and the knowledge that you are given; when they do not hold the answer, say \
        so and offer to bring in a person. Never invent prices, stock, dates or policies.
        """

    private let database: any SQLDatabase
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.clock = clock
    }

    /// A business that can answer: with a default agent that may use every built-in tool of the catalogue.
    package func create(
        name: String,
        settings: JSON = [:],
        instructions: String = plainInstructions
    ) async throws -> BusinessRecord {
        let now = clock.now
        let id = ID<Business>(at: now)
        let agent = ID<Agent>(at: now)
        return try await database.transaction(.business(id)) { connection in
            try await connection.execute(
                "INSERT INTO businesses (id, name, settings, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
                [.id(id), .text(name), .json(settings), .timestamp(now)]
            )
            try await connection.execute(
                """
                INSERT INTO agents (business_id, id, name, instructions, is_default, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, $6)
                """,
                [.id(id), .id(agent), .text("Default"), .text(instructions), .bool(true), .timestamp(now)]
            )
            let tools = try await connection.query("SELECT name FROM tools WHERE kind = $1", [.text("built_in")])
                .map { try $0.text("name") }
            for tool in tools {
                try await ToolStore.enable(tool, for: id, at: now, on: connection)
            }
            guard let business = try await find(id, on: connection) else { throw SQLError.unreadable(column: "id") }
            return business
        }
    }

    /// Up to `limit` businesses in the order of their ids, after `last`.
    package func list(after last: ID<Business>? = nil, limit: Int = 500) async throws -> [BusinessRecord] {
        try await database.read(.house) { connection in
            try await connection.query(
                "SELECT \(BusinessRecord.columns) FROM businesses WHERE id > $1 ORDER BY id LIMIT $2",
                [.afterID(last), .int(limit)]
            ).map { try BusinessRecord($0) }
        }
    }

    package func business(_ id: ID<Business>) async throws -> BusinessRecord? {
        try await database.read(.business(id)) { try await find(id, on: $0) }
    }

    /// False when there is no such business.
    package func change(settings: JSON, of id: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(id)) { connection in
            try await connection.execute(
                "UPDATE businesses SET settings = $2, updated_at = $3 WHERE id = $1",
                [.id(id), .json(settings), .timestamp(clock.now)]
            ) == 1
        }
    }

    /// Changes some of the settings and leaves the others. False when there is no such business.
    package func changeSettings(
        of id: ID<Business>,
        _ change: @Sendable (inout JSON) -> Void
    ) async throws -> Bool {
        try await database.transaction(.business(id)) { connection in
            // Two at once change one after the other.
            guard let business = try await find(id, isLocked: true, on: connection) else { return false }
            var settings = business.settings
            change(&settings)
            return try await connection.execute(
                "UPDATE businesses SET settings = $2, updated_at = $3 WHERE id = $1",
                [.id(id), .json(settings), .timestamp(clock.now)]
            ) == 1
        }
    }

    /// An inactive business is not answered for. False when there is no such business.
    package func setActive(_ isActive: Bool, _ id: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(id)) { connection in
            try await connection.execute(
                "UPDATE businesses SET is_active = $2, updated_at = $3 WHERE id = $1",
                [.id(id), .bool(isActive), .timestamp(clock.now)]
            ) == 1
        }
    }

    private func find(
        _ id: ID<Business>,
        isLocked: Bool = false,
        on connection: any SQLConnection
    ) async throws -> BusinessRecord? {
        try await connection.first(
            "SELECT \(BusinessRecord.columns) FROM businesses WHERE id = $1"
                + (isLocked ? database.dialect.lockingRow : ""),
            [.id(id)]
        ).map { try BusinessRecord($0) }
    }
}
