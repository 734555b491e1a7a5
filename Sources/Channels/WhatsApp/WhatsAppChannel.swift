import ChannelKit
import ChannelManifests
import ParleyCore

/// WhatsApp by Meta's Cloud API: webhooks for what customers say, and the Graph API for replies.
///
/// - `WhatsAppWebhook.swift`: the verification handshake, proof, and batches.
/// - `WhatsAppMessages.swift`, `WhatsAppContent.swift`: what was said, and by whom.
/// - `WhatsAppStatuses.swift`, `WhatsAppEchoes.swift`: what became of our messages; what staff wrote.
/// - `WhatsAppReply.swift`, `WhatsAppSending.swift`, `WhatsAppVerdict.swift`: what is answered, and what became of it.
/// - `WhatsAppConnecting.swift`, `WhatsAppTyping.swift`: trying credentials; showing that a reply is being made.
package struct WhatsAppChannel: ReconcilingChannel, TypingChannel, ConnectingChannel {
    /// With the version, without a slash at its end: `https://graph.facebook.com/v26.0`.
    let apiURL: String

    package let manifest = ChannelManifest.whatsApp

    /// - Parameter apiURL: where the Graph API is, with its version; an emulator's address in tests.
    package init(apiURL: String = "https://graph.facebook.com/v26.0") {
        self.apiURL = apiURL.hasSuffix("/") ? String(apiURL.dropLast()) : apiURL
    }

    package func read(
        _ request: WebhookRequest,
        for integration: ChannelIntegration
    ) throws(WebhookRefusal) -> WebhookReading {
        try WhatsAppWebhook(request: request, integration: integration).read()
    }
}
