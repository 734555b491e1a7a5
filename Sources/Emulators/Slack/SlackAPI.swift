import ParleyCore

extension WorldState {
    /// Slack's Web API: HTTP 200 also for refusals, which are told in `ok` and `error`.
    mutating func slackAnswer(_ call: APICall) -> APIAnswer {
        if call.path.first == "response" { return slackResponseURL(call) }
        guard call.path.count == 2, call.path[0] == "api" else {
            return APIAnswer(404, ["ok": false, "error": "not_found"], outcome: "not_found")
        }
        let method = call.path[1]
        var answer = slackMethod(method, call)
        answer.operation = method
        return answer
    }

    private mutating func slackMethod(_ method: String, _ call: APICall) -> APIAnswer {
        guard let handler = SlackMethod(rawValue: method) else { return slackError("unknown_method") }
        guard call.method == "POST" || (call.method == "GET" && handler.isRead) else {
            return slackError("invalid_arguments", detail: "[ERROR] use POST")
        }
        let arguments: [String: JSON]
        switch SlackMethod.arguments(of: call, isRead: handler.isRead) {
        case .success(let read): arguments = read
        case .failure(let error): return slackError(error.name, detail: error.detail)
        }
        guard let token = call.authorization("Bearer") else { return slackError("not_authed") }
        guard let bot = bots.first(where: { $0.channel == "slack" && $0["bot_token"] == token }) else {
            return slackError("invalid_auth")
        }
        var answer: APIAnswer =
            switch handler {
            case .authTest: slackAuthTest(bot)
            case .usersInfo: slackUserInfo(bot, arguments)
            case .replies, .history: slackRead(handler, bot, arguments)
            case .postMessage: slackPost(bot, arguments, call)
            case .update: slackUpdate(bot, arguments, call)
            case .setStatus: slackSetStatus(bot, arguments, call)
            case .openConversation: slackOpen(bot, arguments)
            }
        answer.bot = bot.id
        return answer
    }

    // MARK: Sending

    private mutating func slackPost(_ bot: EmulatedBot, _ arguments: [String: JSON], _ call: APICall) -> APIAnswer {
        guard var workspace = slack.removeValue(forKey: bot.id) else { return slackError("invalid_auth") }
        defer { slack[bot.id] = workspace }
        let channel: SlackWorkspace.Channel
        switch slackChannel(arguments, in: &workspace, bot: bot, mayBeUser: true) {
        case .success(let found): channel = found
        case .failure(let error): return slackError(error.name, detail: error.detail)
        }
        let content: SlackContent
        switch SlackContent.read(arguments) {
        case .success(let read): content = read
        case .failure(let error): return slackError(error.name, conversation: channel.id, detail: error.detail)
        }
        var flag = SlackText.isBroadcast(content.markup) ? "broadcast" : nil
        var thread: String?
        if let given = arguments["thread_ts"] {
            guard let ts = given.string, let root = channel.messages.first(where: { $0.ts == ts }) else {
                return slackError("thread_not_found", conversation: channel.id)
            }
            // Slack takes the ts of a reply and misbehaves; the transcript tells.
            if let actual = root.threadTS, actual != ts { flag = "thread_ts_of_a_reply" }
            thread = ts
        }
        if let refusal = slackRefusal("chat.postMessage/\(channel.id)", bot, call, burst: 5, perSecond: 1) {
            return refusal.about(channel.id)
        }
        let ts = workspace.nextTS(call.now)
        workspace.channels[channel.id] = channel
        workspace.channels[channel.id]?.append(
            .init(
                ts: ts,
                threadTS: thread,
                user: bot["user_id"],
                text: content.text,
                isFromBot: true,
                metadata: content.metadata,
                blocks: content.blocks
            )
        )
        note(
            .outbound,
            bot: bot,
            conversation: channel.id,
            thread: thread,
            user: bot["user_id"],
            text: content.plain,
            markup: content.markup,
            format: content.format,
            messageID: ts,
            deliveryID: content.deliveryID,
            flag: flag,
            now: call.now
        )
        var message = slackMessage(ts: ts, thread: thread, content, bot: bot)
        var echo = message
        echo["channel"] = JSON(channel.id)
        echo["channel_type"] = channel.isDirect ? "im" : "channel"
        echo["event_ts"] = JSON(ts)
        var body: JSON = ["ok": true, "channel": JSON(channel.id), "ts": JSON(ts), "message": message]
        if content.isTruncated {
            message["text"] = JSON(content.text)
            body["warning"] = "message_truncated"
            body["response_metadata"] = ["warnings": ["message_truncated"]]
        }
        var answer = APIAnswer(200, body).about(channel.id)
        answer.webhooks = [slackEvent(echo, bot: bot, name: "echo", conversation: channel.id, now: call.now)]
        return answer
    }

