import CoordinationKit
import Metrics
import ParleyCore
import Storage

/// What turns leave behind for the next one in their conversation: its session, and what was said last.
///
/// On one node in its memory, on several in Redis. What is found is a hint for the database to confirm, so that a turn is the
/// same with it and without.
package struct Recollection: Sendable {
    private let sessions: any HintCache<SessionHint>
    private let contexts: any HintCache<RecentMessages>

    package init(sessions: any HintCache<SessionHint>, contexts: any HintCache<RecentMessages>) {
        self.sessions = sessions
        self.contexts = contexts
    }

    /// In the memory of the only node.
    package init(clock: any Clockwork = SystemClock()) {
        self.init(
            sessions: LocalHintCache<SessionHint>(clock: clock),
            contexts: LocalHintCache<RecentMessages>(clock: clock)
        )
    }

    func hint(for claim: Claim) async -> TurnHint? {
        let key = CacheKey(claim)
        // Both are asked for in one packet.
        async let context = contexts.latest(for: key)
        guard let session = await sessions.latest(for: key) else { return nil }
        let recent = await context
        return TurnHint(session: session, remembered: recent?.session == session ? recent?.messages : nil)
    }

    /// Keeps what the turn after `turn` starts from; after its commit at `now`, and without waiting.
    func keep(after turn: TurnCommit, remembered: [RememberedMessage], claim: Claim, at now: Timestamp) {
        let next = TurnHint(after: turn, remembered: remembered, at: now)
        let key = CacheKey(claim)
        sessions.keep(next.session, for: key)
        contexts.keep(RecentMessages(session: next.session, messages: next.remembered ?? []), for: key)
    }

    /// Counts how a hint fared, for whoever wonders what it is good for.
    func count(_ hint: TurnHint?, in situation: TurnSituation) {
        guard situation.conversation != nil else { return }
        let outcome = situation.isFromHint ? "confirmed" : hint == nil ? "none" : "outdated"
        Self.counters.increment(outcome)
    }

    private static let counters = CounterFamily<String>("parley_context_cache_total") { [("outcome", $0)] }
}

/// The last ``Limits/contextMessages`` of a session, oldest first, as they were when `session` was true.
package struct RecentMessages: Sendable {
    package let session: SessionHint
    package let messages: [RememberedMessage]

    package init(session: SessionHint, messages: [RememberedMessage]) {
        self.session = session
        self.messages = messages
    }
}

extension CacheKey {
    fileprivate init(_ claim: Claim) {
        self.init(claim.businessID, "\(claim.integrationID)/\(claim.conversationKey)")
    }
}

// MARK: How they are kept

extension SessionHint: CachedHint {
    package static let life = HintLife(name: "session", length: Limits.sessionIdle, isSliding: true)

    package var weight: Int { 256 }

    package var encoded: [UInt8] { json.encoded() }

    package init?(encoded: [UInt8]) {
        guard let json = try? JSON(parsing: encoded) else { return nil }
        self.init(json)
    }

    fileprivate var json: JSON {
        [
            "conversation_id": .string("\(conversationID)"), "session_id": .string("\(sessionID)"),
            "message_count": JSON(messageCount), "last_activity_at": JSON(lastActivityAt.microseconds),
        ]
    }

    fileprivate init?(_ json: JSON) {
        guard let conversationID = json["conversation_id"]?.string.flatMap({ ID<Conversation>($0) }),
            let sessionID = json["session_id"]?.string.flatMap({ ID<Session>($0) }),
            let messageCount = json["message_count"]?.int, let lastActivityAt = json["last_activity_at"]?.int
        else { return nil }
        self.init(
            conversationID: conversationID,
            sessionID: sessionID,
            messageCount: messageCount,
            lastActivityAt: Timestamp(microseconds: lastActivityAt)
        )
    }
}

extension RecentMessages: CachedHint {
    package static let life = HintLife(name: "context", length: Limits.contextLife, isSliding: false)

    package var weight: Int { messages.reduce(256) { $0 + 128 + $1.content.utf8.count } }

    package var encoded: [UInt8] {
        JSON.object(present: ["session": session.json, "messages": .array(messages.map(\.json))]).encoded()
    }

    package init?(encoded: [UInt8]) {
        guard let json = try? JSON(parsing: encoded), let session = json["session"].flatMap(SessionHint.init),
            let stored = json["messages"]?.array
        else { return nil }
        let messages = stored.compactMap(RememberedMessage.init)
        guard messages.count == stored.count else { return nil }
        self.init(session: session, messages: messages)
    }
}

extension RememberedMessage {
    fileprivate var json: JSON {
        .object(present: [
            "id": .string("\(id)"), "role": .string(role.rawValue), "content": .string(content),
            "sender": senderName.map { .string($0) }, "created_at": JSON(createdAt.microseconds),
        ])
    }

    fileprivate init?(_ json: JSON) {
        guard let id = json["id"]?.string.flatMap({ ID<Message>($0) }),
            let role = json["role"]?.string.flatMap(Role.init(rawValue:)), let content = json["content"]?.string,
            let createdAt = json["created_at"]?.int
        else { return nil }
        self.init(
            id: id,
            role: role,
            content: content,
            senderName: json["sender"]?.string,
            createdAt: Timestamp(microseconds: createdAt)
        )
    }
}
