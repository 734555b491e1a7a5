import ParleyCore

// The reading methods of Slack's Web API.
extension WorldState {
    func slackAuthTest(_ bot: EmulatedBot) -> APIAnswer {
        var answer = APIAnswer(
            200,
            [
                "ok": true, "url": "https://emulated.slack.com/", "team": "Emulated", "user": JSON(bot.name),
                "team_id": JSON(bot["team_id"]), "user_id": JSON(bot["user_id"]), "bot_id": JSON(bot["bot_id"]),
                "is_enterprise_install": false,
            ]
        )
        answer.headers = [
            (
                "X-OAuth-Scopes",
                "app_mentions:read,channels:history,groups:history,im:history,mpim:history,im:write,chat:write,"
                    + "assistant:write,users:read"
            )
        ]
        return answer
    }

    func slackUserInfo(_ bot: EmulatedBot, _ arguments: [String: JSON]) -> APIAnswer {
        guard let id = arguments["user"]?.string else {
            return slackError("invalid_arguments", detail: "[ERROR] missing required field: user")
        }
        guard let name = id == bot["user_id"] ? bot.name : slack[bot.id]?.users[id] else {
            return slackError("user_not_found")
        }
        return APIAnswer(
            200,
            [
                "ok": true,
                "user": [
                    "id": JSON(id), "team_id": JSON(bot["team_id"]), "name": JSON(name.lowercased()),
                    "real_name": JSON(name), "deleted": false, "is_bot": .bool(id == bot["user_id"]),
                    "profile": ["real_name": JSON(name), "display_name": JSON(name)],
                ],
            ]
        )
    }

    mutating func slackOpen(_ bot: EmulatedBot, _ arguments: [String: JSON]) -> APIAnswer {
        guard let user = arguments["users"]?.string, slack[bot.id]?.users[user] != nil else {
            return slackError("user_not_found")
        }
        let id = Shape.slackID("D", from: "\(bot.id)/\(user)")
        if slack[bot.id]?.channels[id] == nil { slack[bot.id]?.channels[id] = .init(id: id, isDirect: true) }
        return APIAnswer(200, ["ok": true, "channel": ["id": JSON(id)]]).about(id)
    }

    /// A thread, oldest first; or a channel's own messages, newest first.
    func slackRead(_ method: SlackMethod, _ bot: EmulatedBot, _ arguments: [String: JSON]) -> APIAnswer {
        guard let id = arguments["channel"]?.string, let channel = slack[bot.id]?.channels[id] else {
            return slackError("channel_not_found")
        }
        guard channel.isMember else { return slackError("not_in_channel", conversation: id) }
        let limit = arguments["limit"]?.text.flatMap { Int($0) } ?? 100
        guard (1...999).contains(limit) else { return slackError("invalid_limit", conversation: id) }
        let isInclusive = SlackMethod.isTrue(arguments["inclusive"])
        let oldest = arguments["oldest"]?.text ?? "0"
        let latest = arguments["latest"]?.text ?? "9999999999.999999"
        var messages = channel.messages.filter {
            (SlackMethod.isBefore(oldest, $0.ts) && SlackMethod.isBefore($0.ts, latest))
                || (isInclusive && ($0.ts == oldest || $0.ts == latest))
        }
        if method == .replies {
            guard let root = arguments["ts"]?.string else {
                return slackError("invalid_arguments", conversation: id, detail: "[ERROR] missing required field: ts")
            }
            guard channel.messages.contains(where: { $0.ts == root }) else {
                return slackError("thread_not_found", conversation: id)
            }
            messages = messages.filter { $0.ts == root || $0.threadTS == root }
        } else {
            messages = messages.filter { $0.threadTS == nil || $0.threadTS == $0.ts }.reversed()
        }
        let skipped = arguments["cursor"]?.string.flatMap { Int($0.dropFirst("bmV4dA".count)) } ?? 0
        let page = messages.dropFirst(max(0, skipped)).prefix(limit)
        let hasMore = messages.count > max(0, skipped) + page.count
        let withMetadata = SlackMethod.isTrue(arguments["include_all_metadata"])
        var body: JSON = [
            "ok": true,
            "messages": .array(page.map { slackStored($0, bot, channel, withMetadata: withMetadata) }),
            "has_more": .bool(hasMore),
        ]
        if hasMore { body["response_metadata"] = ["next_cursor": JSON("bmV4dA\(skipped + page.count)")] }
        return APIAnswer(200, body).about(id)
    }

    private func slackStored(
        _ message: SlackWorkspace.Message,
        _ bot: EmulatedBot,
        _ channel: SlackWorkspace.Channel,
        withMetadata: Bool
    ) -> JSON {
        let hasReplies = channel.messages.contains { $0.threadTS == message.ts && $0.ts != message.ts }
        return .object(present: [
            "type": "message", "user": JSON(message.user), "text": JSON(message.text), "ts": JSON(message.ts),
            "bot_id": message.isFromBot ? JSON(bot["bot_id"]) : nil, "team": JSON(bot["team_id"]),
            "thread_ts": (message.threadTS ?? (hasReplies ? message.ts : nil)).map { JSON($0) },
            "blocks": message.blocks, "metadata": withMetadata ? message.metadata : nil,
        ])
    }
}
