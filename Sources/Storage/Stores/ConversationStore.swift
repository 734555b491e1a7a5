import ParleyCore

/// A conversation with the contact who writes in it now, as a turn needs them.
package final class ConversationRecord: Sendable {
    package enum Owner: String, Sendable { case agent, human }

    package let id: ID<Conversation>
    package let businessID: ID<Business>
    package let integrationID: ID<Integration>
    package let conversationKey: String
    package let contactID: ID<Contact>
    package let contactName: String?
    package let isActive: Bool
    package let owner: Owner
    package let ownerUntil: Timestamp?
    package let modelOverride: String?
    package let sessionID: ID<Session>
    package let lastActivityAt: Timestamp
    package let messageCount: Int64
    /// What `conversation_memory` holds for the contact on this channel.
    package let memory: JSON

    init(
        id: ID<Conversation>,
        businessID: ID<Business>,
        integrationID: ID<Integration>,
        conversationKey: String,
        contactID: ID<Contact>,
        contactName: String?,
        isActive: Bool,
        owner: Owner,
        ownerUntil: Timestamp?,
        modelOverride: String?,
        sessionID: ID<Session>,
        lastActivityAt: Timestamp,
        messageCount: Int64,
        memory: JSON
    ) {
        self.id = id
        self.businessID = businessID
        self.integrationID = integrationID
        self.conversationKey = conversationKey
        self.contactID = contactID
        self.contactName = contactName
        self.isActive = isActive
        self.owner = owner
        self.ownerUntil = ownerUntil
        self.modelOverride = modelOverride
        self.sessionID = sessionID
        self.lastActivityAt = lastActivityAt
        self.messageCount = messageCount
        self.memory = memory
    }

    convenience init(_ row: SQLRow, of claim: Claim) throws {
        self.init(
            id: try row.id("id"),
            businessID: claim.businessID,
            integrationID: claim.integrationID,
            conversationKey: claim.conversationKey,
            contactID: try row.id("sender_id"),
            contactName: row.optionalText("contact_name"),
            isActive: try row.bool("is_active"),
            owner: row.optionalText("owner").flatMap(ConversationRecord.Owner.init(rawValue:)) ?? .agent,
            ownerUntil: row.optionalTimestamp("owner_until"),
            modelOverride: row.optionalText("model_override"),
            sessionID: try row.id("session_id"),
            lastActivityAt: try row.timestamp("last_activity_at"),
            messageCount: try row.int("message_count"),
            memory: row.optionalJSON("memory") ?? [:]
        )
    }

    /// Whether a human answers here at `now`: a lease that has run out hands back to the agent.
    package func isOwnedByHuman(at now: Timestamp) -> Bool {
        owner == .human && ownerUntil.map { $0 > now } ?? true
    }
}

/// Who writes, as a channel told it.
package struct SenderRecord: Sendable {
    package var channelUserID: String
    package var name: String?
    package var username: String?
    package var phone: String?
    package var locale: String?

    package init(
        channelUserID: String,
        name: String? = nil,
        username: String? = nil,
        phone: String? = nil,
        locale: String? = nil
    ) {
        self.channelUserID = channelUserID
        self.name = name
        self.username = username
        self.phone = phone
        self.locale = locale
    }
}

/// A message that a later turn remembers.
package struct RememberedMessage: Sendable, Equatable {
    package enum Role: String, Sendable { case user, assistant, system, human }
    package let id: ID<Message>
    package let role: Role
    package let content: String
    package let senderName: String?
    package let createdAt: Timestamp

    package init(
        id: ID<Message>,
        role: Role,
        content: String,
        senderName: String? = nil,
        createdAt: Timestamp
    ) {
        self.id = id
        self.role = role
        self.content = content
        self.senderName = senderName
        self.createdAt = createdAt
    }

    init(_ row: SQLRow) throws {
        id = try row.id("id")
        role = row.optionalText("role").flatMap(Role.init(rawValue:)) ?? .system
        content = try row.text("content")
        senderName = row.optionalJSON("metadata")?["sender"]?.string
        createdAt = try row.timestamp("created_at")
    }
}

