import ParleyCore

/// The businesses' assistants.
package struct AgentStore: Sendable {
    private let database: any SQLDatabase
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.clock = clock
    }

    /// The agent that answers for a business, with the tools that it may call.
    package func defaultAgent(of business: ID<Business>) async throws -> AgentRecord? {
        try await database.read(.business(business)) { connection in
            try await agents("is_default = $2", [.bool(true)], of: business, on: connection).first
        }
    }

    package func agent(_ id: ID<Agent>, of business: ID<Business>) async throws -> AgentRecord? {
        try await database.read(.business(business)) {
            try await agents("id = $2", [.id(id)], of: business, on: $0).first
        }
    }

    package func list(of business: ID<Business>) async throws -> [AgentRecord] {
        try await database.read(.business(business)) {
            try await agents("id > $2", [.afterID(ID<Agent>?.none)], of: business, on: $0)
        }
    }

    /// False when the business has no such agent.
    package func change(_ changes: AgentChanges, _ id: ID<Agent>, of business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                """
                UPDATE agents SET
                    name = COALESCE($3, name),
                    instructions = COALESCE($4, instructions),
                    model = NULLIF(COALESCE($5, model), ''),
                    debounce_milliseconds = COALESCE($6, debounce_milliseconds),
                    updated_at = $7
                WHERE business_id = $1 AND id = $2
                """,
                [
                    .id(business), .id(id), .text(changes.name), .text(changes.instructions), .text(changes.model),
                    changes.debounceMilliseconds.map { .int($0) } ?? .null, .timestamp(clock.now),
                ]
            ) == 1
        }
    }

    private func agents(
        _ condition: StaticString,
        _ parameters: [SQLValue],
        of business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> [AgentRecord] {
        let rows = try await connection.query(
            "SELECT \(AgentRecord.columns) FROM agents WHERE business_id = $1 AND \(condition) ORDER BY id",
            [.id(business)] + parameters
        )
        var records: [AgentRecord] = []
        for row in rows {
            let tools = try await connection.query(
                """
                SELECT a.tool_name FROM agent_tools a
                JOIN business_tools b ON b.business_id = a.business_id AND b.tool_name = a.tool_name
                WHERE a.business_id = $1 AND a.agent_id = $2 AND b.is_enabled = $3 ORDER BY a.tool_name
                """,
                [.id(business), .id(try row.id("id", Agent.self)), .bool(true)]
            )
            records.append(try AgentRecord(row, tools: try tools.map { try $0.text("tool_name") }))
        }
        return records
    }
}
