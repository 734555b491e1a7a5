import Crypto
import ParleyCore

/// One normalised thing that happened on a channel.
package struct InboundEvent: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Something was written to us: answered.
        case message
        /// A slash command: answered.
        case command
        /// A button or menu: answered.
        case action
        /// The platform tells what became of one of our messages: settles a delivery, never answered.
        case status
        /// A person of the business wrote from the platform's own app: hands the conversation to a human.
        case takeover
    }

    package var kind: Kind
    /// Unique within the channel integration: message identity where there is one, the platform's event id otherwise.
    package var dedupeKey: String
    /// The address (DM, room, thread) within the channel integration; events of one key are answered in order.
    package var conversationKey: String
    /// The platform's order within the conversation; ties are broken by arrival.
    package var position: Int64
    package var occurredAt: Timestamp
    /// Who wrote; of a ``Kind/takeover`` the customer to whom the person of the business wrote.
    package var sender: Sender?
    /// What was said, without the bot's own mention. Empty when there was no text.
    package var text: String
    package var attachments: [Attachment]
    package var isDirect: Bool
    /// In a room: the bot was mentioned, replied to, or commanded.
    package var isAddressed: Bool
    /// In a room: this is inside a thread, where an earlier reply of ours counts as being addressed.
    package var isThread: Bool
    /// The platform's id of the message, as the channel writes it.
    package var platformMessageID: String?
    /// Where a reply goes, in the channel's own shape.
    package var replyAddress: JSON
    /// Must have a reply of its own (each slash command waits for one), and is not held back by debouncing.
    package var answersAlone: Bool
    /// For ``Kind/status``.
    package var status: StatusReport?

    package init(
        kind: Kind,
        dedupeKey: String,
        conversationKey: String,
        position: Int64,
        occurredAt: Timestamp,
        sender: Sender? = nil,
        text: String = "",
        attachments: [Attachment] = [],
        isDirect: Bool = true,
        isAddressed: Bool = true,
        isThread: Bool = false,
        platformMessageID: String? = nil,
        replyAddress: JSON = [:],
        answersAlone: Bool = false,
        status: StatusReport? = nil
    ) {
        self.kind = kind
        self.dedupeKey = dedupeKey.asKey
        self.conversationKey = conversationKey.asKey
        self.position = position
        self.occurredAt = occurredAt
        self.sender = sender
        self.text = text.clipped(toUTF8: Limits.inboxTextBytes)
        self.attachments = attachments
        self.isDirect = isDirect
        self.isAddressed = isAddressed
        self.isThread = isThread
        self.platformMessageID = platformMessageID?.asKey
        self.replyAddress = replyAddress
        self.answersAlone = answersAlone
        self.status = status
    }

    /// Who wrote.
    package struct Sender: Sendable, Hashable {
        /// The channel's own id of the person, unique within the channel integration.
        package var channelUserID: String
        package var displayName: String?
        package var username: String?
        package var locale: String?
        /// Where the channel tells it (WhatsApp), in E.164 with the plus sign.
        package var phone: String?

        package init(
            channelUserID: String,
            displayName: String? = nil,
            username: String? = nil,
            locale: String? = nil,
            phone: String? = nil
        ) {
            self.channelUserID = channelUserID.asKey
            self.displayName = displayName
            self.username = username
            self.locale = locale
            self.phone = phone
        }
    }

    /// Something beside the text: told to the model by kind and name, not fetched.
    package struct Attachment: Sendable, Hashable {
        /// `image`, `audio`, `video`, `document`, `sticker`, `location`, `contact`, or the platform's word.
        package var kind: String
        package var name: String?
        package init(kind: String, name: String? = nil) {
            self.kind = kind
            self.name = name
        }
    }

    /// What became of one of our messages.
    package struct StatusReport: Sendable, Hashable {
        package enum State: String, Sendable { case sent, delivered, read, failed }
        package var state: State
        /// The platform's id of our message.
        package var platformMessageID: String
        /// The delivery's own id, where the channel echoes it.
        package var deliveryID: String?
        /// The platform's code and title of a failure.
        package var reason: String?

        package init(state: State, platformMessageID: String, deliveryID: String? = nil, reason: String? = nil) {
            self.state = state
            self.platformMessageID = platformMessageID.asKey
            self.deliveryID = deliveryID
            self.reason = reason
        }
    }
}

