import ChannelKit
import ParleyCore

/// What a message holds: the member that its `type` names.
struct WhatsAppContent {
    var text = ""
    var attachments: [InboundEvent.Attachment] = []
    /// A button or a row was chosen, rather than something written.
    var isChoice = false

    /// Nil for kinds that are told and not said: reactions, edits, revocations, system notices, unsupported ones.
    init?(_ element: JSON, type: String) {
        let member = element[type]
        switch type {
        case "text":
            guard let body = member?["body"]?.string else { return nil }
            text = body
        case "image", "video", "audio", "document", "sticker":
            guard member?.object != nil else { return nil }
            text = member?["caption"]?.string ?? ""
            attachments = [InboundEvent.Attachment(kind: type, name: member?["filename"]?.string)]
        case "location":
            guard let member, member.object != nil else { return nil }
            attachments = [InboundEvent.Attachment(kind: "location", name: WhatsAppContent.place(member))]
        case "contacts":
            guard let people = member?.array else { return nil }
            attachments = people.map {
                InboundEvent.Attachment(kind: "contact", name: $0["name"]?["formatted_name"]?.string)
            }
        case "order":
            guard let items = member?["product_items"]?.array else { return nil }
            attachments = items.map {
                InboundEvent.Attachment(kind: "order", name: $0["product_retailer_id"]?.string)
            }
        case "button":
            guard let title = member?["text"]?.string else { return nil }
            text = title
            isChoice = true
        case "interactive":
            guard let title = WhatsAppContent.choice(member) else { return nil }
            text = title
            isChoice = true
        default: return nil
        }
    }

    private static func choice(_ interactive: JSON?) -> String? {
        interactive?["button_reply"]?["title"]?.string ?? interactive?["list_reply"]?["title"]?.string
            ?? interactive?["nfm_reply"]?["body"]?.string
    }

    private static func place(_ location: JSON) -> String? {
        let named = [location["name"]?.string, location["address"]?.string].compactMap(\.self)
        guard named.isEmpty else { return named.joined(separator: ", ") }
        guard let latitude = location["latitude"]?.text, let longitude = location["longitude"]?.text else { return nil }
        return "\(latitude), \(longitude)"
    }
}
