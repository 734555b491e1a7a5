import ParleyCore

extension WorldState {
    /// `/bot<token>/<method>`; method names are compared without case.
    mutating func telegramAnswer(_ call: APICall) -> APIAnswer {
        guard call.path.count == 2, call.path[0].hasPrefix("bot"), call.method == "POST" || call.method == "GET" else {
            return telegramError(404, "Not Found")
        }
        let token = String(call.path[0].dropFirst(3))
        let method = call.path[1]
        guard let index = bots.firstIndex(where: { $0.channel == "telegram" && $0["bot_token"] == token }) else {
            // A token of the wrong shape is no path at all.
            let pieces = token.split(separator: ":")
            let hasShape = pieces.count == 2 && pieces.first.map { Shape.isDigits(String($0)) } == true
            return hasShape ? telegramError(401, "Unauthorized") : telegramError(404, "Not Found")
        }
        let bot = bots[index]
        var answer: APIAnswer
        switch telegramArguments(call) {
        case .failure(let refusal): answer = telegramError(400, refusal.reason)
        case .success(let arguments):
            switch method.lowercased() {
            case "getme": answer = telegramMe(bot)
            case "setwebhook": answer = telegramSetWebhook(at: index, arguments, call)
            case "deletewebhook": answer = telegramDeleteWebhook(at: index, arguments)
            case "getwebhookinfo": answer = telegramWebhookInfo(bot)
            case "sendmessage": answer = telegramSend(bot, arguments, call)
            case "editmessagetext": answer = telegramEdit(bot, arguments, call)
            case "sendchataction": answer = telegramAction(bot, arguments, call)
            case "answercallbackquery":
                answer = telegramError(
                    400,
                    "Bad Request: query is too old and response timeout expired or query ID is invalid"
                )
            default: answer = telegramError(404, "Not Found")
            }
        }
        answer.bot = bot.id
        answer.operation = method
        return answer
    }

    // MARK: Sending

    private mutating func telegramSend(_ bot: EmulatedBot, _ arguments: [String: JSON], _ call: APICall) -> APIAnswer {
        guard let chatID = telegramChatID(arguments["chat_id"]), var chat = telegram[bot.id]?.chats[chatID] else {
            return telegramError(
                400,
                arguments["chat_id"] == nil ? "Bad Request: chat_id is empty" : "Bad Request: chat not found"
            )
        }
        let conversation = String(chatID)
        let content: TelegramContent
        switch TelegramContent.read(arguments) {
        case .success(let read): content = read
        case .failure(let refusal): return telegramError(400, refusal.reason).about(conversation)
        }
        var answered: Int64?
        if let parameters = arguments["reply_parameters"] {
            guard let id = parameters["message_id"]?.int else {
                return telegramError(400, "Bad Request: can't parse reply parameters").about(conversation)
            }
            if chat.messages[id] != nil {
                answered = id
            } else if parameters["allow_sending_without_reply"]?.bool != true {
                return telegramError(400, "Bad Request: message to be replied not found").about(conversation)
            }
        }
        if let thread = arguments["message_thread_id"], thread.int != nil {
            return telegramError(400, "Bad Request: message thread not found").about(conversation)
        }
        if let refusal = telegramRefusal(bot, chatID, call) { return refusal.about(conversation) }
        let id = chat.nextMessageID
        chat.nextMessageID += 1
        chat.messages[id] = .init(id: id, isFromBot: true, text: content.plain, markup: content.markup)
        if chat.messages.count > 4000 { chat.messages = chat.messages.filter { $0.key > id - 2000 } }
        telegram[bot.id]?.chats[chatID] = chat
        note(
            .outbound,
            bot: bot,
            conversation: conversation,
            thread: answered.map(String.init),
            user: bot["user_id"],
            text: content.plain,
            markup: content.markup,
            format: content.format,
            messageID: String(id),
            now: call.now
        )
        return telegramResult(telegramMessage(id, content, chat, bot, call.now)).about(conversation)
    }