// The form in which events are kept in the inbox, and in which samples expect them.
extension InboundEvent {
    package var json: JSON {
        .object(present: [
            "kind": .string(kind.rawValue),
            "dedupe_key": .string(dedupeKey),
            "conversation_key": .string(conversationKey),
            "position": .integer(position),
            "occurred_at": .integer(occurredAt.microseconds),
            "sender": sender.map { sender in
                .object(present: [
                    "channel_user_id": .string(sender.channelUserID),
                    "display_name": sender.displayName.map { .string($0) },
                    "username": sender.username.map { .string($0) },
                    "locale": sender.locale.map { .string($0) },
                    "phone": sender.phone.map { .string($0) },
                ])
            },
            "text": .string(text),
            "attachments": attachments.isEmpty
                ? nil
                : .array(
                    attachments.map {
                        .object(present: ["kind": .string($0.kind), "name": $0.name.map { .string($0) }])
                    }
                ),
            "is_direct": .bool(isDirect),
            "is_addressed": .bool(isAddressed),
            "is_thread": isThread ? .bool(true) : nil,
            "platform_message_id": platformMessageID.map { .string($0) },
            "reply_address": replyAddress,
            "answers_alone": answersAlone ? .bool(true) : nil,
            "status": status.map { status in
                .object(present: [
                    "state": .string(status.state.rawValue),
                    "platform_message_id": .string(status.platformMessageID),
                    "delivery_id": status.deliveryID.map { .string($0) },
                    "reason": status.reason.map { .string($0) },
                ])
            },
        ])
    }

    /// Reads ``json`` back; nil when a required member is missing.
    package init?(json: JSON) {
        guard let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)),
            let dedupeKey = json["dedupe_key"]?.string,
            let conversationKey = json["conversation_key"]?.string,
            let position = json["position"]?.int,
            let occurredAt = json["occurred_at"]?.int
        else { return nil }
        self.init(
            kind: kind,
            dedupeKey: dedupeKey,
            conversationKey: conversationKey,
            position: position,
            occurredAt: Timestamp(microseconds: occurredAt),
            sender: json["sender"].flatMap { sender in
                sender["channel_user_id"]?.string.map {
                    Sender(
                        channelUserID: $0,
                        displayName: sender["display_name"]?.string,
                        username: sender["username"]?.string,
                        locale: sender["locale"]?.string,
                        phone: sender["phone"]?.string
                    )
                }
            },
            text: json["text"]?.string ?? "",
            attachments: (json["attachments"]?.array ?? []).compactMap { attachment in
                attachment["kind"]?.string.map { Attachment(kind: $0, name: attachment["name"]?.string) }
            },
            isDirect: json["is_direct"]?.bool ?? true,
            isAddressed: json["is_addressed"]?.bool ?? true,
            isThread: json["is_thread"]?.bool ?? false,
            platformMessageID: json["platform_message_id"]?.string,
            replyAddress: json["reply_address"] ?? [:],
            answersAlone: json["answers_alone"]?.bool ?? false,
            status: json["status"].flatMap { status in
                guard let state = status["state"]?.string.flatMap(StatusReport.State.init(rawValue:)),
                    let messageID = status["platform_message_id"]?.string
                else { return nil }
                return StatusReport(
                    state: state,
                    platformMessageID: messageID,
                    deliveryID: status["delivery_id"]?.string,
                    reason: status["reason"]?.string
                )
            }
        )
    }
}

extension String {
    /// An id of a platform, so that a database can keep and find it: what is longer than ``Limits/keyBytes`` becomes its
    /// beginning and its SHA-256, which is as much its own, and U+0000 becomes U+FFFD. No platform has such ids; whoever holds
    /// a bot's secret can make them up.
    fileprivate var asKey: String {
        guard utf8.count > Limits.keyBytes || utf8.contains(0) else { return self }
        let text = String(String.UnicodeScalarView(unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : $0 }))
        guard text.utf8.count > Limits.keyBytes else { return text }
        return text.clipped(toUTF8: Limits.keyBytes - 64) + Hex.encode(SHA256.hash(data: Array(utf8)))
    }
}
