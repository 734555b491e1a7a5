import ParleyCore

/// What was spent: one row per business, day and model, kept for good.
package struct UsageStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Adds to the row of a business, day and model, inside the caller's transaction.
    package static func add(_ usage: UsageRecord, on connection: any SQLConnection) async throws {
        try await connection.write(together: [adding(usage)])
    }

    /// The same, as a write among others.
    static func adding(_ usage: UsageRecord) -> SQLWrite {
        .statement(
            """
            INSERT INTO api_usage (
                business_id, day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls, cost_micros,
                unpriced_messages
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (business_id, day, model) DO UPDATE SET
                messages = api_usage.messages + excluded.messages,
                tokens_in = api_usage.tokens_in + excluded.tokens_in,
                tokens_out = api_usage.tokens_out + excluded.tokens_out,
                tokens_cached = api_usage.tokens_cached + excluded.tokens_cached,
                tool_calls = api_usage.tool_calls + excluded.tool_calls,
                cost_micros = api_usage.cost_micros + excluded.cost_micros,
                unpriced_messages = api_usage.unpriced_messages + excluded.unpriced_messages
            """,
            [
                .id(usage.businessID), .text(usage.day), .text(usage.model), .int(usage.messages),
                .int(usage.tokensIn), .int(usage.tokensOut), .int(usage.tokensCached), .int(usage.toolCalls),
                .integer(usage.costMicros), .int(usage.unpricedMessages),
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
                SELECT business_id, day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls, cost_micros,
                    unpriced_messages
                FROM api_usage WHERE business_id = $1 AND day >= $2 AND day <= $3 ORDER BY day, model
                """,
                [.id(business), .text(first), .text(last)]
            ).map { try UsageRecord($0) }
        }
    }

    /// What a business has spent in a billing period.
    package func totals(of business: ID<Business>, in period: BillingPeriod) async throws -> UsageTotals {
        try await database.read(.business(business)) { connection in
            let row = try await connection.first(
                "SELECT \(UsageTotals.sums) FROM api_usage WHERE business_id = $1 AND day >= $2 AND day <= $3",
                [.id(business), .text(period.first.description), .text(period.last.description)]
            )
            return try row.map { try UsageTotals($0) } ?? UsageTotals()
        }
    }

    /// How a business stands in the billing period that a moment falls into; nil when there is no such business.
    package func period(of business: ID<Business>, containing moment: Timestamp) async throws -> UsageStanding? {
        let settings = try await database.read(.business(business)) { connection in
            try await connection.first("SELECT settings FROM businesses WHERE id = $1", [.id(business)])?
                .json("settings")
        }
        guard let settings else { return nil }
        return try await standing(of: business, limits: UsageLimits(settings: settings), at: moment)
    }

    /// The same with limits that are known already.
    package func standing(
        of business: ID<Business>,
        limits: UsageLimits,
        at moment: Timestamp
    ) async throws -> UsageStanding {
        let period = BillingPeriod(containing: moment, billingDay: limits.billingDay)
        return UsageStanding(period: period, limits: limits, totals: try await totals(of: business, in: period))
    }

    /// The businesses that spent most from one day to another, both included. Crosses businesses: for the operator only.
    package func top(
        by order: TopOrder,
        from first: String,
        through last: String,
        upTo count: Int
    ) async throws -> [TopBusiness] {
        let sum = order == .cost ? "SUM(u.cost_micros)" : "SUM(u.messages)"
        return try await database.read(.house) { connection in
            try await connection.query(
                """
                SELECT u.business_id, b.name, \(UsageTotals.sums)
                FROM api_usage u JOIN businesses b ON b.id = u.business_id
                WHERE u.day >= $1 AND u.day <= $2
                GROUP BY u.business_id, b.name ORDER BY \(sum) DESC, u.business_id LIMIT $3
                """,
                [.text(first), .text(last), .int(count)]
            ).map {
                TopBusiness(id: try $0.id("business_id"), name: try $0.text("name"), totals: try UsageTotals($0))
            }
        }
    }

    /// Whether somebody in a conversation was told since a moment that the business has reached a limit.
    package func hasToldOfLimit(
        in conversation: ID<Conversation>,
        of business: ID<Business>,
        since moment: Timestamp
    ) async throws -> Bool {
        try await database.read(.business(business)) { connection in
            try await connection.first(
                """
                SELECT 1 AS told FROM turns
                WHERE business_id = $1 AND conversation_id = $2 AND id >= $3
                    AND outcome = 'limited' AND model_name = $4
                ORDER BY id DESC LIMIT 1
                """,
                [.id(business), .id(conversation), .uuid(UUID7(firstAt: moment)), .text(UsageRecord.noModel)]
            ) != nil
        }
    }
}

package enum TopOrder: String, Sendable, CaseIterable { case cost, messages }

package struct TopBusiness: Sendable, Equatable {
    package let id: ID<Business>
    package let name: String
    package let totals: UsageTotals
}
