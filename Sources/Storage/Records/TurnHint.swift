import ParleyCore

/// A conversation's session as the last turn left it.
///
/// Whatever is said in a conversation is counted in it, so as long as the database has the same session, the same number of
/// messages and the same moment of the last turn, the messages are the same, too. The moment tells a count that comes again
/// after a database has gone back to an older state.
package struct SessionHint: Sendable, Equatable {
    package let conversationID: ID<Conversation>
    package let sessionID: ID<Session>
    package let messageCount: Int64
    package let lastActivityAt: Timestamp

    package init(
        conversationID: ID<Conversation>,
        sessionID: ID<Session>,
        messageCount: Int64,
        lastActivityAt: Timestamp
    ) {
        self.conversationID = conversationID
        self.sessionID = sessionID
        self.messageCount = messageCount
        self.lastActivityAt = lastActivityAt
    }

    func holds(for conversation: ConversationRecord) -> Bool {
        self
            == SessionHint(
                conversationID: conversation.id,
                sessionID: conversation.sessionID,
                messageCount: conversation.messageCount,
                lastActivityAt: conversation.lastActivityAt
            )
    }
}

/// What somebody believes a turn to start from; ``TurnStore/situation(_:channel:hint:sender:)`` confirms it or does not.
package struct TurnHint: Sendable {
    package let session: SessionHint
    /// The session's latest messages, oldest first; nil when only the session is known.
    package let remembered: [RememberedMessage]?

    package init(session: SessionHint, remembered: [RememberedMessage]?) {
        self.session = session
        self.remembered = remembered
    }
}

extension TurnHint {
    /// What the next turn starts from when nothing comes between: as the database will tell it after `turn`'s commit at `now`.
    ///
    /// - Parameter remembered: what this turn started from.
    package init(after turn: TurnCommit, remembered: [RememberedMessage], at now: Timestamp) {
        let said =
            turn.incoming.map {
                RememberedMessage(
                    id: $0.id,
                    role: .user,
                    content: $0.text,
                    senderName: $0.senderName,
                    createdAt: now
                )
            } + [RememberedMessage(id: turn.replyID, role: .assistant, content: turn.reply, createdAt: now)]
        let known = turn.startsSession ? [] : remembered
        self.init(
            session: SessionHint(
                conversationID: turn.conversation.id,
                sessionID: turn.sessionID,
                messageCount: turn.conversation.messageCount + Int64(said.count),
                lastActivityAt: now
            ),
            remembered: (known + said).sorted { $0.id < $1.id }.suffix(Limits.contextMessages)
        )
    }
}