package struct ConversationStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// The conversation of a lane and its sender; nil when either was never seen before.
    package func find(
        _ claim: Claim,
        sender: String,
        channel: ChannelID,
        on connection: any SQLConnection
    ) async throws -> ConversationRecord? {
        let row = try await connection.first(
            """
            SELECT c.*, i.contact_id AS sender_id, p.name AS contact_name, m.context_data AS memory
            FROM conversations c
            JOIN contact_identities i ON i.business_id = c.business_id
                AND i.channel_integration_id = c.channel_integration_id AND i.channel_user_id = $4
            JOIN contacts p ON p.business_id = c.business_id AND p.id = i.contact_id
            LEFT JOIN conversation_memory m ON m.business_id = c.business_id AND m.contact_id = i.contact_id
                AND m.channel = $5
            WHERE c.business_id = $1 AND c.channel_integration_id = $2 AND c.conversation_key = $3
            """,
            [
                .id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey), .text(sender),
                .text(channel.name),
            ]
        )
        return try row.map { try ConversationRecord($0, of: claim) }
    }

    /// Makes the conversation, the contact and its identity where they are missing.
    ///
    /// Two conversations may meet a new contact at the same moment: the identity's key decides, and the loser uses the
    /// winner's contact.
    package func open(_ claim: Claim, sender: SenderRecord, at now: Timestamp) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            let contactID = try await ConversationStore.contact(of: sender, claim: claim, at: now, on: connection)
            try await connection.execute(
                """
                INSERT INTO conversations (
                    business_id, id, channel_integration_id, conversation_key, contact_id, session_id,
                    session_started_at, started_at, last_activity_at, created_at, updated_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7, $7, $7)
                ON CONFLICT (business_id, channel_integration_id, conversation_key) DO NOTHING
                """,
                [
                    .id(claim.businessID), .id(ID<Conversation>(at: now)), .id(claim.integrationID),
                    .text(claim.conversationKey), .id(contactID), .id(ID<Session>(at: now)), .timestamp(now),
                ]
            )
            try await connection.execute(
                """
                INSERT INTO conversation_participants (business_id, conversation_id, contact_id, created_at)
                SELECT c.business_id, c.id, $4, $5 FROM conversations c
                WHERE c.business_id = $1 AND c.channel_integration_id = $2 AND c.conversation_key = $3
                ON CONFLICT (business_id, conversation_id, contact_id) DO NOTHING
                """,
                [
                    .id(claim.businessID), .id(claim.integrationID), .text(claim.conversationKey), .id(contactID),
                    .timestamp(now),
                ]
            )
        }
    }

    /// The latest messages of a session, oldest first.
    package func remembered(
        _ conversation: ID<Conversation>,
        session: ID<Session>,
        of business: ID<Business>,
        upTo count: Int,
        on connection: any SQLConnection
    ) async throws -> [RememberedMessage] {
        try await connection.query(
            """
            SELECT id, role, content, metadata, created_at FROM messages
            WHERE business_id = $1 AND conversation_id = $2 AND session_id = $3
            ORDER BY id DESC LIMIT $4
            """,
            [.id(business), .id(conversation), .id(session), .int(count)]
        ).reversed().map { try RememberedMessage($0) }
    }

    /// Whether we have ever answered here: in a thread, that counts as being addressed.
    package func hasReply(
        in conversation: ID<Conversation>,
        of business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> Bool {
        try await connection.first(
            "SELECT 1 AS found FROM turns WHERE business_id = $1 AND conversation_id = $2 LIMIT 1",
            [.id(business), .id(conversation)]
        ) != nil
    }

    /// Gives a conversation to a human until `time`, or back to the agent with nil; false when there is none.
    package func setOwner(
        human until: Timestamp?,
        of conversation: ID<Conversation>,
        in business: ID<Business>,
        at now: Timestamp
    ) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                """
                UPDATE conversations SET owner = $3, owner_until = $4, updated_at = $5
                WHERE business_id = $1 AND id = $2
                """,
                [
                    .id(business), .id(conversation), .text(until == nil ? "agent" : "human"), .timestamp(until),
                    .timestamp(now),
                ]
            ) > 0
        }
    }

    private static func contact(
        of sender: SenderRecord,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws -> ID<Contact> {
        let key: [SQLValue] = [.id(claim.businessID), .id(claim.integrationID), .text(sender.channelUserID)]
        let lookup = """
            SELECT contact_id FROM contact_identities
            WHERE business_id = $1 AND channel_integration_id = $2 AND channel_user_id = $3
            """
        if let known = try await connection.first(lookup, key) { return try known.id("contact_id") }
        let contactID = ID<Contact>(at: now)
        try await connection.execute(
            """
            INSERT INTO contacts (business_id, id, name, phone, locale, created_at, updated_at)
            VALUES ($1, $2, $3, $4, $5, $6, $6)
            """,
            [
                .id(claim.businessID), .id(contactID), .text(sender.name), .text(sender.phone), .text(sender.locale),
                .timestamp(now),
            ]
        )
        let isOurs = try await connection.execute(
            """
            INSERT INTO contact_identities (
                business_id, channel_integration_id, channel_user_id, contact_id, username, created_at, updated_at
            ) VALUES ($1, $2, $3, $4, $5, $6, $6)
            ON CONFLICT (business_id, channel_integration_id, channel_user_id) DO NOTHING
            """,
            key + [.id(contactID), .text(sender.username), .timestamp(now)]
        )
        if isOurs == 1 { return contactID }
        try await connection.execute(
            "DELETE FROM contacts WHERE business_id = $1 AND id = $2",
            [.id(claim.businessID), .id(contactID)]
        )
        guard let winner = try await connection.first(lookup, key) else { throw SQLError.busy }
        return try winner.id("contact_id")
    }
}