    private mutating func telegramEdit(_ bot: EmulatedBot, _ arguments: [String: JSON], _ call: APICall) -> APIAnswer {
        guard let chatID = telegramChatID(arguments["chat_id"]), let chat = telegram[bot.id]?.chats[chatID] else {
            return telegramError(400, "Bad Request: chat not found")
        }
        let conversation = String(chatID)
        guard let id = arguments["message_id"]?.text.flatMap({ Int64($0) }), let earlier = chat.messages[id] else {
            return telegramError(400, "Bad Request: message to edit not found").about(conversation)
        }
        guard earlier.isFromBot else {
            return telegramError(400, "Bad Request: message can't be edited").about(conversation)
        }
        let content: TelegramContent
        switch TelegramContent.read(arguments) {
        case .success(let read): content = read
        case .failure(let refusal): return telegramError(400, refusal.reason).about(conversation)
        }
        guard content.markup != earlier.markup else {
            return telegramError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                    + "same as a current content and reply markup of the message"
            ).about(conversation)
        }
        if let refusal = telegramRefusal(bot, chatID, call) { return refusal.about(conversation) }
        telegram[bot.id]?.chats[chatID]?.messages[id]?.text = content.plain
        telegram[bot.id]?.chats[chatID]?.messages[id]?.markup = content.markup
        note(
            .outbound,
            bot: bot,
            conversation: conversation,
            user: bot["user_id"],
            text: content.plain,
            markup: content.markup,
            format: content.format,
            messageID: String(id),
            isEdit: true,
            now: call.now
        )
        var message = telegramMessage(id, content, chat, bot, call.now)
        message["edit_date"] = JSON(call.now.seconds)
        return telegramResult(message).about(conversation)
    }

    private mutating func telegramAction(
        _ bot: EmulatedBot,
        _ arguments: [String: JSON],
        _ call: APICall
    ) -> APIAnswer {
        guard let chatID = telegramChatID(arguments["chat_id"]), telegram[bot.id]?.chats[chatID] != nil else {
            return telegramError(400, "Bad Request: chat not found")
        }
        let actions: Set<String> = [
            "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
            "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
        ]
        guard let action = arguments["action"]?.string, actions.contains(action) else {
            return telegramError(400, "Bad Request: wrong parameter action in request").about(String(chatID))
        }
        note(.typing, bot: bot, conversation: String(chatID), user: bot["user_id"], text: action, now: call.now)
        return telegramResult(true).about(String(chatID))
    }

    // MARK: Limits

    /// One message a second in a chat, twenty a minute in a group, thirty a second over all; short bursts are let through.
    private mutating func telegramRefusal(_ bot: EmulatedBot, _ chat: Int64, _ call: APICall) -> APIAnswer? {
        let faults = faults(of: "telegram")
        let factor = max(faults.rateFactor, 0.001)
        let own: RateLimiter.Rule =
            chat < 0
            ? .init(burst: 20 * factor, perSecond: factor / 3) : .init(burst: 5 * factor, perSecond: factor)
        var decision = limiter.admit(
            "\(bot.id)/\(chat)",
            own,
            isEnforced: faults.rateLimits,
            isForced: call.injected.rateLimit,
            now: call.now
        )
        if decision == .admitted {
            decision = limiter.admit(
                "\(bot.id)/all",
                .init(burst: 30 * factor, perSecond: 30 * factor),
                isEnforced: faults.rateLimits,
                now: call.now
            )
        }
        guard case .refused(let seconds, let isEarly) = decision else { return nil }
        return telegramTooMany(Int(seconds), isEarly: isEarly)
    }

    private func telegramMessage(
        _ id: Int64,
        _ content: TelegramContent,
        _ chat: TelegramAccount.Chat,
        _ bot: EmulatedBot,
        _ now: Timestamp
    ) -> JSON {
        .object(present: [
            "message_id": JSON(id), "from": telegramUser(bot), "chat": chat.json, "date": JSON(now.seconds),
            "text": JSON(content.plain), "entities": content.entities,
        ])
    }
}

func telegramResult(_ result: JSON, description: String? = nil) -> APIAnswer {
    APIAnswer(200, .object(present: ["ok": true, "result": result, "description": description.map { JSON($0) }]))
}

