import ParleyCore

/// What a turn starts from, read in one consistent state.
package struct TurnSituation: Sendable {
    /// The events that wait, in platform order.
    package let events: [InboxEvent]
    /// Nil when the conversation or its latest sender is new.
    package let conversation: ConversationRecord?
    /// Of the running session, oldest first.
    package let remembered: [RememberedMessage]
    package let hasReply: Bool
    /// ``remembered`` was not read, because the database confirmed the hint.
    package var isFromHint = false
}

/// A message that came in and is kept with its turn.
package struct IncomingMessage: Sendable {
    package var id: ID<Message>
    package var text: String
    package var type: String
    package var platformMessageID: String?
    package var platformTime: Timestamp
    package var senderName: String?
    package var attachments: JSON

    package init(
        id: ID<Message>,
        text: String,
        type: String,
        platformMessageID: String?,
        platformTime: Timestamp,
        senderName: String?,
        attachments: JSON
    ) {
        self.id = id
        self.text = text
        self.type = type
        self.platformMessageID = platformMessageID
        self.platformTime = platformTime
        self.senderName = senderName
        self.attachments = attachments
    }
}

/// A report of a platform on one of our messages.
package struct PlatformReport: Sendable {
    package var platformMessageID: String
    package var deliveryID: ID<Delivery>?
    package var state: String
    package var reason: String?

    package init(platformMessageID: String, deliveryID: ID<Delivery>?, state: String, reason: String?) {
        self.platformMessageID = platformMessageID
        self.deliveryID = deliveryID
        self.state = state
        self.reason = reason
    }
}

/// Events that are closed without a turn: reports, takeovers, and what the gates held back.
package struct PassedOver: Sendable {
    package var closing: [(id: ID<Inbound>, dedupeKey: String)]
    package var steps: [JourneyStep]
    package var reports: [PlatformReport]
    /// A person of the business wrote: the conversation is theirs until then.
    package var humanUntil: Timestamp?
    /// Kept for whoever reads the conversation, though no turn answers them.
    package var messages: [IncomingMessage]
    package var humanMessages: [IncomingMessage]

    package init(
        closing: [(id: ID<Inbound>, dedupeKey: String)],
        steps: [JourneyStep],
        reports: [PlatformReport] = [],
        humanUntil: Timestamp? = nil,
        messages: [IncomingMessage] = [],
        humanMessages: [IncomingMessage] = []
    ) {
        self.closing = closing
        self.steps = steps
        self.reports = reports
        self.humanUntil = humanUntil
        self.messages = messages
        self.humanMessages = humanMessages
    }
}

/// Everything that a finished turn writes, in one commit.
package struct TurnCommit: Sendable {
    package struct Execution: Sendable {
        package var tool: String
        package var arguments: String
        package var resultDigest: String
        package var isError: Bool
        package var isCacheHit: Bool
        package var milliseconds: Int

        package init(
            tool: String,
            arguments: String,
            resultDigest: String,
            isError: Bool,
            isCacheHit: Bool,
            milliseconds: Int
        ) {
            self.tool = tool
            self.arguments = arguments
            self.resultDigest = resultDigest
            self.isError = isError
            self.isCacheHit = isCacheHit
            self.milliseconds = milliseconds
        }
    }

    package var turnID: ID<Turn>
    package var conversation: ConversationRecord
    package var channel: ChannelID
    package var sessionID: ID<Session>
    package var startsSession: Bool
    package var closing: [(id: ID<Inbound>, dedupeKey: String)]
    package var incoming: [IncomingMessage]
    package var replyID: ID<Message>
    /// The reply in Markdown, as the model wrote it.
    package var reply: String
    package var deliveries: [NewDelivery]
    package var outcome: String
    package var intent: String?
    package var model: String
    package var promptVersion: String
    package var tokensIn: Int
    package var tokensOut: Int
    package var tokensCached: Int
    /// Millionths of a US dollar; nil when the model has no price.
    package var costMicros: Int64?
    package var latencyMilliseconds: Int
    package var executions: [Execution]
    package var leads: [LeadFields]
    /// The agent hands over to a human until then.
    package var humanUntil: Timestamp?
    package var usedKnowledge: [ID<KnowledgeEntry>]
    package var memory: JSON
    package var steps: [JourneyStep]
    package var debounce: Duration
    package var lease: Duration

    package init(
        turnID: ID<Turn>,
        conversation: ConversationRecord,
        channel: ChannelID,
        sessionID: ID<Session>,
        startsSession: Bool,
        closing: [(id: ID<Inbound>, dedupeKey: String)],
        incoming: [IncomingMessage],
        replyID: ID<Message>,
        reply: String,
        deliveries: [NewDelivery],
        outcome: String,
        intent: String?,
        model: String,
        promptVersion: String,
        tokensIn: Int,
        tokensOut: Int,
        tokensCached: Int,
        costMicros: Int64? = nil,
        latencyMilliseconds: Int,
        executions: [Execution],
        leads: [LeadFields],
        humanUntil: Timestamp?,
        usedKnowledge: [ID<KnowledgeEntry>],
        memory: JSON,
        steps: [JourneyStep],
        debounce: Duration,
        lease: Duration
    ) {
        self.turnID = turnID
        self.conversation = conversation
        self.channel = channel
        self.sessionID = sessionID
        self.startsSession = startsSession
        self.closing = closing
        self.incoming = incoming
        self.replyID = replyID
        self.reply = reply
        self.deliveries = deliveries
        self.outcome = outcome
        self.intent = intent
        self.model = model
        self.promptVersion = promptVersion
        self.tokensIn = tokensIn
        self.tokensOut = tokensOut
        self.tokensCached = tokensCached
        self.costMicros = costMicros
        self.latencyMilliseconds = latencyMilliseconds
        self.executions = executions
        self.leads = leads
        self.humanUntil = humanUntil
        self.usedKnowledge = usedKnowledge
        self.memory = memory
        self.steps = steps
        self.debounce = debounce
        self.lease = lease
    }
}
