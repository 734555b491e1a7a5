import ParleyCore

/// One bot's workspace.
struct SlackWorkspace: Sendable {
    struct Message: Sendable {
        let ts: String
        var threadTS: String?
        let user: String
        var text: String
        let isFromBot: Bool
        var metadata: JSON?
        var blocks: JSON?
        var isEdited = false
    }

    struct Channel: Sendable {
        let id: String
        let isDirect: Bool
        /// Whether the bot is in it.
        var isMember = true
        /// Oldest first, the last 500.
        var messages: [Message] = []

        mutating func append(_ message: Message) {
            messages.append(message)
            if messages.count > 500 { messages.removeFirst(100) }
        }
    }

    var channels: [String: Channel] = [
        SlackWorkspace.foreignChannel: Channel(id: SlackWorkspace.foreignChannel, isDirect: false, isMember: false)
    ]
    /// Names by user id.
    var users: [String: String] = [:]
    private var lastTS: Int64 = 0

    /// A public channel in every workspace that no bot was invited to.
    static let foreignChannel = "C0NOTMEMBER"

    /// Slack's message id: seconds and six digits, unique and growing.
    mutating func nextTS(_ now: Timestamp) -> String {
        lastTS = max(lastTS + 1, now.microseconds)
        let fraction = String(lastTS % 1_000_000)
        return "\(lastTS / 1_000_000)." + String(repeating: "0", count: 6 - fraction.utf8.count) + fraction
    }
}

extension WorldState {
    mutating func makeSlackBot(_ bot: inout EmulatedBot) {
        bot.credentials = [
            "bot_token": "xoxb-\(random.text(12, of: Alphabet.digits))-\(random.text(13, of: Alphabet.digits))-"
                + random.text(24, of: Alphabet.word),
            "signing_secret": random.text(32, of: Alphabet.hex),
        ]
        bot.hidden = [
            "user_id": "U0" + random.text(9, of: Alphabet.upper),
            "bot_id": "B0" + random.text(9, of: Alphabet.upper),
            "team_id": "T0" + random.text(9, of: Alphabet.upper),
            "app_id": "A0" + random.text(9, of: Alphabet.upper),
        ]
        slack[bot.id] = SlackWorkspace()
    }

    // MARK: A person writes

    mutating func slackSay(
        _ message: EmulatedUserMessage,
        to bot: EmulatedBot,
        now: Timestamp
    ) -> (EmulatedPost, [WebhookJob]) {
        // Taken out while it changes, so that nothing is copied.
        var workspace = slack.removeValue(forKey: bot.id) ?? SlackWorkspace()
        let user = Shape.slackID("U", from: message.user.id)
        let isRoom = message.isRoom && message.conversation != nil
        let channel =
            isRoom
            ? Shape.slackID("C", from: message.conversation ?? "")
            : Shape.slackID("D", from: message.conversation ?? "\(bot.id)/\(user)")
        workspace.users[user] = message.user.name
        let ts = workspace.nextTS(now)
        let text = (isRoom && message.mention ? "<@\(bot["user_id"])> " : "") + SlackText.escaped(message.text)
        var room = workspace.channels.removeValue(forKey: channel) ?? .init(id: channel, isDirect: !isRoom)
        room.append(
            .init(ts: ts, threadTS: message.threadOf, user: user, text: text, isFromBot: false)
        )
        workspace.channels[channel] = room
        slack[bot.id] = workspace

        var event: JSON = [
            "type": "message", "channel": JSON(channel), "user": JSON(user), "text": JSON(text), "ts": JSON(ts),
            "client_msg_id": JSON(random.text(32, of: Alphabet.hex)), "team": JSON(bot["team_id"]),
            "blocks": [
                [
                    "type": "rich_text", "block_id": JSON(random.text(5, of: Alphabet.word)),
                    "elements": [
                        ["type": "rich_text_section", "elements": [["type": "text", "text": JSON(message.text)]]]
                    ],
                ]
            ],
            "event_ts": JSON(ts),
        ]
        if let root = message.threadOf {
            event["thread_ts"] = JSON(root)
            event["parent_user_id"] = room.messages.first { $0.ts == root }.map { JSON($0.user) }
        }
        var jobs: [WebhookJob] = []
        if isRoom && message.mention {
            event["type"] = "app_mention"
            jobs.append(slackEvent(event, bot: bot, name: "app_mention", conversation: channel, now: now))
            event["type"] = "message"
        }
        event["channel_type"] = isRoom ? "channel" : "im"
        jobs.append(slackEvent(event, bot: bot, name: "message", conversation: channel, now: now))

        let entry = note(
            .inbound,
            bot: bot,
            conversation: channel,
            thread: message.threadOf,
            user: user,
            text: SlackText.plain(text),
            markup: text,
            format: "mrkdwn",
            messageID: ts,
            now: now
        )
        let post = EmulatedPost(
            channel: bot.channel,
            bot: bot.id,
            conversation: channel,
            thread: message.threadOf,
            user: user,
            messageID: ts,
            eventIDs: jobs.map(\.eventID),
            sequence: entry.sequence
        )
        return (post, jobs)
    }

