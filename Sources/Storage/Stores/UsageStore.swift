import ParleyCore

/// What a business spent on one day with one model.
package struct UsageRecord: Sendable, Equatable {
    package var businessID: ID<Business>
    /// UTC, `2026-11-21`.
    package var day: String
    package var model: String
    package var messages: Int
    package var tokensIn: Int
    package var tokensOut: Int
    package var tokensCached: Int
    package var toolCalls: Int

    package init(
        businessID: ID<Business>,
        day: String,
        model: String,
        messages: Int,
        tokensIn: Int,
        tokensOut: Int,
        tokensCached: Int,
        toolCalls: Int
    ) {
        self.businessID = businessID
        self.day = day
        self.model = model
        self.messages = messages
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
        self.tokensCached = tokensCached
        self.toolCalls = toolCalls
    }
}

/// `api_usage`: one row per business, day and model, permanent.
package struct UsageStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// A business's usage, oldest day first, from a day on.
    package func usage(of business: ID<Business>, from day: String = "0000-00-00") async throws -> [UsageRecord] {
        try await database.read { connection in
            try await connection.query(
                "SELECT * FROM api_usage WHERE business_id = $1 AND day >= $2 ORDER BY day, model",
                [.id(business), .text(day)]
            ).map { row in
                UsageRecord(
                    businessID: try row.id("business_id"),
                    day: try row.text("day"),
                    model: try row.text("model"),
                    messages: Int(clamping: try row.int("messages")),
                    tokensIn: Int(clamping: try row.int("tokens_in")),
                    tokensOut: Int(clamping: try row.int("tokens_out")),
                    tokensCached: Int(clamping: try row.int("tokens_cached")),
                    toolCalls: Int(clamping: try row.int("tool_calls"))
                )
            }
        }
    }

    /// Adds to a day's row, within a turn's commit.
    static func add(_ usage: UsageRecord, on connection: any SQLConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO api_usage (
                business_id, day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (business_id, day, model) DO UPDATE SET
                messages = api_usage.messages + $4, tokens_in = api_usage.tokens_in + $5,
                tokens_out = api_usage.tokens_out + $6, tokens_cached = api_usage.tokens_cached + $7,
                tool_calls = api_usage.tool_calls + $8
            """,
            [
                .id(usage.businessID), .text(usage.day), .text(usage.model), .int(usage.messages),
                .int(usage.tokensIn), .int(usage.tokensOut), .int(usage.tokensCached), .int(usage.toolCalls),
            ]
        )
    }
}
