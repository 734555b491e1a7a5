import ParleyCore

/// What grows without end, and therefore goes after a time.
package enum Retained: String, Sendable, CaseIterable {
    /// The texts in `turns`: what was asked and answered goes with the messages, the numbers stay.
    case turnTexts = "turn_texts"
    case messages
    case toolExecutions = "tool_executions"
    case turns
    case journey = "journey_events"
    case inbox = "inbox_events"
    /// Delivered ones, with their attempts.
    case deliveries
    case deadLetters = "dead_letters"
    case analytics = "analytics_events"
}

/// For how many days a business keeps what.
package struct RetentionPolicy: Sendable, Equatable {
    /// The member of a business's settings: `{"retention": {"messages_days": 14}}`.
    package static let key = "retention"

    private var days: [Retained: Int]

    package init() { days = [:] }

    /// Reads a business's settings. What cannot be read is as if it were not there; what is out of bounds is the bound.
    package init(settings: JSON) {
        days = [:]
        for retained in Retained.allCases {
            guard let setting = retained.setting, let value = settings[Self.key]?[setting]?.int else { continue }
            days[retained] = Int(clamping: min(max(Int64(retained.minimum), value), Int64(Limits.retentionDaysMaximum)))
        }
    }

    package subscript(_ retained: Retained) -> Int {
        // The texts of a turn are the messages once more.
        if retained == .turnTexts { return min(self[.messages], self[.turns]) }
        return days[retained] ?? retained.days
    }

    /// Of two policies the longer time for each kind.
    package func longer(_ other: RetentionPolicy) -> RetentionPolicy {
        var longer = self
        for retained in Retained.allCases { longer.days[retained] = max(self[retained], other[retained]) }
        return longer
    }

    /// What is older than this goes.
    package func cutOff(_ retained: Retained, at now: Timestamp) -> Timestamp {
        now.advanced(by: .seconds(-86_400 * self[retained]))
    }
}

extension Retained {
    /// Its member of the business's `retention` settings; nil for what has no setting of its own.
    package var setting: String? {
        switch self {
        case .turnTexts: nil
        case .messages: "messages_days"
        case .toolExecutions: "tool_executions_days"
        case .turns: "turns_days"
        case .journey: "journey_days"
        case .inbox: "inbox_days"
        case .deliveries: "deliveries_days"
        case .deadLetters: "dead_letters_days"
        case .analytics: "analytics_days"
        }
    }

    /// Days that a business keeps it which has set nothing.
    package var days: Int {
        switch self {
        case .turnTexts, .messages: Limits.messageDays
        case .toolExecutions: Limits.toolExecutionDays
        case .turns: Limits.turnDays
        case .journey: Limits.journeyDays
        case .inbox: Limits.inboxDays
        case .deliveries: Limits.deliveryDays
        case .deadLetters: Limits.deadLetterDays
        case .analytics: Limits.analyticsDays
        }
    }

    /// The fewest days that a setting may ask for.
    package var minimum: Int { self == .inbox ? Limits.inboxDaysMinimum : 1 }
}
