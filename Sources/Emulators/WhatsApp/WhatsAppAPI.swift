import ParleyCore

extension WorldState {
    /// `/vNN.0/{phone_number_id}` and `/vNN.0/{phone_number_id}/messages`.
    mutating func whatsAppAnswer(_ call: APICall) -> APIAnswer {
        guard call.path.count >= 2, call.path[0].first == "v", call.path[0].hasSuffix(".0") else {
            return whatsAppError(404, 2500, "Unknown path components: /\(call.path.joined(separator: "/"))")
        }
        guard let token = call.authorization("Bearer"), !token.isEmpty else {
            return whatsAppError(401, 190, "An access token is required to request this resource.")
        }
        let owners = bots.filter { $0.channel == "whatsapp" && $0["access_token"] == token }
        guard !owners.isEmpty else {
            return whatsAppError(401, 190, "Invalid OAuth access token - Cannot parse access token")
        }
        guard let bot = owners.first(where: { $0["phone_number_id"] == call.path[1] }) else {
            return whatsAppError(
                400,
                100,
                "Unsupported \(call.method.lowercased()) request. Object with ID '\(call.path[1])' does not exist, "
                    + "cannot be loaded due to missing permissions, or does not support this operation"
            )
        }
        var answer: APIAnswer
        switch (call.method, call.path.dropFirst(2).first) {
        case ("GET", nil):
            answer = APIAnswer(
                200,
                [
                    "id": JSON(bot["phone_number_id"]), "verified_name": JSON(bot.name),
                    "display_phone_number": JSON("+" + bot["display_phone_number"]), "quality_rating": "GREEN",
                    "code_verification_status": "VERIFIED", "name_status": "APPROVED", "status": "CONNECTED",
                    "throughput": ["level": "STANDARD"],
                ]
            )
        case ("POST", "messages"): answer = whatsAppMessages(bot, call)
        default: answer = whatsAppError(404, 2500, "Unknown path components")
        }
        answer.bot = bot.id
        answer.operation =
            answer.operation.isEmpty ? (call.method == "GET" ? "GET number" : "messages") : answer.operation
        return answer
    }

    private mutating func whatsAppMessages(_ bot: EmulatedBot, _ call: APICall) -> APIAnswer {
        guard call.mediaType == "application/json", let body = try? JSON(parsing: call.body), body.object != nil else {
            return whatsAppError(400, 100, "(#100) Invalid parameter", details: "The body must be a JSON object.")
        }
        guard body["messaging_product"] == "whatsapp" else {
            return whatsAppError(400, 100, "(#100) The parameter messaging_product is required.")
        }
        return body["status"] == nil ? whatsAppSend(bot, body, call) : whatsAppRead(bot, body, call)
    }

    // MARK: Sending

