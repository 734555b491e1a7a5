import ChannelKit
import ParleyCore

/// `value.statuses`: what became of our messages. They come in any order, and `delivered` may be skipped.
struct WhatsAppStatuses {
    let value: JSON

    func read(into reading: inout WebhookReading) {
        for element in value["statuses"]?.array ?? [] {
            guard let id = element["id"]?.string, !id.isEmpty, let word = element["status"]?.string,
                let seconds = WhatsAppTime.seconds(element["timestamp"]),
                let person = WhatsAppPerson(
                    phone: element["recipient_id"]?.string,
                    userID: element["recipient_user_id"]?.string
                )
            else {
                reading.ignored.append(WhatsAppLabel.malformed)
                continue
            }
            // `played` (of a voice message) and what Meta may add.
            guard let state = InboundEvent.StatusReport.State(rawValue: word) else {
                reading.ignored.append(WhatsAppLabel.of("status_\(word)"))
                continue
            }
            reading.events.append(
                InboundEvent(
                    kind: .status,
                    dedupeKey: "status:\(id):\(word)",
                    conversationKey: person.key,
                    position: WhatsAppTime.position(seconds, order: reading.events.count),
                    occurredAt: Timestamp(seconds: seconds),
                    platformMessageID: id,
                    status: InboundEvent.StatusReport(
                        state: state,
                        platformMessageID: id,
                        deliveryID: element["biz_opaque_callback_data"]?.string,
                        reason: reason(element["errors"]?[0])
                    )
                )
            )
        }
    }

    private func reason(_ error: JSON?) -> String? {
        guard let error, error.object != nil else { return nil }
        let words = [error["code"]?.text, error["title"]?.string, error["error_data"]?["details"]?.string]
        return words.compactMap(\.self).joined(separator: ": ").clipped(toUTF8: 300)
    }
}
