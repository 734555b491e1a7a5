import ParleyCore

// Telegram's methods about the bot itself.
extension WorldState {
    func telegramMe(_ bot: EmulatedBot) -> APIAnswer {
        var me = telegramUser(bot)
        me["can_join_groups"] = true
        // Privacy mode is off, so that rooms work as on the other platforms.
        me["can_read_all_group_messages"] = true
        me["supports_inline_queries"] = false
        return telegramResult(me)
    }

    mutating func telegramSetWebhook(at index: Int, _ arguments: [String: JSON], _ call: APICall) -> APIAnswer {
        let bot = bots[index]
        guard let url = arguments["url"]?.string else { return telegramError(400, "Bad Request: url is empty") }
        guard !url.isEmpty else { return telegramDeleteWebhook(at: index, arguments) }
        if let secret = arguments["secret_token"] {
            guard let text = secret.string, text.utf8.count <= 256, text.allSatisfy({ Alphabet.token.contains($0) })
            else {
                return telegramError(400, "Bad Request: secret token contains unallowed characters")
            }
        }
        // As with one's own Bot API server, plain HTTP is allowed to this machine.
        let isLocal = ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains { url.hasPrefix($0) }
        guard url.hasPrefix("https://") || isLocal else {
            return telegramError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        }
        if let connections = arguments["max_connections"] {
            guard let count = connections.int, (1...100).contains(count) else {
                return telegramError(400, "Bad Request: max_connections must be between 1 and 100")
            }
            telegram[bot.id]?.maxConnections = count
        }
        if let last = telegram[bot.id]?.webhookSetAt, call.now.since(last) < .seconds(1),
            faults(of: "telegram").rateLimits
        {
            return telegramTooMany(1, isEarly: false)
        }
        if let allowed = arguments["allowed_updates"] {
            guard let names = allowed.array else {
                return telegramError(400, "Bad Request: can't parse allowed updates")
            }
            telegram[bot.id]?.allowedUpdates = names.compactMap(\.string)
        }
        if arguments["drop_pending_updates"]?.bool == true { telegramDropPending(bot) }
        telegram[bot.id]?.webhookSetAt = call.now
        telegram[bot.id]?.lastError = nil
        bots[index].webhookURL = url
        bots[index].hidden["webhook_secret"] = arguments["secret_token"]?.string ?? ""
        return telegramResult(true, description: "Webhook was set")
    }

    mutating func telegramDeleteWebhook(at index: Int, _ arguments: [String: JSON]) -> APIAnswer {
        let wasSet = bots[index].webhookURL != nil
        bots[index].webhookURL = nil
        if arguments["drop_pending_updates"]?.bool == true { telegramDropPending(bots[index]) }
        return telegramResult(true, description: wasSet ? "Webhook was deleted" : "Webhook is already deleted")
    }

    func telegramWebhookInfo(_ bot: EmulatedBot) -> APIAnswer {
        let account = telegram[bot.id]
        return telegramResult(
            .object(present: [
                "url": JSON(bot.webhookURL ?? ""), "has_custom_certificate": false,
                "pending_update_count": JSON(account?.pending ?? 0),
                "last_error_date": account?.lastError.map { JSON($0.at.seconds) },
                "last_error_message": account?.lastError.map { JSON($0.message) },
                "max_connections": JSON(account?.maxConnections ?? 40),
                "allowed_updates": account?.allowedUpdates.map { .array($0.map { JSON($0) }) },
                "ip_address": bot.webhookURL == nil ? nil : "127.0.0.1",
            ])
        )
    }

    private mutating func telegramDropPending(_ bot: EmulatedBot) {
        telegram[bot.id]?.pending = 0
        for key in telegramQueues.keys where key.hasPrefix("\(bot.id)/") { telegramQueues[key]?.jobs = [] }
    }
}