    private mutating func whatsAppSend(_ bot: EmulatedBot, _ body: JSON, _ call: APICall) -> APIAnswer {
        guard let to = body["to"]?.string else {
            return whatsAppError(400, 100, "(#100) The parameter to is required.")
        }
        let (recipient, isWrong) = whatsAppRecipient(to, bot: bot)
        guard Shape.isDigits(recipient), recipient.utf8.count >= 8 else {
            return whatsAppError(400, 131_009, "(#131009) Parameter value is not valid", details: "to")
        }
        if let kind = body["recipient_type"], kind != "individual" {
            return whatsAppError(400, 100, "(#100) Param recipient_type must be one of {individual}").about(recipient)
        }
        if let data = body["biz_opaque_callback_data"] {
            guard let text = data.string, text.utf16.count <= 512 else {
                return whatsAppError(400, 100, "(#100) Param biz_opaque_callback_data must be at most 512 characters")
                    .about(recipient)
            }
        }
        if let context = body["context"], context["message_id"]?.string?.hasPrefix("wamid.") != true {
            return whatsAppError(400, 100, "(#100) Param context['message_id'] is not valid").about(recipient)
        }
        let content: (text: String, isTemplate: Bool)
        switch WhatsAppContent.read(body) {
        case .success(let read): content = read
        case .failure(let refusal):
            return whatsAppError(400, refusal.code, refusal.message, details: refusal.details).about(recipient)
        }
        if let refusal = whatsAppRefusal(bot, recipient, call) { return refusal.about(recipient) }

        let person = whatsApp[bot.id]?.people[recipient]
        if !isWrong, person == nil {
            return whatsAppError(400, 131_026, "(#131026) Message undeliverable", details: "Message Undeliverable.")
                .about(recipient)
        }
        if let person, !content.isTemplate, call.now.since(person.lastWroteAt) > .seconds(86_400) {
            return whatsAppError(
                400,
                131_047,
                "(#131047) Re-engagement message",
                details: "Message failed to send because more than 24 hours have passed since the customer last "
                    + "replied to this number."
            ).about(recipient)
        }
        let id = nextWamid()
        let callbackData = body["biz_opaque_callback_data"]?.string
        note(
            .outbound,
            bot: bot,
            conversation: recipient,
            thread: body["context"]?["message_id"]?.string,
            user: bot["display_phone_number"],
            text: content.text,
            markup: content.text,
            format: "whatsapp",
            messageID: id,
            deliveryID: callbackData,
            flag: isWrong ? "wrong_recipient" : nil,
            now: call.now
        )
        var answer = APIAnswer(
            200,
            [
                "messaging_product": "whatsapp", "contacts": [["input": JSON(to), "wa_id": JSON(recipient)]],
                "messages": [["id": JSON(id)]],
            ]
        )
        func status(_ name: String, _ delay: Duration, error: JSON? = nil) -> WebhookJob {
            whatsAppStatus(
                name,
                message: id,
                to: recipient,
                callbackData: callbackData,
                error: error,
                bot: bot,
                delay: delay,
                now: call.now
            )
        }
        if person == nil {
            let error: JSON = [
                "code": 131_026, "title": "Message undeliverable", "message": "Message undeliverable",
                "error_data": ["details": "Message Undeliverable."],
            ]
            answer.webhooks = [status("failed", .milliseconds(100), error: error)]
        } else {
            answer.webhooks = [
                status("sent", .milliseconds(50)), status("delivered", .milliseconds(150)),
                status("read", .milliseconds(400)),
            ]
        }
        return answer.about(recipient)
    }

    /// Meta, "Send messages": without the plus sign the business's own country code is put before the number.
    private func whatsAppRecipient(_ to: String, bot: EmulatedBot) -> (number: String, isWrong: Bool) {
        let kept = to.filter { !" -().".contains($0) }
        if kept.first == "+" { return (String(kept.dropFirst()), false) }
        return (bot["country_code"] + kept, true)
    }

    /// A read mark, and with it the typing indicator.
    private mutating func whatsAppRead(_ bot: EmulatedBot, _ body: JSON, _ call: APICall) -> APIAnswer {
        guard body["status"] == "read" else {
            return whatsAppError(400, 100, "(#100) Param status must be one of {read}")
        }
        guard let id = body["message_id"]?.string, let user = whatsApp[bot.id]?.inbound[id] else {
            return whatsAppError(400, 131_009, "(#131009) Parameter value is not valid", details: "message_id")
        }
        if let indicator = body["typing_indicator"] {
            guard indicator["type"] == "text" else {
                return whatsAppError(400, 100, "(#100) Param typing_indicator['type'] must be one of {text}").about(
                    user
                )
            }
            note(
                .typing,
                bot: bot,
                conversation: user,
                thread: id,
                user: bot["display_phone_number"],
                text: "typing",
                now: call.now
            )
        }
        var answer = APIAnswer(200, ["success": true]).about(user)
        answer.operation = "messages/read"
        return answer
    }

    // MARK: Limits

