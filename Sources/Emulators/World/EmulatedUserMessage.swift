import ParleyCore

/// A person of the emulated world. An id that has not the platform's shape ("ann") is turned into one that has, always
/// the same.
package struct EmulatedUser: Sendable, Equatable {
    package var id: String
    package var name: String

    package init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}

/// What a person writes to a bot. On Discord it becomes the command `/ask message:<text>`.
package struct EmulatedUserMessage: Sendable {
    package var channel: ChannelID
    /// The bot's id or name; nil is the channel's first.
    package var bot: String?
    package var user: EmulatedUser
    package var text: String
    /// The channel, chat or room; nil is the user's own direct conversation with the bot.
    package var conversation: String?
    /// Whether `conversation` is a room with several people.
    package var isRoom: Bool
    /// Whether the text addresses the bot by name; matters in rooms.
    package var mention: Bool
    /// The message that this one answers: a Slack thread's root, a Telegram reply, a WhatsApp quotation.
    package var threadOf: String?

    package init(
        channel: ChannelID,
        bot: String? = nil,
        user: EmulatedUser,
        text: String,
        conversation: String? = nil,
        isRoom: Bool = false,
        mention: Bool = false,
        threadOf: String? = nil
    ) {
        self.channel = channel
        self.bot = bot
        self.user = user
        self.text = text
        self.conversation = conversation
        self.isRoom = isRoom
        self.mention = mention
        self.threadOf = threadOf
    }
}

/// What became of a user's message.
package struct EmulatedPost: Sendable, Equatable {
    package let channel: ChannelID
    /// The bot's id.
    package let bot: String
    /// The conversation's id in the platform's shape.
    package let conversation: String
    package let thread: String?
    /// The user's id in the platform's shape.
    package let user: String
    /// The platform's message id: Slack `ts`, Telegram `message_id`, Discord interaction id, WhatsApp wamid.
    package let messageID: String
    /// The platform's ids of the webhooks that carry it: two for a mention in a Slack channel, else one.
    package let eventIDs: [String]
    /// Its place in the transcript.
    package let sequence: Int

    package var json: JSON {
        .object(present: [
            "seq": JSON(sequence),
            "channel": JSON(channel.name),
            "bot": JSON(bot),
            "conversation": JSON(conversation),
            "thread": thread.map { JSON($0) } ?? .null,
            "user": JSON(user),
            "message_id": JSON(messageID),
            "event_ids": .array(eventIDs.map { JSON($0) }),
        ])
    }
}

/// Why the emulated world refuses what its caller asks.
package enum EmulatorError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknownChannel(String)
    case unknownBot(String)
    case invalid(String)

    package var description: String {
        switch self {
        case .unknownChannel(let name): "no emulated channel \(name); there are slack, telegram, discord and whatsapp"
        case .unknownBot(let name): "no emulated bot \(name); register one with POST /emulator/bots"
        case .invalid(let reason): reason
        }
    }
}
