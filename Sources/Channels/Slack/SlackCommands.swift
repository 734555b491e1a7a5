import ChannelKit
import ParleyCore

/// A slash command: a flat form, answered at its `response_url`.
struct SlackCommands {
    let form: SlackForm
    let workspace: SlackWorkspace
    let receivedAt: Timestamp
    let apiURL: String

    func read() throws(WebhookRefusal) -> WebhookReading {
        if workspace.isOther(form.filled("team_id")), form.filled("is_enterprise_install") != "true" {
            return WebhookReading(ignored: ["other_workspace"])
        }
        guard let channel = form.filled("channel_id") else { throw .malformed("channel_id is missing") }
        guard let user = form.filled("user_id") else { throw .malformed("user_id is missing") }
        guard let trigger = form.filled("trigger_id") else { throw .malformed("trigger_id is missing") }
        let command = InboundEvent(
            kind: .command,
            dedupeKey: trigger,
            conversationKey: "\(channel)/\(user)",
            position: receivedAt.microseconds,
            occurredAt: receivedAt,
            sender: InboundEvent.Sender(channelUserID: user, username: form.filled("user_name")),
            text: SlackText.readable(form["text"] ?? "", without: workspace.botUserID),
            isDirect: channel.hasPrefix("D"),
            isAddressed: true,
            replyAddress: address(channel: channel, user: user),
            answersAlone: true
        )
        return WebhookReading(events: [command])
    }

    private func address(channel: String, user: String) -> JSON {
        var address: JSON = ["channel": .string(channel), "user": .string(user)]
        if let url = form["response_url"], SlackResponseURL.isTrusted(url, apiURL: apiURL) {
            address["response_url"] = .string(url)
            address["expires_at"] = .integer(receivedAt.advanced(by: SlackResponseURL.lifetime).seconds)
        }
        return address
    }
}

/// The address that Slack lends for answering a command.
enum SlackResponseURL {
    /// Slack, Handling user interaction: 30 minutes.
    static let lifetime: Duration = .seconds(1800)
    /// Slack, Handling user interaction: five posts.
    static let posts = 5

    /// Whether it leads to Slack (or to the emulator that stands in for it).
    ///
    /// A business knows its own signing secret and could sign any address; Parley must not be made to post there.
    static func isTrusted(_ url: String, apiURL: String) -> Bool {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        if url.hasPrefix("https://hooks.slack.com/") || url.hasPrefix("https://hooks.slack-gov.com/") { return true }
        guard let origin = origin(of: apiURL), !origin.hasSuffix("//slack.com") else { return false }
        return url.hasPrefix(origin + "/")
    }

    /// `http://127.0.0.1:9000` of `http://127.0.0.1:9000/slack/api`.
    private static func origin(of url: String) -> String? {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[1].isEmpty, !parts[2].isEmpty else { return nil }
        return "\(parts[0])//\(parts[2])"
    }
}
