import ParleyCore

/// The rows of one kind that may go, as SQL.
struct RetentionQuery: Sendable {
    let table: String
    /// What tells a row from the others of its business, in an order for which there is an index.
    let key: [String]
    /// Whose rows.
    private(set) var owner = ""
    /// Which of them: old, and not open. Said again when they are deleted, as much may happen in between.
    private(set) var condition = ""
    private(set) var parameters: [SQLValue] = []

    fileprivate init(
        _ table: String,
        key: [String],
        of business: ID<Business>?,
        _ condition: (inout RetentionQuery) -> String
    ) {
        self.table = table
        self.key = key
        owner = business.map { "business_id = \(add(.id($0)))" } ?? "business_id IS NULL"
        self.condition = condition(&self)
    }

    /// The name under which a value goes along.
    mutating func add(_ value: SQLValue) -> String {
        parameters.append(value)
        return "$\(parameters.count)"
    }
}

extension Retained {
    /// Ids begin with their time, so that the keys are in the order of age too: what is old is found without an index of its own.
    func query(_ business: ID<Business>?, _ cutOff: Timestamp, _ dialect: Dialect) -> RetentionQuery {
        let oldest = SQLValue.uuid(UUID7(firstAt: cutOff))
        switch self {
        case .turnTexts:
            return RetentionQuery("turns", key: ["id"], of: business) {
                "id < \($0.add(oldest)) AND (user_message <> '' OR bot_reply IS NOT NULL)"
            }
        case .messages:
            return RetentionQuery("messages", key: ["id"], of: business) {
                """
                id < \($0.add(oldest)) AND NOT EXISTS (
                    SELECT 1 FROM conversations c JOIN lanes l ON l.act IN ('answer', 'deliver')
                        AND l.business_id = c.business_id AND l.channel_integration_id = c.channel_integration_id
                        AND l.conversation_key = c.conversation_key
                    WHERE c.business_id = messages.business_id AND c.id = messages.conversation_id
                )
                """
            }
        case .toolExecutions:
            return RetentionQuery("tool_executions", key: ["id"], of: business) { "id < \($0.add(oldest))" }
        case .turns:
            return RetentionQuery("turns", key: ["id"], of: business) { "id < \($0.add(oldest))" }
        case .journey:
            return RetentionQuery("journey_events", key: ["subject_id", "id"], of: business) {
                """
                subject_id < \($0.add(oldest)) AND id < \($0.add(oldest)) AND NOT EXISTS (
                    SELECT 1 FROM inbox_events e WHERE e.business_id = journey_events.business_id
                        AND e.id = journey_events.subject_id AND e.closed_at IS NULL
                ) AND NOT EXISTS (
                    SELECT 1 FROM deliveries d WHERE d.business_id = journey_events.business_id
                        AND d.id = journey_events.subject_id AND d.settled_at IS NULL
                )
                """
            }
        case .inbox:
            return RetentionQuery("inbox_events", key: dialect.inboxOrder, of: business) {
                "id < \($0.add(oldest)) AND closed_at IS NOT NULL"
            }
        case .deliveries:
            return RetentionQuery("deliveries", key: ["id"], of: business) {
                "id < \($0.add(oldest)) AND state = 'delivered' AND settled_at < \($0.add(.timestamp(cutOff)))"
            }
        case .deadLetters:
            return RetentionQuery("deliveries", key: ["id"], of: business) {
                "id < \($0.add(oldest)) AND state = 'dead' AND settled_at < \($0.add(.timestamp(cutOff)))"
            }
        case .analytics:
            return RetentionQuery("analytics_events", key: ["event_type", "created_at", "id"], of: business) {
                "id < \($0.add(oldest))"
            }
        }
    }

    /// The statement that lets rows go, and its parameters for each of them.
    func deletion(
        of keys: [[SQLValue]],
        _ business: ID<Business>?,
        _ cutOff: Timestamp,
        _ dialect: Dialect
    ) -> (sql: String, rows: [[SQLValue]]) {
        var query = query(business, cutOff, dialect)
        let common = query.parameters
        let equal = query.key.map { "\($0) = \(query.add(.null))" }.joined(separator: " AND ")
        let action =
            self == .turnTexts
            ? "UPDATE turns SET user_message = '', bot_reply = NULL" : "DELETE FROM \(query.table)"
        return ("\(action) WHERE \(query.owner) AND \(equal) AND \(query.condition)", keys.map { common + $0 })
    }

    /// The days whose usage these rows are a part of, for rows that it can be added up from.
    func countedDays(of keys: [[SQLValue]]) -> Set<CalendarDay> {
        guard self == .turns || self == .toolExecutions else { return [] }
        return Set(
            keys.compactMap { key in
                switch key.last {
                case .uuid(let id): CalendarDay(id.madeAt)
                case .text(let text): UUID7(text).map { CalendarDay($0.madeAt) }
                default: nil
                }
            }
        )
    }
}

extension Dialect {
    /// The columns of an index by which a business's inbox can be paged through.
    fileprivate var inboxOrder: [String] {
        switch self {
        case .sqlite: ["channel_integration_id", "dedupe_key"]
        case .postgres: ["id"]
        }
    }
}
