import ChannelKit
import ChannelManifests
import ParleyCore

/// Slack, by HTTP: the Events API, slash commands and interactivity at one URL, and the Web API for replies.
///
/// - `SlackWebhook.swift`: proof, media types and handshakes.
/// - `SlackEvents.swift`, `SlackCommands.swift`, `SlackActions.swift`: what was said.
/// - `SlackText.swift`, `SlackForm.swift`, `SlackTime.swift`: how Slack writes text, forms and times.
/// - `SlackReply.swift`, `SlackSending.swift`, `SlackVerdict.swift`: what is answered, and what became of it.
/// - `SlackReconciling.swift`: whether an uncertain message arrived.
/// - `SlackConnecting.swift`, `SlackTyping.swift`: trying credentials; showing that a reply is being made.
package struct SlackChannel: ReconcilingChannel, TypingChannel, ConnectingChannel {
    /// Without a slash at its end: `https://slack.com/api`.
    let apiURL: String

    package let manifest = ChannelManifest.slack

    /// - Parameter apiURL: where the Web API is; an emulator's address in tests.
    package init(apiURL: String = "https://slack.com/api") {
        self.apiURL = apiURL.hasSuffix("/") ? String(apiURL.dropLast()) : apiURL
    }

    package func read(
        _ request: WebhookRequest,
        for integration: ChannelIntegration
    ) throws(WebhookRefusal) -> WebhookReading {
        try SlackWebhook(request: request, integration: integration, apiURL: apiURL).read()
    }
}
