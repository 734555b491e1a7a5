import ParleyCore

/// The catalogue of tools, and which business has which.
package struct ToolStore: Sendable {
    private let database: any SQLDatabase
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.clock = clock
    }

    /// Writes what the binary knows into the catalogue; run at every start.
    package func register(_ tools: [ToolRecord]) async throws {
        let now = clock.now
        try await database.transaction(.house) { connection in
            _ = try await connection.batch(
                """
                INSERT INTO tools (
                    name, category, description, parameters, triggers, kind, is_read_only, created_at, updated_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                ON CONFLICT (name) DO UPDATE SET
                    category = excluded.category, description = excluded.description,
                    parameters = excluded.parameters, triggers = excluded.triggers, kind = excluded.kind,
                    is_read_only = excluded.is_read_only, updated_at = excluded.updated_at
                """,
                tools.map { tool in
                    [
                        .text(tool.name), .text(tool.category), .text(tool.description), .json(tool.parameters),
                        .json(.array(tool.triggers.map { .string($0) })), .text(tool.kind.rawValue),
                        .bool(tool.isReadOnly), .timestamp(now),
                    ]
                }
            )
        }
    }

    /// The built-in tools, sorted by name. Endpoints are each business's own; see ``list(of:)``.
    package func catalogue() async throws -> [ToolRecord] {
        try await database.read(.house) { connection in
            try await connection.query(
                "SELECT \(ToolRecord.columns) FROM tools t WHERE t.kind = $1 ORDER BY t.name",
                [.text(ToolRecord.Kind.builtIn.rawValue)]
            ).map { try ToolRecord($0) }
        }
    }

    /// The tools that a business has, enabled or not, sorted by name.
    package func list(of business: ID<Business>) async throws -> [BusinessToolRecord] {
        try await database.read(.business(business)) { connection in
            try await connection.query(
                """
                SELECT \(ToolRecord.columns), b.is_enabled, b.webhook_url, b.configuration
                FROM business_tools b JOIN tools t ON t.name = b.tool_name
                WHERE b.business_id = $1 ORDER BY t.name
                """,
                [.id(business)]
            ).map { row in
                BusinessToolRecord(
                    tool: try ToolRecord(row),
                    isEnabled: try row.bool("is_enabled"),
                    webhookURL: row.optionalText("webhook_url"),
                    configuration: try row.json("configuration")
                )
            }
        }
    }

    /// Gives a tool to a business and to its default agent. False when the catalogue has no such tool, or when it is an
    /// endpoint that this business does not have.
    package func enable(_ tool: String, for business: ID<Business>) async throws -> Bool {
        let now = clock.now
        return try await database.transaction(.business(business)) { connection in
            let found = try await connection.first(
                """
                SELECT t.name FROM tools t WHERE t.name = $2 AND (t.kind = $3 OR EXISTS (
                    SELECT 1 FROM integration_endpoints e WHERE e.business_id = $1 AND e.tool_name = t.name
                ))
                """,
                [.id(business), .text(tool), .text(ToolRecord.Kind.builtIn.rawValue)]
            )
            guard found != nil else { return false }
            try await Self.enable(tool, for: business, at: now, on: connection)
            return true
        }
    }

    /// Takes a tool from all agents of a business. False when the business does not have it.
    package func disable(_ tool: String, for business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                """
                UPDATE business_tools SET is_enabled = $3, updated_at = $4 WHERE business_id = $1 AND tool_name = $2
                """,
                [.id(business), .text(tool), .bool(false), .timestamp(clock.now)]
            ) == 1
        }
    }

    /// The same inside a caller's transaction, for a tool that is known to be in the catalogue.
    static func enable(
        _ tool: String,
        for business: ID<Business>,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        try await connection.execute(
            """
            INSERT INTO business_tools (business_id, tool_name, is_enabled, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $4)
            ON CONFLICT (business_id, tool_name) DO UPDATE SET
                is_enabled = excluded.is_enabled, updated_at = excluded.updated_at
            """,
            [.id(business), .text(tool), .bool(true), .timestamp(now)]
        )
        try await connection.execute(
            """
            INSERT INTO agent_tools (business_id, agent_id, tool_name, created_at)
            SELECT business_id, id, $2, $3 FROM agents WHERE business_id = $1 AND is_default = $4
            ON CONFLICT (business_id, agent_id, tool_name) DO NOTHING
            """,
            [.id(business), .text(tool), .timestamp(now), .bool(true)]
        )
    }
}
