import ParleyCore

/// The businesses' credentials on the channels, encrypted.
package struct IntegrationStore: Sendable {
    private let database: any SQLDatabase
    private let vault: CredentialVault
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, vault: CredentialVault, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.vault = vault
        self.clock = clock
    }

    /// Keeps a new integration; `id` is chosen beforehand, because the platform is told a webhook address that holds it.
    ///
    /// - Parameter credentials: a JSON object, as `ChannelCredentials.revealedJSON()` gives it.
    package func connect(
        id: ID<Integration>,
        business: ID<Business>,
        channel: ChannelID,
        name: String,
        credentials: Secret<[UInt8]>,
        settings: JSON = [:],
        webhookURL: String? = nil
    ) async throws -> IntegrationRecord {
        let now = clock.now
        return try await database.transaction(.business(business)) { connection in
            let sealed = try await seal(credentials, of: id, business: business, on: connection)
            try await connection.execute(
                """
                INSERT INTO channel_integrations (
                    business_id, id, channel, channel_name, credentials, settings, webhook_url, created_at, updated_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                """,
                [
                    .id(business), .id(id), .text(channel.name), .text(name), .blob(sealed), .json(settings),
                    .text(webhookURL), .timestamp(now),
                ]
            )
            guard let record = try await find(id, of: business, on: connection) else {
                throw SQLError.unreadable(column: "id")
            }
            return record
        }
    }

    /// By its id alone: a webhook's address names no business. Nil when there is none.
    package func load(_ id: ID<Integration>) async throws -> LoadedIntegration? {
        let now = clock.now
        return try await database.read(.house) { connection in
            let row = try await connection.first(
                """
                SELECT \(IntegrationRecord.columns), i.credentials, b.is_active AS business_is_active,
                    b.settings AS business_settings, i.held_until, \(database.dialect.leaseTime("$2")) AS read_at
                FROM channel_integrations i JOIN businesses b ON b.id = i.business_id
                WHERE i.id = $1
                """,
                [.id(id), .timestamp(now)]
            )
            guard let row else { return nil }
            let record = try IntegrationRecord(row)
            let credentials = try await vault.open(
                try row.blob("credentials"),
                table: "channel_integrations",
                column: "credentials",
                row: id.description,
                business: record.businessID,
                on: connection
            )
            return LoadedIntegration(
                record: record,
                credentials: credentials,
                businessIsActive: try row.bool("business_is_active"),
                businessSettings: try row.json("business_settings"),
                heldUntil: try row.optionalTimestamp("held_until").flatMap { until in
                    // Told by the database's clock; on this one it is as long from now.
                    let left = until.since(try row.timestamp("read_at"))
                    return left > .zero ? now.advanced(by: left) : nil
                }
            )
        }
    }

    package func list(of business: ID<Business>) async throws -> [IntegrationRecord] {
        try await database.read(.business(business)) { connection in
            try await connection.query(
                "SELECT \(IntegrationRecord.columns) FROM channel_integrations i WHERE business_id = $1 ORDER BY id",
                [.id(business)]
            ).map { try IntegrationRecord($0) }
        }
    }

    package func integration(_ id: ID<Integration>, of business: ID<Business>) async throws -> IntegrationRecord? {
        try await database.read(.business(business)) { try await find(id, of: business, on: $0) }
    }

    /// For a rotation. False when the business has no such integration.
    package func replace(
        credentials: Secret<[UInt8]>,
        of id: ID<Integration>,
        business: ID<Business>
    ) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            // The foreign key would refuse a data key for a business that does not exist; nothing is sealed for nobody.
            guard try await find(id, of: business, on: connection) != nil else { return false }
            let sealed = try await seal(credentials, of: id, business: business, on: connection)
            return try await update("credentials", to: .blob(sealed), id, of: business, on: connection)
        }
    }

    /// An integration that is switched off has no route and sends nothing. False when the business has no such one.
    package func setActive(_ isActive: Bool, _ id: ID<Integration>, of business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) {
            try await update("is_active", to: .bool(isActive), id, of: business, on: $0)
        }
    }

    package func disable(_ id: ID<Integration>, of business: ID<Business>) async throws -> Bool {
        try await setActive(false, id, of: business)
    }

    package func setHealth(
        _ health: IntegrationRecord.Health,
        _ id: ID<Integration>,
        of business: ID<Business>
    ) async throws -> Bool {
        try await database.transaction(.business(business)) {
            try await update("health", to: .text(health.rawValue), id, of: business, on: $0)
        }
    }

    /// The platform wants the whole integration to wait for so long from now; a longer wait is never shortened.
    ///
    /// False when there is a longer one, or the business has no such integration.
    package func hold(_ id: ID<Integration>, of business: ID<Business>, for wait: Duration) async throws -> Bool {
        let until = database.dialect.leaseTime("$3", plusMicroseconds: "$4")
        return try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                """
                UPDATE channel_integrations SET held_until = \(until)
                WHERE business_id = $1 AND id = $2 AND (held_until IS NULL OR held_until < \(until))
                """,
                [.id(business), .id(id), .timestamp(clock.now), .integer(wait.microseconds)]
            ) == 1
        }
    }

    package func setWebhookURL(_ url: String?, _ id: ID<Integration>, of business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) {
            try await update("webhook_url", to: .text(url), id, of: business, on: $0)
        }
    }

    package func change(settings: JSON, of id: ID<Integration>, business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) {
            try await update("settings", to: .json(settings), id, of: business, on: $0)
        }
    }
}

extension IntegrationStore {
    private func seal(
        _ credentials: Secret<[UInt8]>,
        of id: ID<Integration>,
        business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> [UInt8] {
        try await vault.seal(
            credentials,
            table: "channel_integrations",
            column: "credentials",
            row: id.description,
            business: business,
            on: connection
        )
    }

    private func find(
        _ id: ID<Integration>,
        of business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> IntegrationRecord? {
        try await connection.first(
            "SELECT \(IntegrationRecord.columns) FROM channel_integrations i WHERE business_id = $1 AND id = $2",
            [.id(business), .id(id)]
        ).map { try IntegrationRecord($0) }
    }

    private func update(
        _ column: StaticString,
        to value: SQLValue,
        _ id: ID<Integration>,
        of business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> Bool {
        try await connection.execute(
            "UPDATE channel_integrations SET \(column) = $3, updated_at = $4 WHERE business_id = $1 AND id = $2",
            [.id(business), .id(id), value, .timestamp(clock.now)]
        ) == 1
    }
}
