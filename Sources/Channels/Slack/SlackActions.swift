import ChannelKit
import ParleyCore

/// Interactivity: somebody pressed one of our buttons or chose from a menu.
struct SlackActions {
    let payload: JSON
    let workspace: SlackWorkspace

    func read() -> WebhookReading {
        guard payload["type"]?.string == "block_actions" else {
            return WebhookReading(ignored: [SlackText.label(payload["type"]?.string)])
        }
        if workspace.isOther(payload["team"]?["id"]?.string) { return WebhookReading(ignored: ["other_workspace"]) }
        // Clicks in modals and on the home tab have no message to answer.
        guard let place else { return WebhookReading(ignored: ["block_actions_outside_messages"]) }
        var reading = WebhookReading()
        for action in payload["actions"]?.array ?? [] {
            if let event = event(action, in: place) {
                reading.events.append(event)
            } else {
                reading.ignored.append("malformed_action")
            }
        }
        return reading
    }

    private func event(_ action: JSON, in place: SlackPlace) -> InboundEvent? {
        guard let user = payload["user"]?["id"]?.string, !user.isEmpty,
            let id = action["action_id"]?.string,
            let ts = action["action_ts"]?.string, let position = SlackTime.microseconds(ts)
        else { return nil }
        return InboundEvent(
            kind: .action,
            dedupeKey: "\(ts):\(id):\(user)",
            conversationKey: place.conversationKey,
            position: position,
            occurredAt: Timestamp(microseconds: position),
            sender: InboundEvent.Sender(
                channelUserID: user,
                username: payload["user"]?["username"]?.string ?? payload["user"]?["name"]?.string
            ),
            text: chosen(action),
            isDirect: place.isDirect,
            isAddressed: true,
            isThread: place.thread != nil,
            replyAddress: place.replyAddress
        )
    }

    /// What the person saw on what they chose.
    private func chosen(_ action: JSON) -> String {
        let option = action["selected_option"] ?? action["selected_options"]?[0]
        return option?["text"]?["text"]?.string ?? action["text"]?["text"]?.string ?? action["value"]?.string ?? ""
    }

    private var place: SlackPlace? {
        let container = payload["container"]
        let message = payload["message"]
        guard let channel = container?["channel_id"]?.string ?? payload["channel"]?["id"]?.string, !channel.isEmpty,
            let ts = container?["message_ts"]?.string ?? message?["ts"]?.string, SlackTime.microseconds(ts) != nil
        else { return nil }
        let thread = container?["thread_ts"]?.string ?? message?["thread_ts"]?.string
        return SlackPlace(
            channel: channel,
            thread: thread.flatMap { SlackTime.microseconds($0) == nil ? nil : $0 },
            ts: ts,
            type: nil
        )
    }
}
