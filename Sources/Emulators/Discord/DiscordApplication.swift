import ParleyCore
import Synchronization

/// One Discord application with its bot.
struct DiscordApplication: Sendable {
    /// What a person did and the application must answer.
    struct Interaction: Sendable {
        enum State: Sendable, Equatable {
            /// Sent; no answer yet.
            case waiting
            /// Answered with type 5: the person sees "thinking…".
            case deferred
            /// A message is there.
            case answered
            /// No right answer in time: the token is void.
            case failed
        }
        let id: String
        let token: String
        let channel: String
        let user: String
        let at: Timestamp
        /// The message that `@original` means.
        let original: String
        var state = State.waiting
        var content = ""
    }

    struct Message: Sendable {
        let id: String
        var content: String
        let nonce: String?
        let at: Timestamp
    }

    /// By token.
    var interactions: [String: Interaction] = [:]
    /// Tokens by interaction id.
    var tokens: [String: String] = [:]
    /// Messages of the channels that the bot is in, oldest first.
    var channels: [String: [Message]] = [:]
    var commands: [JSON] = []
}

extension WorldState {
    mutating func makeDiscordBot(_ bot: inout EmulatedBot, seed given: String?, now: Timestamp) throws {
        let seed = given ?? Hex.encode(random.bytes(32))
        guard let bytes = Hex.decode(seed), let publicKey = WebhookSignature.discordPublicKey(seed: bytes) else {
            throw EmulatorError.invalid("private_key_seed is 64 hexadecimal digits")
        }
        let id = nextSnowflake(now)
        bot.credentials = [
            "application_id": id, "public_key": publicKey,
            "bot_token": "MT" + random.text(24, of: Alphabet.word) + "." + random.text(6, of: Alphabet.word) + "."
                + random.text(38, of: Alphabet.token),
        ]
        bot.hidden = ["private_key_seed": seed, "guild_id": nextSnowflake(now), "command_id": nextSnowflake(now)]
        discord[bot.id] = DiscordApplication()
    }

    /// Milliseconds since 2015 above 22 random bits.
    mutating func nextSnowflake(_ now: Timestamp) -> String {
        String(UInt64(clamping: now.milliseconds - 1_420_070_400_000) << 22 | (random.next() & 0x3F_FFFF))
    }

    mutating func discordSay(
        _ message: EmulatedUserMessage,
        to bot: EmulatedBot,
        now: Timestamp
    ) -> (EmulatedPost, [WebhookJob]) {
        let user = Shape.snowflake(from: message.user.id)
        let isRoom = message.isRoom && message.conversation != nil
        let channel = Shape.snowflake(from: message.conversation ?? "\(bot.id)/\(user)")
        let id = nextSnowflake(now)
        let token = random.text(180, of: Alphabet.word)
        let username = message.user.name.lowercased().filter { $0.isASCII && !$0.isWhitespace }
        let person: JSON = [
            "id": JSON(user), "username": JSON(username.isEmpty ? "someone" : username),
            "global_name": JSON(message.user.name), "discriminator": "0", "avatar": nil, "bot": false,
        ]
        var body: JSON = [
            "id": JSON(id), "application_id": JSON(bot["application_id"]), "type": 2, "token": JSON(token),
            "version": 1, "channel_id": JSON(channel),
            "channel": ["id": JSON(channel), "type": JSON(isRoom ? 0 : 1)],
            "app_permissions": "442368", "locale": "en-US", "context": JSON(isRoom ? 0 : 1),
            "authorizing_integration_owners": ["0": JSON(bot["guild_id"])], "entitlements": [],
            "attachment_size_limit": 10_485_760,
            "data": [
                "id": JSON(bot["command_id"]), "name": "ask", "type": 1,
                "options": [["name": "message", "type": 3, "value": JSON(message.text)]],
            ],
        ]
        if isRoom {
            body["guild_id"] = JSON(bot["guild_id"])
            body["guild_locale"] = "en-US"
            body["member"] = ["user": person, "roles": [], "permissions": "2248473465835073", "nick": nil]
        } else {
            body["user"] = person
        }
        // Taken out while it changes, so that nothing is copied.
        var application = discord.removeValue(forKey: bot.id) ?? DiscordApplication()
        if application.interactions.count > 20_000 {
            application.interactions = application.interactions.filter { now.since($0.value.at) < .seconds(1800) }
            application.tokens = application.tokens.filter { application.interactions[$0.value] != nil }
        }
        application.interactions[token] = .init(
            id: id,
            token: token,
            channel: channel,
            user: user,
            at: now,
            original: nextSnowflake(now)
        )
        application.tokens[id] = token
        if application.channels[channel] == nil { application.channels[channel] = [] }
        discord[bot.id] = application
        let job = WebhookJob(
            platform: .discord,
            bot: bot.id,
            name: "interaction",
            eventID: id,
            conversation: channel,
            body: body.encoded(),
            epoch: epoch,
            at: now
        )
        let entry = note(
            .inbound,
            bot: bot,
            conversation: channel,
            user: user,
            text: message.text,
            markup: "/ask message:\(message.text)",
            format: "command",
            messageID: id,
            now: now
        )
        let post = EmulatedPost(
            channel: bot.channel,
            bot: bot.id,
            conversation: channel,
            thread: nil,
            user: user,
            messageID: id,
            eventIDs: [id],
            sequence: entry.sequence
        )
        return (post, [job])
    }