    private mutating func slackUpdate(_ bot: EmulatedBot, _ arguments: [String: JSON], _ call: APICall) -> APIAnswer {
        guard var workspace = slack.removeValue(forKey: bot.id) else { return slackError("invalid_auth") }
        defer { slack[bot.id] = workspace }
        let channel: SlackWorkspace.Channel
        switch slackChannel(arguments, in: &workspace, bot: bot, mayBeUser: false) {
        case .success(let found): channel = found
        case .failure(let error): return slackError(error.name, detail: error.detail)
        }
        guard let ts = arguments["ts"]?.string, let index = channel.messages.firstIndex(where: { $0.ts == ts }) else {
            return slackError("message_not_found", conversation: channel.id)
        }
        let previous = channel.messages[index]
        guard previous.isFromBot else { return slackError("cant_update_message", conversation: channel.id) }
        let content: SlackContent
        switch SlackContent.read(arguments, maximum: 4000, truncates: false) {
        case .success(let read): content = read
        case .failure(let error): return slackError(error.name, conversation: channel.id, detail: error.detail)
        }
        if let refusal = slackRefusal("chat.update", bot, call, burst: 10, perSecond: 50 / 60) {
            return refusal.about(channel.id)
        }
        workspace.channels[channel.id] = channel
        workspace.channels[channel.id]?.messages[index].text = content.text
        workspace.channels[channel.id]?.messages[index].isEdited = true
        if let metadata = content.metadata { workspace.channels[channel.id]?.messages[index].metadata = metadata }
        let eventTS = workspace.nextTS(call.now)
        note(
            .outbound,
            bot: bot,
            conversation: channel.id,
            thread: previous.threadTS,
            user: bot["user_id"],
            text: content.plain,
            markup: content.markup,
            format: content.format,
            messageID: ts,
            deliveryID: content.deliveryID,
            isEdit: true,
            now: call.now
        )
        var message = slackMessage(ts: ts, thread: previous.threadTS, content, bot: bot)
        message["edited"] = ["user": JSON(bot["user_id"]), "ts": JSON(eventTS)]
        let event: JSON = [
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": JSON(channel.id),
            "channel_type": channel.isDirect ? "im" : "channel", "ts": JSON(eventTS), "event_ts": JSON(eventTS),
            "message": message,
            "previous_message": [
                "type": "message", "user": JSON(bot["user_id"]), "bot_id": JSON(bot["bot_id"]),
                "text": JSON(previous.text), "ts": JSON(ts),
            ],
        ]
        var answer = APIAnswer(
            200,
            [
                "ok": true, "channel": JSON(channel.id), "ts": JSON(ts), "text": JSON(content.text),
                "message": message,
            ]
        ).about(channel.id)
        answer.webhooks = [slackEvent(event, bot: bot, name: "echo_changed", conversation: channel.id, now: call.now)]
        return answer
    }

    private mutating func slackSetStatus(
        _ bot: EmulatedBot,
        _ arguments: [String: JSON],
        _ call: APICall
    ) -> APIAnswer {
        guard let channel = arguments["channel_id"]?.string, let status = arguments["status"]?.string,
            let thread = arguments["thread_ts"]?.string
        else {
            return slackError("invalid_arguments", detail: "[ERROR] channel_id, thread_ts and status are required")
        }
        guard let known = slack[bot.id]?.channels[channel] else { return slackError("channel_not_found") }
        guard known.messages.contains(where: { $0.ts == thread }) else {
            return slackError("thread_not_found", conversation: channel)
        }
        if let refusal = slackRefusal("assistant.threads.setStatus", bot, call, burst: 50, perSecond: 10) {
            return refusal.about(channel)
        }
        if !status.isEmpty {
            note(
                .typing,
                bot: bot,
                conversation: channel,
                thread: thread,
                user: bot["user_id"],
                text: status,
                now: call.now
            )
        }
        return APIAnswer(200, ["ok": true]).about(channel)
    }

