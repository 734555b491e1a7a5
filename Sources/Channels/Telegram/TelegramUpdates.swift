import ChannelKit
import ParleyCore

/// One update, on its way to become one event or none.
///
/// A failing update blocks its chat's queue for a day (Telegram resends until it gets a 2xx), so whatever cannot be
/// read is acknowledged and counted, never refused.
struct TelegramUpdate {
    private let update: JSON
    private let receivedAt: Timestamp
    private let bot: TelegramBot

    init(_ update: JSON, receivedAt: Timestamp, bot: TelegramBot) {
        self.update = update
        self.receivedAt = receivedAt
        self.bot = bot
    }

    var reading: WebhookReading {
        guard let id = update["update_id"]?.int else { return .ignoring("malformed_update") }
        if let message = update["message"] { return read(message, updateID: id) }
        if let query = update["callback_query"] { return read(callback: query, updateID: id) }
        return .ignoring(otherKind)
    }

    /// The kinds that Telegram documents (Bot API 10.3), so that a counter's labels stay few whatever arrives.
    private var otherKind: String {
        let kinds: Set = [
            "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
            "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction",
            "message_reaction_count", "inline_query", "chosen_inline_result", "shipping_query", "pre_checkout_query",
            "purchased_paid_media", "poll", "poll_answer", "my_chat_member", "chat_member", "chat_join_request",
            "chat_boost", "removed_chat_boost", "managed_bot", "subscription", "message_generation_stopped",
        ]
        return update.object?.members.first { kinds.contains($0.key) }?.key ?? "unknown_update"
    }
}

// MARK: Messages

extension TelegramUpdate {
    private func read(_ message: JSON, updateID: Int64) -> WebhookReading {
        guard let chat = TelegramChat(message),
            let messageID = message["message_id"]?.int,
            let date = message["date"]?.int
        else { return .ignoring("malformed_update") }
        if let reason = reasonToIgnore(message) { return .ignoring(reason) }
        let sender =
            message.telegramMask.flatMap { InboundEvent.Sender(telegramChat: $0) }
            ?? InboundEvent.Sender(telegram: message["from"], contact: message["contact"])
        guard let sender else { return .ignoring("without_sender") }

        let text = TelegramText(message, bot: bot)
        if text.isForAnotherBot { return .ignoring("other_bot_command") }
        let attachments = InboundEvent.Attachment.all(in: message)
        if text.isEmpty, attachments.isEmpty { return .ignoring("service_message") }

        let event = InboundEvent(
            kind: .message,
            dedupeKey: "update:\(updateID)",
            conversationKey: chat.conversationKey,
            position: updateID,
            occurredAt: Timestamp(seconds: date),
            sender: sender,
            text: text.said,
            attachments: attachments,
            isDirect: chat.isPrivate,
            isAddressed: chat.isPrivate || text.addressesUs || isReplyToUs(message),
            platformMessageID: String(messageID),
            replyAddress: chat.address(replyingTo: messageID)
        )
        return WebhookReading(events: [event])
    }

    private func reasonToIgnore(_ message: JSON) -> String? {
        if bot.isSelf(message["from"]) || bot.isSelf(message["via_bot"]) { return "own_echo" }
        if message["from"]?["is_bot"]?.bool == true, message.telegramMask == nil { return "from_bot" }
        // A linked channel's post, copied into its discussion group: nobody wrote to us.
        if message["is_automatic_forward"]?.bool == true { return "automatic_forward" }
        return nil
    }

    private func isReplyToUs(_ message: JSON) -> Bool {
        guard let original = message["reply_to_message"] else { return false }
        // Every message of a forum topic "replies" to the one that opened the topic, which may be ours.
        return bot.isSelf(original["from"]) && original["forum_topic_created"] == nil
    }
}

// MARK: Buttons

extension TelegramUpdate {
    private func read(callback query: JSON, updateID: Int64) -> WebhookReading {
        guard let queryID = query["id"]?.string else { return .ignoring("malformed_update") }
        // The press is answered in the webhook's own answer, or the button would show a spinner. Telegram does not tell
        // how that went, and nothing depends on it.
        let answer = WebhookAnswer.json(["method": "answerCallbackQuery", "callback_query_id": .string(queryID)])
        func ignoring(_ reason: String) -> WebhookReading { WebhookReading(ignored: [reason], answer: answer) }

        guard let message = query["message"], let chat = TelegramChat(message),
            let messageID = message["message_id"]?.int
        else { return ignoring("callback_without_message") }
        guard let data = query["data"]?.string else { return ignoring("callback_without_data") }
        if query["from"]?["is_bot"]?.bool == true { return ignoring("from_bot") }
        guard let sender = InboundEvent.Sender(telegram: query["from"]) else { return ignoring("without_sender") }

        let event = InboundEvent(
            kind: .action,
            dedupeKey: "update:\(updateID)",
            conversationKey: chat.conversationKey,
            position: updateID,
            // The message's date is that of the buttons, not of the press.
            occurredAt: receivedAt,
            sender: sender,
            text: data,
            isDirect: chat.isPrivate,
            platformMessageID: String(messageID),
            replyAddress: chat.address(replyingTo: messageID)
        )
        return WebhookReading(events: [event], answer: answer)
    }
}

extension WebhookReading {
    fileprivate static func ignoring(_ reason: String) -> WebhookReading { WebhookReading(ignored: [reason]) }
}
