import ChannelKit
import ParleyCore

/// The Bot API's answer to a call: `{"ok", "result"}` or `{"ok", "error_code", "description", "parameters"}`.
struct TelegramAnswer {
    let status: Int
    let json: JSON?
    private let retryAfterHeader: String?

    init(_ answer: HTTPAnswer) {
        status = answer.status
        json = answer.json
        retryAfterHeader = answer.header("retry-after")
    }

    var result: JSON? { json?["ok"]?.bool == true ? json?["result"] : nil }

    /// Telegram's words, which hold no secret.
    var description: String {
        (json?["description"]?.string ?? "HTTP \(status)").clipped(toUTF8: 300)
    }

    /// A refusal of Telegram's own, not a proxy's page.
    var isTelegrams: Bool { json?["ok"]?.bool == false }

    /// "In case of exceeding flood control, the number of seconds left to wait" (Bot API, ResponseParameters).
    var retryAfter: Duration? {
        let seconds = json?["parameters"]?["retry_after"]?.int ?? retryAfterHeader.flatMap { Int64($0) }
        return seconds.map { .seconds(min(max($0, 0), 86_400)) }
    }

    func says(_ words: String...) -> Bool {
        let description = description.lowercased()
        return words.contains { description.contains($0) }
    }
}

extension Verdict {
    /// What a `sendMessage` came to.
    init(telegram answer: HTTPAnswer, to delivery: OutgoingDelivery) {
        let answer = TelegramAnswer(answer)
        switch answer.status {
        case 200..<300:
            self =
                answer.result.map { .delivered(DeliveryReceipt(platformMessageID: $0["message_id"]?.text)) }
                ?? .uncertain(reason: "an answer that is not Telegram's")
        case 429: self = .retry(after: answer.retryAfter, scope: .conversation, reason: answer.description)
        case 500...: self = .uncertain(reason: answer.description)
        case _ where !answer.isTelegrams:
            // A proxy on the way: nothing has reached Telegram, and nothing else will for now.
            self = .retry(after: .seconds(60), scope: .integration, reason: answer.description)
        case 400: self = .init(refused: answer, delivery)
        case 401, 404: self = .dead(reason: answer.description, scope: .integration)
        default: self = .dead(reason: answer.description, scope: .delivery)
        }
    }

    /// Telegram tells most things apart by words alone.
    private init(refused answer: TelegramAnswer, _ delivery: OutgoingDelivery) {
        let address = delivery.address
        if let chat = answer.json?["parameters"]?["migrate_to_chat_id"]?.int {
            // Messages have other ids there.
            self = .moved(to: address.with("chat_id", .integer(chat)).with("reply_to", nil), reason: answer.description)
        } else if answer.says("message is not modified") {
            self = .delivered(DeliveryReceipt(platformMessageID: nil, wasRepeat: true))
        } else if answer.says("can't parse entities", "entity_bounds_invalid"), !delivery.usesPlainText {
            self = .formattingRejected(reason: answer.description)
        } else if answer.says("message thread not found"), address["message_thread_id"] != nil {
            self = .moved(to: address.with("message_thread_id", nil), reason: answer.description)
        } else if answer.says("message to be replied not found", "replied message not found"),
            address["reply_to"] != nil
        {
            self = .moved(to: address.with("reply_to", nil), reason: answer.description)
        } else {
            self = .dead(reason: answer.description, scope: .delivery)
        }
    }
}

extension JSON {
    fileprivate func with(_ key: String, _ value: JSON?) -> JSON {
        var copy = self
        copy[key] = value
        return copy
    }
}
