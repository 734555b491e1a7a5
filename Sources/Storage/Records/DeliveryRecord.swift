import ParleyCore

/// One outgoing call: where it stands between the outbox and the platform.
package struct DeliveryRecord: Sendable {
    package enum State: String, Sendable { case waiting, sending, uncertain, delivered, dead }

    package let id: ID<Delivery>
    package let businessID: ID<Business>
    package let integrationID: ID<Integration>
    package let conversationKey: String
    package let conversationID: ID<Conversation>
    package let turnID: ID<Turn>?
    package let messageID: ID<Message>?
    package let address: JSON
    package let payload: JSON
    package let text: String
    package let state: State
    package let attempts: Int
    package let usesPlainText: Bool
    /// An earlier attempt may have arrived.
    package private(set) var mayBeDuplicate: Bool
    package let notBefore: Timestamp
    package let platformMessageID: String?
    package let deadReason: String?
    package let createdAt: Timestamp
    package let settledAt: Timestamp?

    init(_ row: SQLRow) throws(SQLError) {
        id = try row.id("id")
        businessID = try row.id("business_id")
        integrationID = try row.id("channel_integration_id")
        conversationKey = try row.text("conversation_key")
        conversationID = try row.id("conversation_id")
        turnID = row.optionalID("turn_id")
        messageID = row.optionalID("message_id")
        address = try row.json("address")
        payload = try row.json("payload")
        text = try row.text("text")
        state = State(rawValue: try row.text("state")) ?? .waiting
        attempts = Int(clamping: try row.int("attempts"))
        usesPlainText = try row.bool("uses_plain_text")
        mayBeDuplicate = try row.bool("may_be_duplicate")
        notBefore = try row.timestamp("not_before")
        platformMessageID = row.optionalText("platform_message_id")
        deadReason = row.optionalText("dead_reason")
        createdAt = try row.timestamp("created_at")
        settledAt = row.optionalTimestamp("settled_at")
    }
}

extension DeliveryRecord {
    /// A delivery that is just being enqueued, as it is once it is marked as being sent.
    init(
        _ delivery: NewDelivery,
        conversation: ID<Conversation>,
        turn: ID<Turn>?,
        message: ID<Message>?,
        claim: Claim,
        at now: Timestamp
    ) {
        id = delivery.id
        businessID = claim.businessID
        integrationID = claim.integrationID
        conversationKey = claim.conversationKey
        conversationID = conversation
        turnID = turn
        messageID = message
        address = delivery.address
        payload = delivery.payload
        text = delivery.text
        state = .sending
        // Those before the one that begins now, as in a delivery that is read and then marked.
        attempts = 0
        usesPlainText = false
        mayBeDuplicate = false
        notBefore = now
        platformMessageID = nil
        deadReason = nil
        createdAt = now
        settledAt = nil
    }

    /// The same delivery, about to be sent although an earlier attempt may have arrived.
    package var flaggedAsRepeat: DeliveryRecord {
        var copy = self
        copy.mayBeDuplicate = true
        return copy
    }
}

/// A delivery on its way into the outbox.
package struct NewDelivery: Sendable {
    package var id: ID<Delivery>
    package var address: JSON
    package var payload: JSON
    package var text: String

    package init(id: ID<Delivery>, address: JSON, payload: JSON, text: String) {
        self.id = id
        self.address = address
        self.payload = payload
        self.text = text
    }
}

/// What became of an attempt, as the outbox keeps it.
package struct AttemptOutcome: Sendable {
    package enum Settlement: Sendable, Equatable {
        case delivered(platformMessageID: String?)
        case dead(reason: String)
        /// To be tried again at a time, in plain text or at another address from now on. A wait that the platform asked
        /// for does not count as an attempt.
        case again(at: Timestamp, inPlainText: Bool = false, address: JSON? = nil, counts: Bool = true)
        /// Nobody knows whether it arrived; to be reconciled at a time.
        case uncertain(until: Timestamp)

        /// Whether the delivery is settled by it, for good.
        var isFinal: Bool {
            switch self {
            case .delivered, .dead: true
            case .again, .uncertain: false
            }
        }
    }

    package var settlement: Settlement
    /// The verdict's word, for the list of attempts; nil when nothing was sent.
    package var verdict: String?
    package var reason: String?
    package var milliseconds: Int
    package var steps: [JourneyStep]

    package init(
        _ settlement: Settlement,
        verdict: String? = nil,
        reason: String? = nil,
        milliseconds: Int = 0,
        steps: [JourneyStep] = []
    ) {
        self.settlement = settlement
        self.verdict = verdict
        self.reason = reason
        self.milliseconds = milliseconds
        self.steps = steps
    }
}