    mutating func discordHandshake(_ bot: EmulatedBot, now: Timestamp) -> WebhookJob {
        let id = nextSnowflake(now)
        let body: JSON = [
            "id": JSON(id), "application_id": JSON(bot["application_id"]), "type": 1, "version": 1,
            "token": JSON(random.text(60, of: Alphabet.word)),
        ]
        return WebhookJob(
            kind: .handshake,
            platform: .discord,
            bot: bot.id,
            name: "ping",
            eventID: id,
            conversation: "",
            body: body.encoded(),
            epoch: epoch,
            at: now
        )
    }

    // MARK: The answer to an interaction

    /// The first answer counts: it must be 200 (or 202 before a callback) and a response of a type that fits.
    mutating func discordAnswered(_ job: WebhookJob, status: Int, body: JSON?, now: Timestamp) {
        guard let bot = bot(job.bot, channel: nil),
            let token = discord[bot.id]?.tokens[job.eventID],
            let interaction = discord[bot.id]?.interactions[token],
            interaction.state == .waiting
        else { return }
        if status == 202 { return }
        guard status == 200, let body, discordRespond(body, to: interaction, bot: bot, now: now) else {
            discord[bot.id]?.interactions[interaction.token]?.state = .failed
            note(
                .typing,
                bot: bot,
                conversation: interaction.channel,
                user: bot["application_id"],
                text: "The application did not respond",
                messageID: interaction.original,
                flag: "not_answered_in_time",
                now: now
            )
            return
        }
    }

    /// Types 4 (message) and 5 (deferred) answer a command; the rest do not.
    mutating func discordRespond(
        _ body: JSON,
        to interaction: DiscordApplication.Interaction,
        bot: EmulatedBot,
        now: Timestamp
    ) -> Bool {
        switch body["type"]?.int {
        case 4:
            guard let content = body["data"]?["content"]?.string, !content.isEmpty, content.utf16.count <= 2000 else {
                return false
            }
            discord[bot.id]?.interactions[interaction.token]?.state = .answered
            discord[bot.id]?.interactions[interaction.token]?.content = content
            note(
                .outbound,
                bot: bot,
                conversation: interaction.channel,
                user: bot["application_id"],
                text: content,
                format: "markdown",
                messageID: interaction.original,
                flag: discordFlag(body["data"] ?? [:]),
                now: now
            )
            return true
        case 5:
            discord[bot.id]?.interactions[interaction.token]?.state = .deferred
            note(
                .typing,
                bot: bot,
                conversation: interaction.channel,
                user: bot["application_id"],
                text: "thinking…",
                messageID: interaction.original,
                flag: "thinking",
                now: now
            )
            return true
        default: return false
        }
    }

    /// Whether a message would ring everyone's bell.
    func discordFlag(_ body: JSON) -> String? {
        let content = body["content"]?.string ?? ""
        guard content.contains("@everyone") || content.contains("@here") else { return nil }
        guard let allowed = body["allowed_mentions"] else { return "broadcast" }
        return allowed["parse"]?.array?.contains("everyone") == true ? "broadcast" : nil
    }
}

extension EmulatedWorld {
    /// The gateway's next call may overtake its own answer to the interaction; let that be read first.
    func waitForAcknowledgement(of call: APICall) async {
        guard let index = call.path.firstIndex(of: "webhooks"), call.path.indices.contains(index + 2) else { return }
        let token = call.path[index + 2]
        _ = await changes.wait(upTo: .milliseconds(500)) {
            let isWaiting = self.state.withLock { state in
                state.discord.values.contains { $0.interactions[token]?.state == .waiting }
            }
            return isWaiting ? nil : true
        }
    }
}
