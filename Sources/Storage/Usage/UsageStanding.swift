import ParleyCore

/// What a business may spend in a billing period, as its settings say.
package struct UsageLimits: Sendable, Equatable {
    /// Millionths of a US dollar; nil: no limit.
    package var monthlyCostMicros: Int64?
    /// Turns that asked a model; nil: no limit.
    package var monthlyMessages: Int64?
    /// 1 to 31.
    package var billingDay: Int

    /// The members of a business's settings that they are read from.
    package enum Key {
        package static let cost = "monthly_cost_limit_micros"
        package static let messages = "monthly_message_limit"
        package static let billingDay = "billing_day"
    }

    package init(monthlyCostMicros: Int64? = nil, monthlyMessages: Int64? = nil, billingDay: Int = 1) {
        self.monthlyCostMicros = monthlyCostMicros
        self.monthlyMessages = monthlyMessages
        self.billingDay = billingDay
    }

    package init(settings: JSON) {
        monthlyCostMicros = settings[Key.cost]?.int.map { max(0, $0) }
        monthlyMessages = settings[Key.messages]?.int.map { max(0, $0) }
        billingDay = Int(clamping: min(max(1, settings[Key.billingDay]?.int ?? 1), 31))
    }

    package var areSet: Bool { monthlyCostMicros != nil || monthlyMessages != nil }
}

/// What was spent, added up.
package struct UsageTotals: Sendable, Equatable {
    /// Turns that asked a model.
    package var messages: Int64 = 0
    package var tokensIn: Int64 = 0
    package var tokensOut: Int64 = 0
    package var tokensCached: Int64 = 0
    package var toolCalls: Int64 = 0
    /// Millionths of a US dollar.
    package var costMicros: Int64 = 0
    /// Of the messages, those whose model had no price: they cost something that nobody knows.
    package var unpricedMessages: Int64 = 0

    package init() {}

    init(_ row: SQLRow) throws {
        messages = try row.int("messages")
        tokensIn = try row.int("tokens_in")
        tokensOut = try row.int("tokens_out")
        tokensCached = try row.int("tokens_cached")
        toolCalls = try row.int("tool_calls")
        costMicros = try row.int("cost_micros")
        unpricedMessages = try row.int("unpriced_messages")
    }

    static let sums = """
        COALESCE(SUM(messages), 0) AS messages, COALESCE(SUM(tokens_in), 0) AS tokens_in,
            COALESCE(SUM(tokens_out), 0) AS tokens_out, COALESCE(SUM(tokens_cached), 0) AS tokens_cached,
            COALESCE(SUM(tool_calls), 0) AS tool_calls, COALESCE(SUM(cost_micros), 0) AS cost_micros,
            COALESCE(SUM(unpriced_messages), 0) AS unpriced_messages
        """
}

/// How a business stands in its billing period against its limits.
package struct UsageStanding: Sendable, Equatable {
    package let period: BillingPeriod
    package let limits: UsageLimits
    package let totals: UsageTotals

    package init(period: BillingPeriod, limits: UsageLimits, totals: UsageTotals) {
        self.period = period
        self.limits = limits
        self.totals = totals
    }

    /// The limit that is reached, if one is, with the values that say so.
    package var reached: (rule: String, value: String)? {
        if let limit = limits.monthlyCostMicros, totals.costMicros >= limit {
            return ("monthly_cost", "\(Dollars.text(totals.costMicros)) of \(Dollars.text(limit)), \(period)")
        }
        if let limit = limits.monthlyMessages, totals.messages >= limit {
            return ("monthly_messages", "\(totals.messages) of \(limit), \(period)")
        }
        return nil
    }

    /// What is left, in the limit that is nearest, for the journey of a message that passes.
    package var room: (rule: String, value: String) {
        if let limit = limits.monthlyCostMicros {
            return ("monthly_cost", "\(Dollars.text(totals.costMicros)) of \(Dollars.text(limit))")
        }
        return ("monthly_messages", "\(totals.messages) of \(limits.monthlyMessages ?? 0)")
    }
}
