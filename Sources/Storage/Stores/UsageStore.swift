import ParleyCore

/// What was spent: one row per business, day and model, kept for good.
package struct UsageStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Adds to the row of a business, day and model, inside the caller's transaction.
    package static func add(_ usage: UsageRecord, on connection: any SQLConnection) async throws {
        try await connection.execute(
            """
            INSERT INTO api_usage (
                business_id, day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls, cost_micros
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (business_id, day, model) DO UPDATE SET
                messages = api_usage.messages + excluded.messages,
                tokens_in = api_usage.tokens_in + excluded.tokens_in,
                tokens_out = api_usage.tokens_out + excluded.tokens_out,
                tokens_cached = api_usage.tokens_cached + excluded.tokens_cached,
                tool_calls = api_usage.tool_calls + excluded.tool_calls,
                cost_micros = api_usage.cost_micros + excluded.cost_micros
            """,
            [
                .id(usage.businessID), .text(usage.day), .text(usage.model), .int(usage.messages),
                .int(usage.tokensIn), .int(usage.tokensOut), .int(usage.tokensCached), .int(usage.toolCalls),
                .integer(usage.costMicros),
            ]
        )
    }

    /// The rows of a business from one day (`2026-11-01`) to another, both included, oldest first.
    package func usage(
        of business: ID<Business>,
        from first: String,
        through last: String
    ) async throws -> [UsageRecord] {
        try await database.read(.business(business)) { connection in
            try await connection.query(
                """
                SELECT business_id, day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls, cost_micros
                FROM api_usage WHERE business_id = $1 AND day >= $2 AND day <= $3 ORDER BY day, model
                """,
                [.id(business), .text(first), .text(last)]
            ).map { try UsageRecord($0) }
        }
    }
}