    /// 80 messages a second for the number; one every six seconds to one person, with a burst of 45.
    private mutating func whatsAppRefusal(_ bot: EmulatedBot, _ recipient: String, _ call: APICall) -> APIAnswer? {
        let faults = faults(of: "whatsapp")
        let factor = max(faults.rateFactor, 0.001)
        let pair = limiter.admit(
            "\(bot.id)/pair/\(recipient)",
            .init(burst: 45 * factor, perSecond: factor / 6, tellsWholeSeconds: false),
            isEnforced: faults.rateLimits,
            now: call.now
        )
        if case .refused = pair {
            return whatsAppError(
                400,
                131_056,
                "(#131056) (Business Account, Consumer Account) pair rate limit hit",
                details: "Message failed to send because there were too many messages sent from this phone number to "
                    + "the same phone number in a short period of time."
            )
        }
        let all = limiter.admit(
            "\(bot.id)/all",
            .init(burst: 80 * factor, perSecond: 80 * factor, tellsWholeSeconds: false),
            isEnforced: faults.rateLimits,
            now: call.now
        )
        // Meta tells no time to wait, so that nothing can be early, and a throw of the dice blocks nobody.
        guard call.injected.rateLimit || all != .admitted else { return nil }
        return whatsAppError(
            429,
            130_429,
            "(#130429) Rate limit hit",
            details: "Message failed to send because there were too many messages sent from this phone number in a "
                + "short period of time"
        )
    }
}

func whatsAppError(_ status: Int, _ code: Int, _ message: String, details: String? = nil) -> APIAnswer {
    var error: JSON = [
        "message": JSON(message), "type": "OAuthException", "code": JSON(code),
        "fbtrace_id": JSON("A" + String(SeededRandom.hash(message), radix: 36)),
    ]
    if let details { error["error_data"] = ["messaging_product": "whatsapp", "details": JSON(details)] }
    return APIAnswer(status, ["error": error], outcome: String(code))
}

/// The content of a message, checked as Meta checks it.
enum WhatsAppContent {
    struct Refusal: Error {
        let code: Int
        let message: String
        var details: String?
    }

    static func read(_ body: JSON) -> Result<(text: String, isTemplate: Bool), Refusal> {
        func missing(_ path: String) -> Result<(text: String, isTemplate: Bool), Refusal> {
            .failure(.init(code: 100, message: "(#100) The parameter \(path) is required."))
        }
        switch body["type"]?.string ?? "text" {
        case "text":
            guard let text = body["text"]?["body"]?.string else { return missing("text['body']") }
            if let preview = body["text"]?["preview_url"], preview.bool == nil {
                return .failure(.init(code: 100, message: "(#100) Param text['preview_url'] must be a boolean"))
            }
            return checked(text, "text['body']", 4096)
        case "reaction":
            guard body["reaction"]?["message_id"]?.string != nil else { return missing("reaction['message_id']") }
            return .success((body["reaction"]?["emoji"]?.string ?? "", false))
        case "interactive":
            guard let text = body["interactive"]?["body"]?["text"]?.string else {
                return missing("interactive['body']['text']")
            }
            let buttons = body["interactive"]?["action"]?["buttons"]?.array ?? []
            guard buttons.count <= 3 else {
                return .failure(
                    .init(code: 131_009, message: "(#131009) Parameter value is not valid", details: "buttons")
                )
            }
            return checked(text, "interactive['body']['text']", body["interactive"]?["type"] == "list" ? 4096 : 1024)
        case "template":
            guard let name = body["template"]?["name"]?.string, body["template"]?["language"]?["code"]?.string != nil
            else { return missing("template['name'] and template['language']['code']") }
            return .success(("[template \(name)]", true))
        case let other:
            return .failure(
                .init(code: 131_051, message: "(#131051) Unsupported message type", details: "type \(other)")
            )
        }
    }

    private static func checked(
        _ text: String,
        _ path: String,
        _ maximum: Int
    ) -> Result<(text: String, isTemplate: Bool), Refusal> {
        guard (1...maximum).contains(text.utf16.count) else {
            return .failure(
                .init(code: 100, message: "(#100) Param \(path) must be between 1 and \(maximum) characters long.")
            )
        }
        return .success((text, false))
    }
}
