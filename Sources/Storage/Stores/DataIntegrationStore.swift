import ParleyCore

/// The businesses' live data: where it is, how to be let in, what can be asked.
package struct DataIntegrationStore: Sendable {
    private let database: any SQLDatabase
    private let vault: CredentialVault
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, vault: CredentialVault, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.vault = vault
        self.clock = clock
    }

    /// Keeps a data integration with its endpoints, and enables their tools for the business's default agent.
    ///
    /// Throws ``SQLError/unique(constraint:)`` for a tool name that a built-in tool or another endpoint of the business has.
    package func create(
        business: ID<Business>,
        kind: DataIntegrationRecord.Kind,
        name: String,
        baseURL: String,
        authType: DataIntegrationRecord.AuthType = .none,
        credentials: Secret<JSON>? = nil,
        rateLimitPerMinute: Int? = nil,
        endpoints: [EndpointRecord] = []
    ) async throws -> ID<DataIntegration> {
        let now = clock.now
        let id = ID<DataIntegration>(at: now)
        return try await database.transaction(.business(business)) { connection in
            let sealed = try await seal(credentials, of: id, business: business, on: connection)
            try await connection.execute(
                """
                INSERT INTO data_integrations (
                    business_id, id, kind, name, base_url, auth_type, credentials, rate_limit_per_minute, created_at,
                    updated_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
                """,
                [
                    .id(business), .id(id), .text(kind.rawValue), .text(name), .text(baseURL),
                    .text(authType.rawValue), sealed, rateLimitPerMinute.map { .int($0) } ?? .null, .timestamp(now),
                ]
            )
            for endpoint in endpoints {
                try await insert(endpoint, of: id, business: business, at: now, on: connection)
            }
            return id
        }
    }

    /// Adds an endpoint. False when the business has no such data integration.
    package func add(
        _ endpoint: EndpointRecord,
        to id: ID<DataIntegration>,
        of business: ID<Business>
    ) async throws -> Bool {
        let now = clock.now
        return try await database.transaction(.business(business)) { connection in
            let found = try await connection.first(
                "SELECT id FROM data_integrations WHERE business_id = $1 AND id = $2",
                [.id(business), .id(id)]
            )
            guard found != nil else { return false }
            try await insert(endpoint, of: id, business: business, at: now, on: connection)
            return true
        }
    }

    package func list(of business: ID<Business>) async throws -> [DataIntegrationRecord] {
        try await database.read(.business(business)) { connection in
            try await connection.query(
                "SELECT \(DataIntegrationRecord.columns) FROM data_integrations WHERE business_id = $1 ORDER BY id",
                [.id(business)]
            ).map { try DataIntegrationRecord($0) }
        }
    }

    /// The active data integrations of a business with credentials and endpoints; for a turn.
    package func load(of business: ID<Business>) async throws -> [LoadedDataIntegration] {
        try await database.read(.business(business)) { connection in
            let rows = try await connection.query(
                """
                SELECT \(DataIntegrationRecord.columns), credentials FROM data_integrations
                WHERE business_id = $1 AND is_active = $2 ORDER BY id
                """,
                [.id(business), .bool(true)]
            )
            var loaded: [LoadedDataIntegration] = []
            for row in rows {
                let record = try DataIntegrationRecord(row)
                loaded.append(
                    LoadedDataIntegration(
                        record: record,
                        credentials: try await open(row.optionalBlob("credentials"), of: record, on: connection),
                        endpoints: try await endpoints(of: record, on: connection)
                    )
                )
            }
            return loaded
        }
    }

    /// Remembers how the last test went. False when the business has no such data integration.
    package func recordTest(
        _ result: String,
        _ id: ID<DataIntegration>,
        of business: ID<Business>
    ) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                """
                UPDATE data_integrations SET last_tested_at = $3, last_test_result = $4, updated_at = $3
                WHERE business_id = $1 AND id = $2
                """,
                [.id(business), .id(id), .timestamp(clock.now), .text(result)]
            ) == 1
        }
    }

    /// False when the business has no such data integration.
    package func setActive(_ isActive: Bool, _ id: ID<DataIntegration>, of business: ID<Business>) async throws -> Bool
    {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                "UPDATE data_integrations SET is_active = $3, updated_at = $4 WHERE business_id = $1 AND id = $2",
                [.id(business), .id(id), .bool(isActive), .timestamp(clock.now)]
            ) == 1
        }
    }
}

extension DataIntegrationStore {
    private func insert(
        _ endpoint: EndpointRecord,
        of id: ID<DataIntegration>,
        business: ID<Business>,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        // Nothing of a business's own goes into the catalogue that all share.
        try await connection.execute(
            """
            INSERT INTO tools (name, category, description, parameters, kind, is_read_only, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (name) DO NOTHING
            """,
            [
                .text(endpoint.toolName), .text("live_data"), .text("An endpoint of a business's own."), .json([:]),
                .text(ToolRecord.Kind.endpoint.rawValue), .bool(false), .timestamp(now),
            ]
        )
        let kind = try await connection.first("SELECT kind FROM tools WHERE name = $1", [.text(endpoint.toolName)])
        guard kind?.optionalText("kind") == ToolRecord.Kind.endpoint.rawValue else {
            throw SQLError.unique(constraint: "tools.name")
        }
        try await connection.execute(
            """
            INSERT INTO integration_endpoints (
                business_id, id, data_integration_id, tool_name, description, parameters, triggers, method,
                path_template, response_mapping, cache_seconds, timeout_milliseconds, created_at, updated_at
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
            """,
            [
                .id(business), .id(endpoint.id), .id(id), .text(endpoint.toolName), .text(endpoint.description),
                .json(endpoint.parameters), .json(.array(endpoint.triggers.map { .string($0) })),
                .text(endpoint.method), .text(endpoint.pathTemplate), .json(endpoint.responseMapping),
                .int(endpoint.cacheSeconds), .int(endpoint.timeoutMilliseconds), .timestamp(now),
            ]
        )
        try await ToolStore.enable(endpoint.toolName, for: business, at: now, on: connection)
    }

    private func endpoints(
        of record: DataIntegrationRecord,
        on connection: any SQLConnection
    ) async throws -> [EndpointRecord] {
        try await connection.query(
            """
            SELECT \(EndpointRecord.columns) FROM integration_endpoints
            WHERE business_id = $1 AND data_integration_id = $2 ORDER BY id
            """,
            [.id(record.businessID), .id(record.id)]
        ).map { try EndpointRecord($0) }
    }

    private func seal(
        _ credentials: Secret<JSON>?,
        of id: ID<DataIntegration>,
        business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> SQLValue {
        guard let credentials else { return .null }
        let plain = credentials.reveal { Secret($0.encoded()) }
        return .blob(
            try await vault.seal(
                plain,
                table: "data_integrations",
                column: "credentials",
                row: id.description,
                business: business,
                on: connection
            )
        )
    }

    private func open(
        _ blob: [UInt8]?,
        of record: DataIntegrationRecord,
        on connection: any SQLConnection
    ) async throws -> Secret<JSON>? {
        guard let blob else { return nil }
        let plain = try await vault.open(
            blob,
            table: "data_integrations",
            column: "credentials",
            row: record.id.description,
            business: record.businessID,
            on: connection
        )
        return plain.reveal { try? JSON(parsing: $0) }.map { Secret($0) }
    }
}