func telegramError(_ code: Int, _ description: String) -> APIAnswer {
    APIAnswer(
        code,
        ["ok": false, "error_code": JSON(code), "description": JSON(description)],
        outcome: description
    )
}

func telegramTooMany(_ seconds: Int, isEarly: Bool) -> APIAnswer {
    var answer = telegramError(429, "Too Many Requests: retry after \(seconds)")
    answer.outcome = "too_many_requests"
    answer.body?["parameters"] = ["retry_after": JSON(seconds)]
    answer.headers = [("Retry-After", String(seconds))]
    answer.isEarlySend = isEarly
    return answer
}

func telegramChatID(_ value: JSON?) -> Int64? {
    value?.int ?? value?.string.flatMap { Int64($0) }
}

/// The parameters from the query and the body, in JSON or as a form.
func telegramArguments(_ call: APICall) -> Result<[String: JSON], TelegramHTML.Failure> {
    var arguments: [String: JSON] = [:]
    for field in call.query { arguments[field.name] = JSON(field.value) }
    guard !call.body.isEmpty else { return .success(arguments) }
    switch call.mediaType {
    case "application/json":
        guard let object = (try? JSON(parsing: call.body))?.object else {
            return .failure(.init(reason: "Bad Request: can't parse request body as JSON object"))
        }
        for member in object.members { arguments[member.key] = member.value.isNull ? nil : member.value }
    case "application/x-www-form-urlencoded":
        for field in Form.decode(String(decoding: call.body, as: UTF8.self)) {
            let isJSON = ["entities", "reply_parameters", "link_preview_options", "allowed_updates"].contains(
                field.name
            )
            arguments[field.name] = (isJSON ? try? JSON(parsing: field.value) : nil) ?? JSON(field.value)
        }
    default: return .failure(.init(reason: "Bad Request: unsupported content type"))
    }
    return .success(arguments)
}

/// The text of a message, checked as Telegram checks it.
struct TelegramContent {
    var markup = ""
    var plain = ""
    var format = "plain"
    var entities: JSON?

    static func read(_ arguments: [String: JSON]) -> Result<TelegramContent, TelegramHTML.Failure> {
        guard let text = arguments["text"]?.string else {
            return .failure(.init(reason: "Bad Request: message text is empty"))
        }
        var content = TelegramContent(markup: text, plain: text)
        do throws(TelegramHTML.Failure) {
            switch arguments["parse_mode"]?.string?.lowercased() {
            case nil, "": break
            case "html":
                content.format = "HTML"
                content.plain = try TelegramHTML.plainText(of: text)
            case "markdownv2":
                content.format = "MarkdownV2"
                content.plain = try TelegramMarkdown.plainText(of: text)
            case "markdown": content.format = "Markdown"
            default: return .failure(.init(reason: "Bad Request: unsupported parse_mode"))
            }
        } catch {
            return .failure(.init(reason: "Bad Request: can't parse entities: \(error.reason)"))
        }
        if content.format == "plain", let entities = arguments["entities"] {
            guard let list = entities.array, list.allSatisfy({ isRight($0, in: text.utf16.count) }) else {
                return .failure(.init(reason: "Bad Request: can't parse entities: ENTITY_BOUNDS_INVALID"))
            }
            content.format = "entities"
            content.entities = entities
        }
        guard !content.plain.trimmed.isEmpty else {
            return .failure(.init(reason: "Bad Request: message text is empty"))
        }
        // Bot API, sendMessage: 1–4096 characters after entities parsing; UTF-16 units as in its entities.
        guard content.plain.utf16.count <= 4096 else {
            return .failure(.init(reason: "Bad Request: message is too long"))
        }
        if let options = arguments["link_preview_options"], options.object == nil {
            return .failure(.init(reason: "Bad Request: can't parse link preview options"))
        }
        return .success(content)
    }

    private static func isRight(_ entity: JSON, in count: Int) -> Bool {
        guard entity["type"]?.string != nil, let offset = entity["offset"]?.int, let length = entity["length"]?.int,
            offset >= 0, length > 0, offset <= count, length <= count
        else { return false }
        return offset + length <= Int64(count)
    }
}
