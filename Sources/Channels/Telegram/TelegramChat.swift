import ParleyCore

/// Where a message was written: a chat and, in a forum, its topic.
struct TelegramChat {
    let id: Int64
    let isPrivate: Bool
    /// Nil outside forums and in the General topic, whose id 1 Telegram does not accept when sending.
    let topic: Int64?

    /// Nil when the message does not say in which chat it is.
    init?(_ message: JSON) {
        guard let id = message["chat"]?["id"]?.int else { return nil }
        self.id = id
        isPrivate = message["chat"]?["type"]?.string == "private"
        // Outside forums, `message_thread_id` merely groups replies.
        let isInTopic = message["is_topic_message"]?.bool == true
        topic = isInTopic ? message["message_thread_id"]?.int.flatMap { $0 == 1 ? nil : $0 } : nil
    }

    var conversationKey: String { topic.map { "\(id):\($0)" } ?? String(id) }

    /// In a room the reply points at what it answers; in a private chat that would be noise.
    func address(replyingTo messageID: Int64) -> JSON {
        .object(present: [
            "chat_id": .integer(id),
            "message_thread_id": topic.map { .integer($0) },
            "reply_to": isPrivate ? nil : .integer(messageID),
        ])
    }
}