    /// `response_url`: no token; a message or an ephemeral one.
    private mutating func slackResponseURL(_ call: APICall) -> APIAnswer {
        guard call.path.count == 2,
            let bot = bots.first(where: {
                $0.channel == "slack" && call.path[1].split(separator: ".").first == $0.id[...]
            })
        else { return APIAnswer(404, ["ok": false, "error": "expired_url"], outcome: "expired_url") }
        guard call.mediaType == "application/json", let body = try? JSON(parsing: call.body), body.object != nil,
            let text = body["text"]?.string
        else { return APIAnswer(400, ["ok": false, "error": "invalid_payload"], outcome: "invalid_payload") }
        note(
            .outbound,
            bot: bot,
            conversation: call.path[1],
            user: bot["user_id"],
            text: SlackText.plain(text),
            markup: text,
            format: "mrkdwn",
            flag: body["response_type"]?.string == "in_channel" ? nil : "ephemeral",
            now: call.now
        )
        var answer = APIAnswer(200, ["ok": true])
        answer.bot = bot.id
        answer.operation = "response_url"
        return answer
    }

    // MARK: Helpers

    private func slackMessage(ts: String, thread: String?, _ content: SlackContent, bot: EmulatedBot) -> JSON {
        .object(present: [
            "type": "message", "user": JSON(bot["user_id"]), "bot_id": JSON(bot["bot_id"]),
            "app_id": JSON(bot["app_id"]), "team": JSON(bot["team_id"]), "ts": JSON(ts), "text": JSON(content.text),
            "thread_ts": thread.map { JSON($0) }, "blocks": content.blocks, "metadata": content.metadata,
        ])
    }

    private mutating func slackRefusal(
        _ key: String,
        _ bot: EmulatedBot,
        _ call: APICall,
        burst: Double,
        perSecond: Double
    ) -> APIAnswer? {
        let faults = faults(of: "slack")
        let factor = max(faults.rateFactor, 0.001)
        let decision = limiter.admit(
            "\(bot.id)/\(key)",
            .init(burst: burst * factor, perSecond: perSecond * factor),
            isEnforced: faults.rateLimits,
            isForced: call.injected.rateLimit,
            now: call.now
        )
        guard case .refused(let seconds, let isEarly) = decision else { return nil }
        var answer = APIAnswer(429, ["ok": false, "error": "ratelimited"], outcome: "ratelimited")
        answer.headers = [("Retry-After", String(Int(seconds)))]
        answer.isEarlySend = isEarly
        return answer
    }

    /// The channel that the arguments name; a user's id opens the direct conversation.
    private func slackChannel(
        _ arguments: [String: JSON],
        in workspace: inout SlackWorkspace,
        bot: EmulatedBot,
        mayBeUser: Bool
    ) -> Result<SlackWorkspace.Channel, SlackRefusal> {
        guard let given = arguments["channel"] else {
            return .failure(.init("invalid_arguments", "[ERROR] missing required field: channel"))
        }
        guard var id = given.string else {
            return .failure(.init("invalid_arguments", "[ERROR] must be a string [json-pointer:/channel]"))
        }
        if mayBeUser, workspace.users[id] != nil {
            let user = id
            id = Shape.slackID("D", from: "\(bot.id)/\(user)")
            if workspace.channels[id] == nil { workspace.channels[id] = .init(id: id, isDirect: true) }
        }
        guard let channel = workspace.channels[id] else { return .failure(.init("channel_not_found")) }
        return channel.isMember ? .success(channel) : .failure(.init("not_in_channel"))
    }
}

/// An `error` with what `response_metadata.messages` would say.
struct SlackRefusal: Error {
    let name: String
    let detail: String?
    init(_ name: String, _ detail: String? = nil) {
        self.name = name
        self.detail = detail
    }
}

func slackError(_ name: String, conversation: String? = nil, detail: String? = nil) -> APIAnswer {
    var body: JSON = ["ok": false, "error": JSON(name)]
    if let detail { body["response_metadata"] = ["messages": [JSON(detail)]] }
    return APIAnswer(200, body, outcome: name).about(conversation)
}

extension APIAnswer {
    func about(_ conversation: String?) -> APIAnswer {
        var answer = self
        answer.conversation = conversation
        return answer
    }
}
