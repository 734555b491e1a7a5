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
    /// Of the messages, those whose model had no price: their cost is not in ``costMicros``.
    package var unpricedMessages: Int

    /// What stands for the model of a turn that asked none, such as a gate's notice. It costs nothing and is not counted.
    package static let noModel = "none"

    package init(
        businessID: ID<Business>,
        day: String,
        model: String,
        messages: Int = 0,
        tokensIn: Int = 0,
        tokensOut: Int = 0,
        tokensCached: Int = 0,
        toolCalls: Int = 0,
        costMicros: Int64 = 0,
        unpricedMessages: Int = 0
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
        self.unpricedMessages = unpricedMessages
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
        unpricedMessages = Int(clamping: try row.int("unpriced_messages"))
    }
}

extension UsageRecord {
    /// What one turn adds.
    init(_ turn: TurnCommit, of business: ID<Business>, at now: Timestamp) {
        self.init(
            businessID: business,
            day: now.day,
            model: turn.model,
            messages: 1,
            tokensIn: turn.tokensIn,
            tokensOut: turn.tokensOut,
            tokensCached: turn.tokensCached,
            toolCalls: turn.executions.count,
            costMicros: turn.costMicros ?? 0,
            unpricedMessages: turn.costMicros == nil ? 1 : 0
        )
    }
}
