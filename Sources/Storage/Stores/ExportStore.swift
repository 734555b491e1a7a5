import ParleyCore

/// Hands out what a business owns, page by page, so that an export of any size costs little memory.
package struct ExportStore: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case leads
        case usage
        case conversations
    }

    private let database: any SQLDatabase
    private let pageSize: Int

    package init(_ database: any SQLDatabase, pageSize: Int = 500) {
        self.database = database
        self.pageSize = max(1, pageSize)
    }

    /// The names of the values in every row of ``export(_:of:write:)``, in their order.
    package static func columns(of kind: Kind) -> [String] { shape(of: kind).columns }

    /// Calls `write` for every page. Values are strings, numbers, times as ISO 8601, JSON, and null.
    ///
    /// Each page is a read of its own: a slow receiver holds no snapshot, and what is written meanwhile may be included.
    package func export(
        _ kind: Kind,
        of business: ID<Business>,
        write: ([[JSON]]) async throws -> Void
    ) async throws {
        let shape = Self.shape(of: kind)
        var position = shape.start
        while true {
            let parameters = [.id(business)] + position + [.int(pageSize)]
            let rows = try await database.read(.business(business)) { try await $0.query(shape.sql, parameters) }
            guard let last = rows.last else { return }
            try await write(rows.map { row in shape.columns.map { Self.value(of: $0, in: row) } })
            guard rows.count == pageSize else { return }
            position = shape.key.map { last[$0] }
        }
    }
}

extension ExportStore {
    private struct Shape {
        let columns: [String]
        /// The columns that order the pages; `sql` takes their last values.
        let key: [String]
        let start: [SQLValue]
        let sql: String
    }

    private static func shape(of kind: Kind) -> Shape {
        let beginning = SQLValue.uuid(UUID7(high: 0, low: 0))
        switch kind {
        case .leads:
            return Shape(
                columns: [
                    "id", "contact_id", "channel", "name", "email", "phone", "status", "source_intent", "extra_data",
                    "converted_at", "conversion_value_micros", "created_at", "updated_at",
                ],
                key: ["id"],
                start: [beginning],
                sql: """
                    SELECT id, contact_id, channel, name, email, phone, status, source_intent, extra_data, converted_at,
                        conversion_value_micros, created_at, updated_at
                    FROM leads WHERE business_id = $1 AND id > $2 ORDER BY id LIMIT $3
                    """
            )
        case .usage:
            return Shape(
                columns: [
                    "day", "model", "messages", "tokens_in", "tokens_out", "tokens_cached", "tool_calls", "cost_micros",
                    "unpriced_messages",
                ],
                key: ["day", "model"],
                start: [.text(""), .text("")],
                sql: """
                    SELECT day, model, messages, tokens_in, tokens_out, tokens_cached, tool_calls, cost_micros,
                        unpriced_messages
                    FROM api_usage WHERE business_id = $1 AND (day, model) > ($2, $3) ORDER BY day, model LIMIT $4
                    """
            )
        case .conversations:
            return Shape(
                columns: [
                    "conversation_id", "id", "created_at", "channel", "conversation_key", "contact_id", "contact_name",
                    "role", "content", "message_type", "intent", "model_used", "token_count", "delivery_state",
                ],
                key: ["id"],
                start: [beginning],
                sql: """
                    SELECT m.conversation_id, m.id, m.created_at, i.channel, c.conversation_key, m.contact_id,
                        p.name AS contact_name, m.role, m.content, m.message_type, m.intent, m.model_used,
                        m.token_count, m.delivery_state
                    FROM messages m
                    JOIN conversations c ON c.business_id = m.business_id AND c.id = m.conversation_id
                    JOIN channel_integrations i
                        ON i.business_id = c.business_id AND i.id = c.channel_integration_id
                    LEFT JOIN contacts p ON p.business_id = m.business_id AND p.id = m.contact_id
                    WHERE m.business_id = $1 AND m.id > $2 ORDER BY m.id LIMIT $3
                    """
            )
        }
    }

    private static func value(of column: String, in row: SQLRow) -> JSON {
        if column.hasSuffix("_at") { return row.optionalTimestamp(column).map { .string($0.description) } ?? .null }
        if column == "extra_data" { return row.optionalJSON(column) ?? .null }
        switch row[column] {
        case .null, .blob, .array: return .null
        case .integer(let value): return .integer(value)
        case .real(let value): return .number(value)
        case .text(let value): return .string(value)
        case .bool(let value): return .bool(value)
        case .uuid(let value): return .string(value.description)
        case .timestamp(let value): return .string(value.description)
        case .json(let value): return value
        }
    }
}
