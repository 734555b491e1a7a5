import ParleyCore

/// One line of what an onlooker of all four platforms would have seen, in order.
package struct TranscriptEntry: Sendable, Equatable {
    package enum Direction: String, Sendable {
        /// From a person to the bot.
        case inbound = "in"
        /// From the bot.
        case outbound = "out"
        /// The bot shows that it is typing (Slack: a status; Discord: a deferred answer or typing).
        case typing
    }

    /// Counts from 1 and never repeats, also across a reset.
    package let sequence: Int
    /// When.
    package let at: Timestamp
    package let channel: ChannelID
    /// The bot's id.
    package let bot: String
    package let conversation: String
    /// Slack: the thread's root `ts`. Telegram, WhatsApp: the message that is answered.
    package let thread: String?
    package let direction: Direction
    /// The platform's id of the person, or of the bot's own user.
    package let user: String
    /// As a person reads it, without mark-up where the platform's own renderer is emulated.
    package let text: String
    /// The text as it was sent; nil when it does not differ or there is none.
    package let markup: String?
    /// What `markup` is written in: "mrkdwn", "markdown", "blocks", "HTML", "entities", "plain", "whatsapp".
    package let format: String
    /// nil for typing.
    package let messageID: String?
    /// The gateway's delivery id where the platform carries one (Slack metadata, WhatsApp
    /// `biz_opaque_callback_data`, Discord `nonce`).
    package let deliveryID: String?
    /// Whether this replaces the text of the earlier entry with the same `messageID`.
    package let isEdit: Bool
    /// Something a strict onlooker should know: "wrong_recipient", "thinking", "not_answered_in_time".
    package let flag: String?

    package var json: JSON {
        .object(present: [
            "seq": JSON(sequence),
            "at": JSON(at.milliseconds),
            "channel": JSON(channel.name),
            "bot": JSON(bot),
            "conversation": JSON(conversation),
            "thread": thread.map { JSON($0) } ?? .null,
            "direction": JSON(direction.rawValue),
            "user": JSON(user),
            "text": JSON(text),
            "markup": markup.map { JSON($0) } ?? .null,
            "format": JSON(format),
            "message_id": messageID.map { JSON($0) } ?? .null,
            "delivery_id": deliveryID.map { JSON($0) } ?? .null,
            "edited": .bool(isEdit),
            "flag": flag.map { JSON($0) } ?? .null,
        ])
    }
}
