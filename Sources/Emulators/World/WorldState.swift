import Crypto
import ParleyCore

/// Everything that the emulated platforms remember. Each platform's own part is in its folder.
struct WorldState: Sendable {
    let seed: UInt64
    var random: SeededRandom
    var bots: [EmulatedBot] = []
    var transcript = Journal<TranscriptEntry>()
    var exchanges = Journal<ExchangeEntry>()
    var allFaults = EmulatorFaults()
    var channelFaults: [ChannelID: EmulatorFaults] = [:]
    var dice: [String: SeededRandom] = [:]
    var limiter = RateLimiter()
    var windows = RateWindows()
    /// Webhooks of an older epoch are forgotten, not posted.
    var epoch = 0
    var telegramQueues: [String: TelegramQueue] = [:]

    var slack: [String: SlackWorkspace] = [:]
    var telegram: [String: TelegramAccount] = [:]
    var discord: [String: DiscordApplication] = [:]
    var whatsApp: [String: WhatsAppNumber] = [:]

    init(seed: UInt64) {
        self.seed = seed
        random = SeededRandom(seed: seed)
    }

    // MARK: Bots

    func bot(_ idOrName: String, channel: ChannelID?) -> EmulatedBot? {
        bots.first { ($0.id == idOrName || $0.name == idOrName) && (channel == nil || $0.channel == channel) }
    }

    mutating func makeBot(
        channel: ChannelID,
        name: String,
        credentials: [String: String],
        now: Timestamp
    ) throws -> EmulatedBot {
        guard let platform = EmulatedPlatform(rawValue: channel.name) else {
            throw EmulatorError.unknownChannel(channel.name)
        }
        let id = "\(channel.name)-\(bots.count { $0.channel == channel } + 1)"
        var bot = EmulatedBot(id: id, channel: channel, name: name.isEmpty ? id : name, credentials: [:])
        switch platform {
        case .slack: makeSlackBot(&bot)
        case .telegram: makeTelegramBot(&bot)
        case .discord: try makeDiscordBot(&bot, seed: credentials["private_key_seed"], now: now)
        case .whatsapp: makeWhatsAppBot(&bot)
        }
        for (field, value) in credentials where field != "private_key_seed" {
            if field == "webhook_secret" {
                bot.hidden[field] = value
                continue
            }
            guard bot.credentials[field] != nil else {
                throw EmulatorError.invalid("a \(channel.name) bot has no credential \(field)")
            }
            guard field != "public_key" || bot["public_key"] == value else {
                throw EmulatorError.invalid("give private_key_seed instead: the public key follows from it")
            }
            bot.credentials[field] = value
        }
        bots.append(bot)
        return bot
    }

    /// What the platform sends when a webhook URL is saved; Telegram sends nothing.
    mutating func handshake(_ bot: EmulatedBot, now: Timestamp) -> WebhookJob? {
        switch EmulatedPlatform(rawValue: bot.channel.name) {
        case .slack: slackHandshake(bot, now: now)
        case .discord: discordHandshake(bot, now: now)
        case .whatsapp: whatsAppHandshake(bot, now: now)
        case .telegram, nil: nil
        }
    }

    // MARK: People

    mutating func say(_ message: EmulatedUserMessage, now: Timestamp) throws -> (EmulatedPost, [WebhookJob]) {
        guard let platform = EmulatedPlatform(rawValue: message.channel.name) else {
            throw EmulatorError.unknownChannel(message.channel.name)
        }
        let found =
            message.bot.map { bot($0, channel: message.channel) }
            ?? bots.first { $0.channel == message.channel }
        guard let bot = found else { throw EmulatorError.unknownBot(message.bot ?? message.channel.name) }
        return switch platform {
        case .slack: slackSay(message, to: bot, now: now)
        case .telegram: try telegramSay(message, to: bot, now: now)
        case .discord: discordSay(message, to: bot, now: now)
        case .whatsapp: whatsAppSay(message, to: bot, now: now)
        }
    }

    // MARK: Writing down

    @discardableResult
    mutating func note(
        _ direction: TranscriptEntry.Direction,
        bot: EmulatedBot,
        conversation: String,
        thread: String? = nil,
        user: String,
        text: String,
        markup: String? = nil,
        format: String = "plain",
        messageID: String? = nil,
        deliveryID: String? = nil,
        isEdit: Bool = false,
        flag: String? = nil,
        now: Timestamp
    ) -> TranscriptEntry {
        transcript.append {
            TranscriptEntry(
                sequence: $0,
                at: now,
                channel: bot.channel,
                bot: bot.id,
                conversation: conversation,
                thread: thread,
                direction: direction,
                user: user,
                text: text,
                markup: markup,
                format: format,
                messageID: messageID,
                deliveryID: deliveryID,
                isEdit: isEdit,
                flag: flag
            )
        }
    }

    mutating func reset() {
        transcript.clear()
        exchanges.clear()
        limiter = RateLimiter()
        windows = RateWindows()
        telegramQueues = telegramQueues.mapValues { TelegramQueue(isRunning: $0.isRunning) }
        epoch += 1
    }

    // MARK: Faults

    func faults(of channel: ChannelID?) -> EmulatorFaults {
        channel.flatMap { channelFaults[$0] } ?? allFaults
    }

    /// The next throws for one call or webhook. Always as many as `count`, so that the sequence depends on nothing else.
    mutating func roll(_ count: Int, channel: ChannelID, purpose: String) -> [Double] {
        let key = "\(channel.name)/\(purpose)"
        var generator = dice[key] ?? SeededRandom(seed: seed, purpose: key)
        defer { dice[key] = generator }
        return (0..<count).map { _ in generator.fraction() }
    }
}

/// The platforms that are emulated.
enum EmulatedPlatform: String, CaseIterable, Sendable {
    case slack, telegram, discord, whatsapp
    var channel: ChannelID { ChannelID(rawValue) }
}
