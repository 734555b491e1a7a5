import ChannelKit
import ChannelManifests
import ParleyCore

extension WhatsAppChannel {
    /// Each part is a message that the business pays for, so the parts are as long as they may be.
    package func render(_ reply: ReplyDocument, to address: JSON, for integration: ChannelIntegration) -> [OutgoingCall]
    {
        let parts = ReplySplitter.split(reply, as: WhatsAppMarkup(), limit: manifest.limit("reply_text", or: 4000))
        return parts.enumerated().map { index, part in
            let plain = PlainMarkup().render(part)
            return OutgoingCall(
                payload: [
                    "method": "messages",
                    "body": message(WhatsAppMarkup().render(part), to: address, quotes: index == 0),
                    "plain": message(plain, to: address, quotes: index == 0),
                ],
                text: plain
            )
        }
    }

    private func message(_ text: String, to address: JSON, quotes: Bool) -> JSON {
        let context: JSON? = quotes ? address["context"].map { ["message_id": $0] } : nil
        return .object(present: [
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": address["to"],
            // For people whose phone number is hidden.
            "recipient": address["to"] == nil ? address["recipient"] : nil,
            "type": "text",
            "text": ["body": .string(text), "preview_url": false],
            "context": context,
        ])
    }
}
