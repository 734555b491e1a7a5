import ParleyCore

/// What to do after an attempt, judged by the channel from the platform's own answer.
package enum Verdict: Sendable, Equatable {
    case delivered(DeliveryReceipt)
    /// Not delivered. `after` is the platform's Retry-After; nil leaves the wait to us.
    case retry(after: Duration?, scope: RetryScope, reason: String)
    /// The call may have been carried out; its answer was lost.
    case uncertain(reason: String)
    /// The markup was rejected; the plain form may pass.
    case formattingRejected(reason: String)
    /// The address has changed for good (a Telegram group became a supergroup): send there.
    case moved(to: JSON, reason: String)
    /// Will never be delivered.
    case dead(reason: String, scope: DeathScope)

    /// What a wait holds back.
    package enum RetryScope: Sendable, Equatable {
        case conversation
        /// Everything that this integration sends.
        case integration
    }

    package enum DeathScope: Sendable, Equatable {
        /// This payload, or this recipient.
        case delivery
        /// The platform no longer accepts the credentials: the business must act.
        case integration
    }

    /// For counters and the journey: one word.
    package var word: String {
        switch self {
        case .delivered: "delivered"
        case .retry: "retry"
        case .uncertain: "uncertain"
        case .formattingRejected: "formatting_rejected"
        case .moved: "moved"
        case .dead: "dead"
        }
    }

    /// The platform's words, for the journey. Holds no secret.
    package var reason: String? {
        switch self {
        case .delivered: nil
        case .retry(_, _, let reason), .uncertain(let reason), .formattingRejected(let reason), .moved(_, let reason),
            .dead(let reason, _):
            reason
        }
    }

    /// The verdict on a call that has no answer.
    package init(_ error: any Error) {
        switch error {
        case TransportError.notConnected: self = .retry(after: nil, scope: .conversation, reason: "no connection")
        // A stop in mid-call: bytes may have left.
        case is CancellationError: self = .uncertain(reason: "interrupted")
        case TransportError.invalidURL: self = .dead(reason: "the API address is not a URL", scope: .integration)
        // Whatever else went wrong (the answer broke off, say), the call may have been carried out.
        default: self = .uncertain(reason: "no answer in time")
        }
    }
}

/// What the platform said of a message that it took.
package struct DeliveryReceipt: Sendable, Equatable {
    /// The platform's id of the message.
    package var platformMessageID: String?
    /// The call was recognised as a repetition and did nothing.
    package var wasRepeat: Bool

    package init(platformMessageID: String?, wasRepeat: Bool = false) {
        self.platformMessageID = platformMessageID
        self.wasRepeat = wasRepeat
    }
}