    // MARK: Webhooks

    mutating func slackEvent(
        _ event: JSON,
        bot: EmulatedBot,
        name: String,
        conversation: String,
        now: Timestamp
    ) -> WebhookJob {
        let eventID = "Ev0" + random.text(9, of: Alphabet.upper)
        let envelope: JSON = [
            "token": JSON(random.text(24, of: Alphabet.word)), "team_id": JSON(bot["team_id"]),
            "context_team_id": JSON(bot["team_id"]), "context_enterprise_id": nil, "api_app_id": JSON(bot["app_id"]),
            "event": event, "type": "event_callback", "event_id": JSON(eventID), "event_time": JSON(now.seconds),
            "authorizations": [
                [
                    "enterprise_id": nil, "team_id": JSON(bot["team_id"]), "user_id": JSON(bot["user_id"]),
                    "is_bot": true, "is_enterprise_install": false,
                ]
            ],
            "is_ext_shared_channel": false, "event_context": JSON("4-" + random.text(60, of: Alphabet.word)),
        ]
        return WebhookJob(
            platform: .slack,
            bot: bot.id,
            name: name,
            eventID: eventID,
            conversation: conversation,
            body: envelope.encoded(),
            epoch: epoch,
            at: now
        )
    }

    mutating func slackHandshake(_ bot: EmulatedBot, now: Timestamp) -> WebhookJob {
        let challenge = random.text(53, of: Alphabet.word)
        let body: JSON = [
            "token": JSON(random.text(24, of: Alphabet.word)), "challenge": JSON(challenge),
            "type": "url_verification",
        ]
        return WebhookJob(
            kind: .handshake,
            platform: .slack,
            bot: bot.id,
            name: "url_verification",
            eventID: challenge,
            conversation: "",
            body: body.encoded(),
            epoch: epoch,
            at: now
        )
    }
}

enum SlackText {
    /// Slack escapes three characters in what people write.
    static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.append(character)
            }
        }
    }

    /// As a person reads it: links by their label, mentions by their id, entities resolved.
    static func plain(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "<") {
            result += rest[..<open]
            let after = rest[rest.index(after: open)...]
            guard let close = after.firstIndex(of: ">") else {
                rest = rest[open...]
                break
            }
            let token = after[..<close]
            let pieces = token.split(separator: "|", maxSplits: 1)
            if let label = pieces.dropFirst().first {
                result += label
            } else {
                result += token.hasPrefix("!") ? "@" + token.dropFirst() : token
            }
            rest = after[after.index(after: close)...]
        }
        result += rest
        return replaced(replaced(replaced(result, "&lt;", "<"), "&gt;", ">"), "&amp;", "&")
    }

    /// Whether it would ring everyone's bell.
    static func isBroadcast(_ text: String) -> Bool {
        ["<!channel", "<!here", "<!everyone"].contains { text.contains($0) }
    }

    private static func replaced(_ text: String, _ old: String, _ new: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let range = rest.firstRange(of: old) {
            result += rest[..<range.lowerBound]
            result += new
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
