import ParleyCore

/// An event on its way into the inbox.
package struct InboxEntry: Sendable {
    package var id: ID<Inbound>
    package var businessID: ID<Business>
    package var integrationID: ID<Integration>
    package var dedupeKey: String
    package var conversationKey: String
    package var kind: String
    package var position: Int64
    /// The event as the channel read it, as JSON text.
    package var event: String
    package var receivedAt: Timestamp
    /// How long the conversation is held back for more, ``Limits/debounceMaximum`` at most; zero for events that are
    /// answered alone or not at all.
    package var debounce: Duration

    package init(
        id: ID<Inbound>,
        businessID: ID<Business>,
        integrationID: ID<Integration>,
        dedupeKey: String,
        conversationKey: String,
        kind: String,
        position: Int64,
        event: String,
        receivedAt: Timestamp,
        debounce: Duration
    ) {
        self.id = id
        self.businessID = businessID
        self.integrationID = integrationID
        self.dedupeKey = dedupeKey
        self.conversationKey = conversationKey
        self.kind = kind
        self.position = position
        self.event = event
        self.receivedAt = receivedAt
        self.debounce = min(debounce, Limits.debounceMaximum)
    }
}

/// An event in the inbox.
package struct InboxEvent: Sendable {
    package let id: ID<Inbound>
    package let businessID: ID<Business>
    package let integrationID: ID<Integration>
    package let dedupeKey: String
    package let conversationKey: String
    package let event: JSON
    package let receivedAt: Timestamp
    package let closedAt: Timestamp?
    package let turnID: ID<Turn>?
}

extension InboxEvent {
    init(_ row: SQLRow) throws(SQLError) {
        self.init(
            id: try row.id("id"),
            businessID: try row.id("business_id"),
            integrationID: try row.id("channel_integration_id"),
            dedupeKey: try row.text("dedupe_key"),
            conversationKey: try row.text("conversation_key"),
            event: try row.json("event"),
            receivedAt: try row.timestamp("received_at"),
            closedAt: row.optionalTimestamp("closed_at"),
            turnID: row.optionalID("turn_id")
        )
    }
}

/// Committed inbound events. A 200 to a platform is given after ``keep(_:at:)`` has returned, never before.
package struct InboxStore: Sendable {
    let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Keeps a batch of events of any businesses in one commit, and opens their conversations' lanes.
    ///
    /// - Returns: for each event whether it is new; a redelivered one is not, and changes nothing.
    package func keep(_ entries: [InboxEntry], at now: Timestamp) async throws -> [Bool] {
        switch database.dialect {
        case .sqlite: try await keepOneByOne(entries, at: now)
        case .postgres: try await keepAtOnce(entries, at: now)
        }
    }

    /// The events that a conversation waits to have answered, in platform order.
    package func waiting(
        _ claim: Claim,
        upTo count: Int,
        on connection: any SQLConnection
    ) async throws -> [InboxEvent] {
        try await connection.query(
            """
            SELECT * FROM inbox_events
            WHERE business_id = $1 AND channel_integration_id = $2 AND conversation_key = $3 AND closed_at IS NULL
            ORDER BY position, id LIMIT $4
            """,
            [.id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey), .int(count)]
        ).map { try InboxEvent($0) }
    }

    /// Closes events within the commit of the claim that answered or passed them over.
    static func closing(
        _ events: [(id: ID<Inbound>, dedupeKey: String)],
        turn: ID<Turn>?,
        claim: Claim,
        dialect: Dialect,
        at now: Timestamp
    ) -> SQLWrite {
        // One engine finds them by the dedupe key, the other by the id, which tells the week.
        let isGiven: String
        let given: SQLValue
        switch dialect {
        case .sqlite:
            isGiven = "dedupe_key IN (SELECT value FROM json_each($5))"
            given = .json(.array(events.map { .string($0.dedupeKey) }))
        case .postgres:
            isGiven = "id = ANY ($5::uuid[])"
            given = dialect.ids(events.map(\.id))
        }
        return .statement(
            """
            UPDATE inbox_events SET closed_at = $3, turn_id = $4
            WHERE business_id = $1 AND channel_integration_id = $2 AND \(isGiven)
            """,
            [.id(claim.businessID), .id(claim.integrationID), .timestamp(now), .id(turn), given]
        )
    }
}
