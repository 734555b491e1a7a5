import ChannelKit
import ParleyCore

extension InboundEvent.Sender {
    /// A `User` of the Bot API; nil when there is none (a channel's own post).
    ///
    /// - Parameter contact: the contact in the message; when it is the sender's own, it tells the phone number.
    init?(telegram user: JSON?, contact: JSON? = nil) {
        guard let user, let id = user["id"]?.int else { return nil }
        let name = [user["first_name"]?.string, user["last_name"]?.string].compactMap(\.self).joined(separator: " ")
        let isOwnContact = contact?["user_id"]?.int == id
        self.init(
            channelUserID: String(id),
            displayName: name.isEmpty ? nil : name,
            username: user["username"]?.string,
            locale: user["language_code"]?.string,
            phone: isOwnContact ? contact?["phone_number"]?.string.flatMap(Self.e164) : nil
        )
    }

    /// Somebody who speaks in the name of a chat.
    init?(telegramChat chat: JSON) {
        guard let id = chat["id"]?.int else { return nil }
        self.init(
            channelUserID: String(id),
            displayName: chat["title"]?.string,
            username: chat["username"]?.string
        )
    }

    /// Telegram writes numbers with and without the plus sign, and some clients with spaces.
    private static func e164(_ number: String) -> String? {
        let digits = number.filter { ("0"..."9").contains($0) }
        return (7...15).contains(digits.count) ? "+\(digits)" : nil
    }
}

extension JSON {
    /// The chat in whose name a person wrote: an anonymous administrator's group, or a channel.
    ///
    /// Telegram puts two bots of its own in the person's place (Bot API, Message: `sender_chat`).
    var telegramMask: JSON? {
        let masks: Set<Int64> = [1_087_968_824, 136_817_688]
        return masks.contains(self["from"]?["id"]?.int ?? 0) ? self["sender_chat"] : nil
    }
}

extension InboundEvent.Attachment {
    /// What a message carries beside its text, in our words where we have one.
    static func all(in message: JSON) -> [InboundEvent.Attachment] {
        kinds.compactMap { member, kind, name in
            guard let content = message[member], !content.isNull else { return nil }
            // For older clients Telegram repeats an animation as a document, and a venue as a location.
            if member == "document", message["animation"] != nil { return nil }
            if member == "location", message["venue"] != nil { return nil }
            return InboundEvent.Attachment(kind: kind, name: name(content))
        }
    }

    private static let kinds: [(member: String, kind: String, name: @Sendable (JSON) -> String?)] = [
        ("photo", "image", { _ in nil }),
        ("animation", "video", { $0["file_name"]?.string }),
        ("video", "video", { $0["file_name"]?.string }),
        ("video_note", "video", { _ in nil }),
        ("audio", "audio", { $0["file_name"]?.string ?? $0["title"]?.string }),
        ("voice", "audio", { _ in nil }),
        ("document", "document", { $0["file_name"]?.string }),
        ("sticker", "sticker", { $0["emoji"]?.string }),
        ("location", "location", { _ in nil }),
        ("venue", "location", { $0["title"]?.string }),
        ("contact", "contact", contactName),
        ("poll", "poll", { $0["question"]?.string }),
        ("dice", "dice", { $0["emoji"]?.string }),
        ("story", "story", { _ in nil }),
        ("paid_media", "paid_media", { _ in nil }),
        ("checklist", "checklist", { $0["title"]?.string }),
        ("rich_message", "rich_message", { _ in nil }),
    ]

    private static func contactName(_ contact: JSON) -> String? {
        let parts = ["first_name", "last_name", "phone_number"].compactMap { contact[$0]?.string }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }
}
