import ParleyCore

/// One HTTP exchange between the emulated platforms and the gateway, in either direction.
package struct ExchangeEntry: Sendable, Equatable {
    package enum Kind: String, Sendable {
        /// The gateway called a platform.
        case api
        /// A platform posted a webhook.
        case webhook
    }

    package let sequence: Int
    package let at: Timestamp
    package let kind: Kind
    package let channel: ChannelID
    /// The bot's id; nil when the credentials named none.
    package let bot: String?
    /// "chat.postMessage", "sendMessage", "POST channels/messages"; for a webhook its event: "message".
    package let method: String
    package let conversation: String?
    /// For a webhook: the platform's id of the event, the same at each attempt.
    package let eventID: String?
    /// For a webhook: counts from 1.
    package let attempt: Int
    /// The HTTP status; 0 when a webhook got no answer.
    package let status: Int
    /// "ok", or the platform's own error code; for webhooks "ok", "refused", "no_answer", "forged_accepted" …
    package let outcome: String
    /// An injected fault: "rate_limit", "server_error", "drop_response", "duplicate", "bad_signature", "reorder".
    package let fault: String?
    /// A call before a told Retry-After was over.
    package let isEarlySend: Bool

    package var json: JSON {
        .object(present: [
            "seq": JSON(sequence),
            "at": JSON(at.milliseconds),
            "kind": JSON(kind.rawValue),
            "channel": JSON(channel.name),
            "bot": bot.map { JSON($0) } ?? .null,
            "method": JSON(method),
            "conversation": conversation.map { JSON($0) } ?? .null,
            "event_id": eventID.map { JSON($0) } ?? .null,
            "attempt": JSON(attempt),
            "status": JSON(status),
            "outcome": JSON(outcome),
            "fault": fault.map { JSON($0) } ?? .null,
            "early_send": .bool(isEarlySend),
        ])
    }
}
