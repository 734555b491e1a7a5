import ChannelKit
import ParleyCore

/// The Events API's envelope: one event a request.
struct SlackEvents {
    let envelope: JSON
    let workspace: SlackWorkspace

    init(envelope: JSON, workspace: SlackWorkspace) {
        self.envelope = envelope
        var workspace = workspace
        // An integration that was never tried still has to know its own mention.
        workspace.botUserID = workspace.botUserID ?? SlackEvents.authorizedBot(envelope)
        self.workspace = workspace
    }

    func read() throws(WebhookRefusal) -> WebhookReading {
        guard let event = envelope["event"], event.object != nil else { throw .malformed("event is missing") }
        if isOtherWorkspace { return WebhookReading(ignored: ["other_workspace"]) }
        switch event["type"]?.string {
        case "message", "app_mention": return message(event)
        case let other: return WebhookReading(ignored: [SlackText.label(other)])
        }
    }

    /// Subtypes that are a person's words; everything else (edits, deletions, joins, topics) is told and not said.
    private static let spoken: Set<String> = ["file_share", "thread_broadcast", "me_message", "bot_message"]

    private func message(_ event: JSON) -> WebhookReading {
        let subtype = event["subtype"]?.string
        if let subtype, !SlackEvents.spoken.contains(subtype) {
            return WebhookReading(ignored: [SlackText.label(subtype)])
        }
        if let echo = echo(event) { return WebhookReading(ignored: [echo]) }
        guard let said = said(event) else { return WebhookReading(ignored: ["malformed_message"]) }
        return WebhookReading(events: [said])
    }

    /// Whose message it is, when it is not a person's. A loop of two bots would never end.
    private func echo(_ event: JSON) -> String? {
        let user = event["user"]?.string
        let bot = event["bot_id"]?.string ?? event["bot_profile"]?["id"]?.string
        if let user, user == workspace.botUserID { return "own_echo" }
        if let bot, bot == workspace.botID { return "own_echo" }
        if bot != nil || user == "USLACKBOT" || user == "USLACK" { return "bot_message" }
        return event["subtype"]?.string == "bot_message" ? "bot_message" : nil
    }

    private func said(_ event: JSON) -> InboundEvent? {
        guard let channel = event["channel"]?.string, !channel.isEmpty,
            let user = event["user"]?.string, !user.isEmpty,
            let ts = event["ts"]?.string, let position = SlackTime.microseconds(ts)
        else { return nil }
        let thread = event["thread_ts"]?.string.flatMap { SlackTime.microseconds($0) == nil ? nil : $0 }
        let place = SlackPlace(channel: channel, thread: thread, ts: ts, type: event["channel_type"]?.string)
        let text = event["text"]?.string ?? ""
        let isMention =
            event["type"]?.string == "app_mention"
            || workspace.botUserID.map { SlackText.mentions($0, in: text) } ?? false
        return InboundEvent(
            kind: .message,
            // Slack sends a mention twice, as `app_mention` and as `message`, with two event ids and one `ts`.
            // The time first: keys that grow with time are cheap to keep unique.
            dedupeKey: "\(ts):\(channel)",
            conversationKey: place.conversationKey,
            position: position,
            occurredAt: Timestamp(microseconds: position),
            sender: InboundEvent.Sender(channelUserID: user),
            text: SlackText.readable(text, without: workspace.botUserID),
            attachments: attachments(event),
            isDirect: place.isDirect,
            isAddressed: place.isDirect || isMention,
            isThread: thread != nil,
            platformMessageID: "\(channel):\(ts)",
            replyAddress: place.replyAddress
        )
    }

    private func attachments(_ event: JSON) -> [InboundEvent.Attachment] {
        (event["files"]?.array ?? []).compactMap { file in
            guard file.object != nil, !["tombstone", "hidden_by_limit"].contains(file["mode"]?.string) else {
                return nil
            }
            let family = file["mimetype"]?.string?.split(separator: "/").first.map(String.init) ?? ""
            let kind = ["image", "audio", "video"].contains(family) ? family : "document"
            return InboundEvent.Attachment(kind: kind, name: file["name"]?.string)
        }
    }

    /// In shared channels `team_id` may be the other workspace; `authorizations` names the installation that sees it.
    private var isOtherWorkspace: Bool {
        let teams = (envelope["authorizations"]?.array ?? []).compactMap { $0["team_id"]?.string }
        guard teams.isEmpty else { return teams.allSatisfy { workspace.isOther($0) } }
        return workspace.isOther(envelope["team_id"]?.string)
    }

    private static func authorizedBot(_ envelope: JSON) -> String? {
        envelope["authorizations"]?.array?.first { $0["is_bot"]?.bool == true }?["user_id"]?.string
    }
}

/// Where something was said, and so where the answer goes.
struct SlackPlace {
    let channel: String
    /// The root of the thread; nil outside threads.
    let thread: String?
    /// The message's own.
    let ts: String
    let isDirect: Bool

    /// - Parameter type: `im`, `mpim`, `channel`, `group`; mentions and clicks come without.
    init(channel: String, thread: String?, ts: String, type: String?) {
        self.channel = channel
        self.thread = thread
        self.ts = ts
        isDirect = type.map { $0 == "im" } ?? channel.hasPrefix("D")
    }

    /// A room's every thread is a conversation, and a message outside threads begins one.
    var conversationKey: String { root.map { "\(channel):\($0)" } ?? channel }

    /// Always the thread's root: replying to a reply misbehaves (Slack, chat.postMessage, `thread_ts`).
    var replyAddress: JSON { .object(present: ["channel": .string(channel), "thread_ts": root.map { .string($0) }]) }

    private var root: String? { thread ?? (isDirect ? nil : ts) }
}
