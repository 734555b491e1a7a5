import ChannelKit
import ParleyCore

/// `value.messages`: what customers wrote, pressed and sent.
struct WhatsAppMessages {
    let value: JSON
    /// `value.contacts` by user id and by phone number: a batch may hold thousands of both.
    private let contacts: [String: JSON]

    init(value: JSON) {
        self.value = value
        let keyed = (value["contacts"]?.array ?? []).flatMap { contact in
            [contact["user_id"]?.string, contact["wa_id"]?.string].compactMap(\.self).map { ($0, contact) }
        }
        contacts = Dictionary(keyed, uniquingKeysWith: { first, _ in first })
    }

    func read(into reading: inout WebhookReading) {
        for element in value["messages"]?.array ?? [] {
            switch read(element, order: reading.events.count) {
            case .said(let event): reading.events.append(event)
            case .ignored(let kind): reading.ignored.append(kind)
            }
        }
    }

    private enum Outcome {
        case said(InboundEvent)
        case ignored(String)
    }

    private func read(_ element: JSON, order: Int) -> Outcome {
        guard let id = element["id"]?.string, !id.isEmpty, let type = element["type"]?.string,
            let seconds = WhatsAppTime.seconds(element["timestamp"]),
            let person = WhatsAppPerson(phone: element["from"]?.string, userID: element["from_user_id"]?.string)
        else { return .ignored(WhatsAppLabel.malformed) }
        if let phone = person.phone, phone == businessPhone { return .ignored("own_echo") }
        guard let content = WhatsAppContent(element, type: type) else { return .ignored(WhatsAppLabel.of(type)) }
        return .said(
            InboundEvent(
                kind: content.isChoice ? .action : .message,
                dedupeKey: id,
                conversationKey: person.key,
                position: WhatsAppTime.position(seconds, order: order),
                occurredAt: Timestamp(seconds: seconds),
                sender: sender(person),
                text: content.text,
                attachments: content.attachments,
                platformMessageID: id,
                replyAddress: person.address(quoting: id)
            )
        )
    }

    private func sender(_ person: WhatsAppPerson) -> InboundEvent.Sender {
        let contact = person.userID.flatMap { contacts[$0] } ?? person.phone.flatMap { contacts[$0] }
        return InboundEvent.Sender(
            channelUserID: person.key,
            displayName: contact?["profile"]?["name"]?.string,
            username: contact?["profile"]?["username"]?.string,
            phone: person.phone.map { "+\($0)" }
        )
    }

    private var businessPhone: String? {
        value["metadata"]?["display_phone_number"]?.string.map { number in
            String(number.filter { $0.isASCII && $0.isNumber })
        }
    }
}

/// A customer: known by the business-scoped user id, by the phone number, or by both.
///
/// WhatsApp, Business-scoped user IDs (2026): `from` is absent for people who adopted a username.
struct WhatsAppPerson {
    /// Digits, without the plus sign.
    let phone: String?
    let userID: String?

    /// Nil when neither is there, or the phone number is not one.
    init?(phone: String?, userID: String?) {
        let phone = phone.flatMap { $0.isEmpty ? nil : $0 }
        let userID = userID.flatMap { $0.isEmpty ? nil : $0 }
        guard phone != nil || userID != nil, phone.map(WhatsAppPerson.isNumber) ?? true,
            userID.map(WhatsAppPerson.isUserID) ?? true
        else { return nil }
        self.phone = phone
        self.userID = userID
    }

    /// The user id outlives a hidden phone number.
    var key: String { userID ?? phone ?? "" }

    /// Phone numbers need the plus sign: without it the business's own country code is put before them.
    func address(quoting id: String?) -> JSON {
        .object(present: [
            "to": phone.map { .string("+\($0)") },
            "recipient": phone == nil ? userID.map { .string($0) } : nil,
            "context": id.map { .string($0) },
        ])
    }

    private static func isNumber(_ text: String) -> Bool {
        (5...20).contains(text.utf8.count) && text.utf8.allSatisfy(isDigit)
    }

    /// `CC.` or `CC.ENT.`, then letters and digits.
    private static func isUserID(_ text: String) -> Bool {
        (4...160).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                isDigit(byte) || byte == UInt8(ascii: ".")
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
