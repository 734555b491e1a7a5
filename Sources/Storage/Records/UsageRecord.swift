import ParleyCore

/// What a business has spent on one model on one day (UTC).
package struct UsageRecord: Sendable, Equatable {
    package var businessID: ID<Business>
    /// `2026-11-21`
    package var day: String
    package var model: String
    package var messages: Int
    package var tokensIn: Int
    package var tokensOut: Int
    package var tokensCached: Int
    package var toolCalls: Int
    /// Millionths of a US dollar.
    package var costMicros: Int64

    package init(
        businessID: ID<Business>,
        day: String,
        model: String,
        messages: Int = 0,
        tokensIn: Int = 0,
        tokensOut: Int = 0,
        tokensCached: Int = 0,
        toolCalls: Int = 0,
        costMicros: Int64 = 0
    ) {
        self.businessID = businessID
        self.day = day
        self.model = model
        self.messages = messages
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
        self.tokensCached = tokensCached
        self.toolCalls = toolCalls
        self.costMicros = costMicros
    }

    init(_ row: SQLRow) throws {
        businessID = try row.id("business_id")
        day = try row.text("day")
        model = try row.text("model")
        messages = Int(clamping: try row.int("messages"))
        tokensIn = Int(clamping: try row.int("tokens_in"))
        tokensOut = Int(clamping: try row.int("tokens_out"))
        tokensCached = Int(clamping: try row.int("tokens_cached"))
        toolCalls = Int(clamping: try row.int("tool_calls"))
        costMicros = try row.int("cost_micros")
    }
}
