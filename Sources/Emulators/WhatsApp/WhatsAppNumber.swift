import ParleyCore

/// One business phone number.
struct WhatsAppNumber: Sendable {
    struct Person: Sendable {
        var name: String
        /// Opens the 24-hour window.
        var lastWroteAt: Timestamp
    }

    /// By number without the plus sign.
    var people: [String: Person] = [:]
    /// Who wrote which message.
    var inbound: [String: String] = [:]
}

extension WorldState {
    mutating func makeWhatsAppBot(_ bot: inout EmulatedBot) {
        bot.credentials = [
            "phone_number_id": "1" + random.text(14, of: Alphabet.digits),
            "access_token": "EAA" + random.text(120, of: Alphabet.word),
            "app_secret": random.text(32, of: Alphabet.hex), "verify_token": random.text(24, of: Alphabet.word),
        ]
        bot.hidden = [
            "display_phone_number": "1555" + random.text(7, of: Alphabet.digits), "country_code": "1",
            "waba_id": "1" + random.text(14, of: Alphabet.digits),
        ]
        whatsApp[bot.id] = WhatsAppNumber()
    }

    /// WhatsApp has no rooms: a message to one goes to the user's own conversation.
    mutating func whatsAppSay(
        _ message: EmulatedUserMessage,
        to bot: EmulatedBot,
        now: Timestamp
    ) -> (EmulatedPost, [WebhookJob]) {
        let user = Shape.phone(from: message.user.id)
        let id = nextWamid()
        // Taken out while it changes, so that nothing is copied.
        var number = whatsApp.removeValue(forKey: bot.id) ?? WhatsAppNumber()
        number.people[user] = .init(name: message.user.name, lastWroteAt: now)
        if number.inbound.count > 20_000 { number.inbound = [:] }
        number.inbound[id] = user
        whatsApp[bot.id] = number
        var json: JSON = [
            "from": JSON(user), "from_user_id": JSON(bsuid(user)), "id": JSON(id), "timestamp": JSON("\(now.seconds)"),
            "type": "text", "text": ["body": JSON(message.text)],
        ]
        if let answered = message.threadOf {
            json["context"] = ["from": JSON(bot["display_phone_number"]), "id": JSON(answered)]
        }
        let value: JSON = [
            "messaging_product": "whatsapp", "metadata": whatsAppMetadata(bot),
            "contacts": [
                [
                    "profile": ["name": JSON(message.user.name)], "wa_id": JSON(user), "user_id": JSON(bsuid(user)),
                ]
            ],
            "messages": [json],
        ]
        let job = whatsAppWebhook(value, bot: bot, name: "message", eventID: id, conversation: user, now: now)
        let entry = note(
            .inbound,
            bot: bot,
            conversation: user,
            thread: message.threadOf,
            user: user,
            text: message.text,
            messageID: id,
            now: now
        )
        let post = EmulatedPost(
            channel: bot.channel,
            bot: bot.id,
            conversation: user,
            thread: message.threadOf,
            user: user,
            messageID: id,
            eventIDs: [id],
            sequence: entry.sequence
        )
        return (post, [job])
    }

    mutating func nextWamid() -> String { "wamid.HBgL" + random.text(40, of: Alphabet.word) + "==" }

    private func bsuid(_ user: String) -> String {
        var random = SeededRandom(seed: SeededRandom.hash(user))
        return "DE." + random.text(20, of: Alphabet.digits)
    }

    // MARK: Webhooks

    /// What became of a message: "sent", "delivered", "read", or "failed" with an error.
    func whatsAppStatus(
        _ status: String,
        message: String,
        to user: String,
        callbackData: String?,
        error: JSON? = nil,
        bot: EmulatedBot,
        delay: Duration,
        now: Timestamp
    ) -> WebhookJob {
        let json: JSON = .object(present: [
            "id": JSON(message), "status": JSON(status), "timestamp": JSON("\(now.seconds)"),
            "recipient_id": JSON(user), "recipient_user_id": error == nil ? JSON(bsuid(user)) : nil,
            "biz_opaque_callback_data": callbackData.map { JSON($0) },
            "pricing": status == "sent"
                ? ["billable": true, "pricing_model": "PMP", "type": "regular", "category": "service"] : nil,
            "errors": error.map { [$0] },
        ])
        let value: JSON = .object(present: [
            "messaging_product": "whatsapp", "metadata": whatsAppMetadata(bot),
            "contacts": error == nil ? [["wa_id": JSON(user), "user_id": JSON(bsuid(user))]] : nil,
            "statuses": [json],
        ])
        var job = whatsAppWebhook(
            value,
            bot: bot,
            name: "status_\(status)",
            eventID: "\(message)/\(status)",
            conversation: user,
            now: now
        )
        job.delay = delay
        return job
    }

    private func whatsAppMetadata(_ bot: EmulatedBot) -> JSON {
        [
            "display_phone_number": JSON(bot["display_phone_number"]),
            "phone_number_id": JSON(bot["phone_number_id"]),
        ]
    }

    private func whatsAppWebhook(
        _ value: JSON,
        bot: EmulatedBot,
        name: String,
        eventID: String,
        conversation: String,
        now: Timestamp
    ) -> WebhookJob {
        let body: JSON = [
            "object": "whatsapp_business_account",
            "entry": [["id": JSON(bot["waba_id"]), "changes": [["value": value, "field": "messages"]]]],
        ]
        return WebhookJob(
            platform: .whatsapp,
            bot: bot.id,
            name: name,
            eventID: eventID,
            conversation: conversation,
            body: body.encodedInASCII(),
            epoch: epoch,
            at: now
        )
    }

    mutating func whatsAppHandshake(_ bot: EmulatedBot, now: Timestamp) -> WebhookJob {
        WebhookJob(
            kind: .handshake,
            platform: .whatsapp,
            bot: bot.id,
            name: "verification",
            eventID: random.text(10, of: Alphabet.digits),
            conversation: "",
            body: [],
            epoch: epoch,
            at: now
        )
    }
}
