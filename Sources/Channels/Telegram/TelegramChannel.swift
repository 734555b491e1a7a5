import ChannelKit
import ChannelManifests
import ParleyCore

/// Telegram, by its Bot API: one bot, one webhook, HTML out.
///
/// Reading is in `TelegramProof` and `TelegramUpdates`, writing in `TelegramSending` and `TelegramVerdict`, setting up
/// in `TelegramConnecting`.
package struct TelegramChannel: Channel, TypingChannel, ConnectingChannel {
    /// Without a final slash. The bot's token follows it in every URL, so that no URL may be logged.
    let apiURL: String

    package let manifest = ChannelManifest.telegram

    /// - Parameter apiURL: Telegram's own, an own Bot API server, or an emulator.
    package init(apiURL: String = "https://api.telegram.org") {
        self.apiURL = String(apiURL.reversed().drop { $0 == "/" }.reversed())
    }

    /// Proves by the secret that was agreed on when the webhook was set, then reads the one update in the body.
    package func read(
        _ request: WebhookRequest,
        for integration: ChannelIntegration
    ) throws(WebhookRefusal) -> WebhookReading {
        try prove(request, for: integration)
        let update = try parse(request.body)
        return TelegramUpdate(update, receivedAt: request.receivedAt, bot: TelegramBot(integration.settings)).reading
    }

    /// A chat action is shown for five seconds at most (Telegram Bot API, sendChatAction).
    package var typingInterval: Duration { .seconds(manifest.limit("typing_interval", or: 4)) }
}
