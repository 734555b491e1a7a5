import ParleyCore

/// What a turn starts from, found by one statement: the waiting events, the conversation with the sender of the last of
/// them, and the session's latest messages unless a hint has them.
struct FoundSituation {
    private(set) var events: [InboxEvent] = []
    /// The channel's id of the person who wrote the last event that has a sender; nil when nobody is known by it here.
    private(set) var sender: String?
    private var conversation: ConversationRecord?
    private var remembered: [RememberedMessage] = []
    private var hasReply = false
    private var isFromHint = false

    init(
        _ claim: Claim,
        channel: ChannelID,
        hint: TurnHint? = nil,
        on connection: any SQLConnection
    ) async throws {
        let rows = try await connection.query(
            Self.statement,
            [
                .id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey),
                .int(Limits.eventsPerTurn), .text(channel.name), .int(Limits.contextMessages),
                .id(hint?.session.conversationID), .id(hint?.session.sessionID),
                hint.map { .integer($0.session.messageCount) } ?? .null, .timestamp(hint?.session.lastActivityAt),
                .int(hint?.remembered == nil ? 0 : 1),
            ]
        )
        var events: [(place: Int64, event: InboxEvent)] = []
        var remembered: [RememberedMessage] = []
        for row in rows {
            switch try row.text("part") {
            case "event": events.append((try row.int("position"), try InboxEvent(row, waitingFor: claim)))
            case "message": remembered.append(try RememberedMessage(row))
            default:
                conversation = try ConversationRecord(row, of: claim)
                sender = row.optionalText("channel_user_id")
                hasReply = try row.bool("has_reply")
            }
        }
        self.events = events.sorted { ($0.place, $0.event.id) < ($1.place, $1.event.id) }.map(\.event)
        self.remembered = remembered.sorted { $0.id < $1.id }
        if let hint, let conversation, hint.session.holds(for: conversation), let known = hint.remembered {
            self.remembered = known
            isFromHint = true
        }
    }

    var situation: TurnSituation {
        TurnSituation(
            events: events,
            conversation: conversation,
            remembered: remembered,
            hasReply: hasReply,
            isFromHint: isFromHint
        )
    }

    var withoutConversation: TurnSituation {
        TurnSituation(events: events, conversation: nil, remembered: [], hasReply: false)
    }

    // Three kinds of rows in one answer. The parts that are looked up by others' columns are so as scalars, not by joins:
    // each then is a few steps through an index, in its order, however much there is. Where the conversation is as a hint
    // says, its messages are not looked up, nor whether it was ever answered: a turn has left the hint.
    private static let statement = """
        WITH waiting AS (
            SELECT id, dedupe_key, position, event, received_at FROM inbox_events
            WHERE business_id = $1 AND channel_integration_id = $2 AND conversation_key = $3 AND closed_at IS NULL
            ORDER BY position, id LIMIT $4
        ), sender AS (
            SELECT event -> 'sender' ->> 'channel_user_id' AS channel_user_id FROM waiting
            WHERE event -> 'sender' ->> 'channel_user_id' IS NOT NULL
            ORDER BY position DESC, id DESC LIMIT 1
        ), talk AS (
            SELECT c.id, c.is_active, c.owner, c.owner_until, c.model_override, c.session_id, c.last_activity_at,
                c.message_count, i.channel_user_id, i.contact_id AS sender_id, p.name AS contact_name,
                m.context_data AS memory,
                CASE WHEN c.id = $7 AND c.session_id = $8 AND c.message_count = $9 AND c.last_activity_at = $10
                    THEN 1 ELSE 0 END AS is_as_hinted
            FROM conversations c
            JOIN contact_identities i ON i.business_id = c.business_id
                AND i.channel_integration_id = c.channel_integration_id
                AND i.channel_user_id = (SELECT channel_user_id FROM sender)
            JOIN contacts p ON p.business_id = c.business_id AND p.id = i.contact_id
            LEFT JOIN conversation_memory m ON m.business_id = c.business_id AND m.contact_id = i.contact_id
                AND m.channel = $5
            WHERE c.business_id = $1 AND c.channel_integration_id = $2 AND c.conversation_key = $3
        ), recent AS (
            SELECT id, role, content, metadata, created_at FROM messages
            WHERE business_id = $1 AND conversation_id = (SELECT id FROM talk)
                AND session_id = (SELECT session_id FROM talk)
                AND NOT ($11 = 1 AND (SELECT is_as_hinted FROM talk) = 1)
            ORDER BY id DESC LIMIT $6
        )
        SELECT 'talk' AS part, id, NULL AS dedupe_key, CAST(NULL AS bigint) AS position, CAST(NULL AS jsonb) AS event,
            CAST(NULL AS timestamptz) AS received_at,
            NULL AS role, NULL AS content, CAST(NULL AS jsonb) AS metadata, CAST(NULL AS timestamptz) AS created_at,
            channel_user_id, sender_id, contact_name, CAST(is_active AS integer) AS is_active, owner, owner_until,
            model_override, session_id, last_activity_at, message_count, memory,
            CASE WHEN is_as_hinted = 1 THEN 1 ELSE CAST(EXISTS (
                SELECT 1 FROM turns WHERE business_id = $1 AND conversation_id = talk.id
            ) AS integer) END AS has_reply
        FROM talk
        UNION ALL
        SELECT 'event', id, dedupe_key, position, event, received_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM waiting
        UNION ALL
        SELECT 'message', id, NULL, NULL, NULL, NULL, role, content, metadata, created_at, NULL, NULL, NULL, NULL,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM recent
        """
}

extension InboxEvent {
    /// One that waits: its lane's columns are the claim's.
    fileprivate init(_ row: SQLRow, waitingFor claim: Claim) throws(SQLError) {
        self.init(
            id: try row.id("id"),
            businessID: claim.businessID,
            integrationID: claim.integrationID,
            dedupeKey: try row.text("dedupe_key"),
            conversationKey: claim.conversationKey,
            event: try row.json("event"),
            receivedAt: try row.timestamp("received_at"),
            closedAt: nil,
            turnID: nil
        )
    }
}
