import ParleyCore

/// The switches of the house and of businesses. Few: all of them are read together.
package struct FlagStore: Sendable {
    private let database: any SQLDatabase
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.clock = clock
    }

    /// Every flag, also those that have expired, by name, scope and business.
    package func list() async throws -> [FeatureFlag] {
        try await database.read(.house) { connection in
            try await connection.query(
                """
                SELECT business_id, scope, name, value, variants, owner, expires_at
                FROM feature_flags ORDER BY name, scope, business_id LIMIT $1
                """,
                [.int(Limits.featureFlags)]
            ).map { try FeatureFlag($0) }
        }
    }

    /// Sets a flag; one of the same name and scope is replaced.
    package func set(_ flag: FeatureFlag) async throws {
        let now = clock.now
        try await database.transaction(flag.scope.sqlScope) { connection in
            let values: [SQLValue] = [
                flag.scope.businessValue, .text(flag.scope.text), .text(flag.name), .json(flag.value),
                .json(.array(flag.variants.map(\.json))), .text(flag.owner), .timestamp(flag.expiresAt),
                .timestamp(now),
            ]
            let changed = try await connection.execute(
                """
                UPDATE feature_flags SET value = $4, variants = $5, owner = $6, expires_at = $7, updated_at = $8
                WHERE business_id IS NOT DISTINCT FROM $1 AND scope = $2 AND name = $3
                """,
                values
            )
            guard changed == 0 else { return }
            try await connection.execute(
                """
                INSERT INTO feature_flags (
                    business_id, scope, name, value, variants, owner, expires_at, created_at, updated_at, id
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
                """,
                values + [.uuid(UUID7(at: now))]
            )
        }
    }

    /// False when there is none.
    package func unset(_ name: String, _ scope: FeatureFlag.Scope) async throws -> Bool {
        try await database.transaction(scope.sqlScope) { connection in
            try await connection.execute(
                "DELETE FROM feature_flags WHERE business_id IS NOT DISTINCT FROM $1 AND scope = $2 AND name = $3",
                [scope.businessValue, .text(scope.text), .text(name)]
            ) == 1
        }
    }
}

extension FeatureFlag.Scope {
    fileprivate var sqlScope: SQLScope {
        if case .business(let id) = self { .business(id) } else { .house }
    }

    fileprivate var businessValue: SQLValue {
        if case .business(let id) = self { .id(id) } else { .null }
    }

    fileprivate var text: String {
        switch self {
        case .global: "global"
        case .channel(let channel): "channel:\(channel.name)"
        case .business: "business"
        }
    }

    fileprivate init(_ row: SQLRow) throws {
        let text = try row.text("scope")
        if text.hasPrefix("channel:") {
            self = .channel(ChannelID(String(text.dropFirst("channel:".count))))
        } else if text == "business" {
            self = .business(try row.id("business_id"))
        } else {
            self = .global
        }
    }
}

extension FeatureFlag {
    fileprivate init(_ row: SQLRow) throws {
        self.init(
            try row.text("name"),
            try Scope(row),
            value: try row.json("value"),
            variants: try row.json("variants").array?.compactMap(Variant.init) ?? [],
            owner: try row.text("owner"),
            expiresAt: row.optionalTimestamp("expires_at")
        )
    }
}

extension FeatureFlag.Variant {
    fileprivate var json: JSON { ["name": JSON(name), "value": value, "percent": JSON(percent)] }

    fileprivate init?(_ json: JSON) {
        guard let name = json["name"]?.string, let percent = json["percent"]?.int else { return nil }
        self.init(name, json["value"] ?? .null, percent: Int(clamping: percent))
    }
}
