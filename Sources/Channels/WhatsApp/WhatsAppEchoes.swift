import ChannelKit
import ParleyCore

/// `value.message_echoes`: what a person of the business wrote in the WhatsApp Business app. The agent steps back.
struct WhatsAppEchoes {
    let value: JSON

    func read(into reading: inout WebhookReading) {
        for element in value["message_echoes"]?.array ?? [] {
            guard let id = element["id"]?.string, !id.isEmpty, let type = element["type"]?.string,
                let seconds = WhatsAppTime.seconds(element["timestamp"]),
                let person = WhatsAppPerson(phone: element["to"]?.string, userID: element["to_user_id"]?.string)
            else {
                reading.ignored.append(WhatsAppLabel.malformed)
                continue
            }
            guard let content = WhatsAppContent(element, type: type) else {
                reading.ignored.append(WhatsAppLabel.of(type))
                continue
            }
            reading.events.append(
                InboundEvent(
                    kind: .takeover,
                    dedupeKey: id,
                    conversationKey: person.key,
                    position: WhatsAppTime.position(seconds, order: reading.events.count),
                    occurredAt: Timestamp(seconds: seconds),
                    sender: InboundEvent.Sender(channelUserID: person.key, phone: person.phone.map { "+\($0)" }),
                    text: content.text,
                    attachments: content.attachments,
                    platformMessageID: id,
                    replyAddress: person.address(quoting: nil)
                )
            )
        }
    }
}
