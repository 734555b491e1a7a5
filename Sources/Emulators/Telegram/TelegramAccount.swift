import ParleyCore

/// One Telegram bot and the chats that it has.
struct TelegramAccount: Sendable {
    struct Message: Sendable {
        let id: Int64
        let isFromBot: Bool
        var text: String
        var markup: String
    }

    struct Chat: Sendable {
        let id: Int64
        let json: JSON
        var nextMessageID: Int64 = 1
        var messages: [Int64: Message] = [:]

        var isPrivate: Bool { id > 0 }
    }

    var chats: [Int64: Chat] = [:]
    var nextUpdateID: Int64
    var allowedUpdates: [String]?
    var maxConnections: Int64 = 40
    var webhookSetAt: Timestamp?
    var pending = 0
    var lastError: (at: Timestamp, message: String)?
}

extension WorldState {
    mutating func makeTelegramBot(_ bot: inout EmulatedBot) {
        let id = String(7_000_000_000 + random.next() % 900_000_000)
        bot.credentials = ["bot_token": "\(id):AA" + random.text(33, of: Alphabet.token)]
        let letters = bot.name.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        bot.hidden = ["user_id": id, "username": (letters.isEmpty ? "parley" : String(letters.prefix(24))) + "_bot"]
        telegram[bot.id] = TelegramAccount(nextUpdateID: Int64(100_000_000 + random.next() % 800_000_000))
    }

    /// The bot's user as Telegram shows it; the id follows from the token, as in life.
    func telegramUser(_ bot: EmulatedBot) -> JSON {
        let id = bot["bot_token"].split(separator: ":").first.flatMap { Int64($0) } ?? 0
        return ["id": JSON(id), "is_bot": true, "first_name": JSON(bot.name), "username": JSON(bot["username"])]
    }

    mutating func telegramSay(
        _ message: EmulatedUserMessage,
        to bot: EmulatedBot,
        now: Timestamp
    ) throws -> (EmulatedPost, [WebhookJob]) {
        guard message.text.utf16.count <= 4096, !message.text.isEmpty else {
            throw EmulatorError.invalid("a Telegram message has 1 to 4096 characters")
        }
        // Taken out while it changes, so that nothing is copied.
        var account = telegram.removeValue(forKey: bot.id) ?? TelegramAccount(nextUpdateID: 1)
        let user = Shape.telegramUser(from: message.user.id)
        let name = message.user.name.isEmpty ? "Someone" : message.user.name
        let username = "u\(user)"
        let isRoom = message.isRoom && message.conversation != nil
        let chatID = isRoom ? Shape.telegramGroup(from: message.conversation ?? "") : user
        let chatJSON: JSON =
            isRoom
            ? ["id": JSON(chatID), "type": "supergroup", "title": JSON(message.conversation ?? "")]
            : ["id": JSON(chatID), "type": "private", "first_name": JSON(name), "username": JSON(username)]
        var chat = account.chats.removeValue(forKey: chatID) ?? .init(id: chatID, json: chatJSON)
        let id = chat.nextMessageID
        chat.nextMessageID += 1

        let mention = "@\(bot["username"])"
        let text = isRoom && message.mention ? "\(mention) \(message.text)" : message.text
        var entities: [JSON] = []
        if isRoom && message.mention {
            entities.append(["type": "mention", "offset": 0, "length": JSON(mention.utf16.count)])
        } else if text.hasPrefix("/") {
            let command = text.prefix { !$0.isWhitespace }
            entities.append(["type": "bot_command", "offset": 0, "length": JSON(command.utf16.count)])
        }
        var json: JSON = [
            "message_id": JSON(id),
            "from": [
                "id": JSON(user), "is_bot": false, "first_name": JSON(name), "username": JSON(username),
                "language_code": "en",
            ],
            "chat": chatJSON, "date": JSON(now.seconds), "text": JSON(text),
        ]
        if !entities.isEmpty { json["entities"] = .array(entities) }
        if let answered = message.threadOf.flatMap({ Int64($0) }), let earlier = chat.messages[answered] {
            json["reply_to_message"] = [
                "message_id": JSON(answered), "chat": chatJSON, "date": JSON(now.seconds), "text": JSON(earlier.text),
                "from": earlier.isFromBot ? telegramUser(bot) : json["from"] ?? nil,
            ]
        }
        chat.messages[id] = .init(id: id, isFromBot: false, text: text, markup: text)
        account.chats[chatID] = chat
        let updateID = account.nextUpdateID
        account.nextUpdateID += 1
        var jobs: [WebhookJob] = []
        if account.allowedUpdates.map({ $0.isEmpty || $0.contains("message") }) ?? true {
            account.pending += 1
            jobs.append(
                WebhookJob(
                    platform: .telegram,
                    bot: bot.id,
                    name: "message",
                    eventID: String(updateID),
                    conversation: String(chatID),
                    body: (["update_id": JSON(updateID), "message": json] as JSON).encoded(),
                    epoch: epoch,
                    at: now
                )
            )
        }
        telegram[bot.id] = account
        let entry = note(
            .inbound,
            bot: bot,
            conversation: String(chatID),
            thread: message.threadOf,
            user: String(user),
            text: text,
            messageID: String(id),
            now: now
        )
        let post = EmulatedPost(
            channel: bot.channel,
            bot: bot.id,
            conversation: String(chatID),
            thread: message.threadOf,
            user: String(user),
            messageID: String(id),
            eventIDs: jobs.map(\.eventID),
            sequence: entry.sequence
        )
        return (post, jobs)
    }

    // MARK: What became of a webhook

    mutating func telegramDelivered(_ job: WebhookJob) {
        guard let pending = telegram[job.bot]?.pending else { return }
        telegram[job.bot]?.pending = max(0, pending - 1)
    }

    /// Notes failures for `getWebhookInfo`; an answer that names a method is a call.
    mutating func telegramAnswered(_ job: WebhookJob, status: Int, body: JSON?, now: Timestamp) -> APICall? {
        guard (200..<300).contains(status) else {
            let message = status == 0 ? "Connection timed out" : "Wrong response from the webhook: \(status)"
            telegram[job.bot]?.lastError = (now, message)
            return nil
        }
        guard let body, let method = body["method"]?.string, let bot = bot(job.bot, channel: nil) else { return nil }
        return APICall(
            method: "POST",
            path: ["bot\(bot["bot_token"])", method],
            query: [],
            headers: ["content-type": "application/json"],
            body: body.encoded(),
            now: now,
            injected: InjectedFault()
        )
    }
}
