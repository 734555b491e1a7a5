import ChannelKit
import ChannelManifests
import ParleyCore

/// Discord, by interactions over HTTP: slash commands, buttons, menus and forms.
///
/// Ordinary messages reach a bot over the Gateway alone and are not read here. Every interaction is answered with
/// "thinking…" within Discord's three seconds and edited when the reply is made; after a quarter of an hour the reply
/// goes to the channel as the bot's own message.
///
/// Reading is in `DiscordProof` and `DiscordInteraction`, writing in `DiscordSending`, `DiscordRoute` and
/// `DiscordVerdict`, setting up in `DiscordConnecting`.
package struct DiscordChannel: Channel, ReconcilingChannel, ConnectingChannel {
    /// Without a final slash. An interaction's token follows in some URLs, so that no URL may be logged.
    let apiURL: String

    package let manifest = ChannelManifest.discord

    /// - Parameter apiURL: Discord's own with the API version, or an emulator.
    package init(apiURL: String = "https://discord.com/api/v10") {
        self.apiURL = String(apiURL.reversed().drop { $0 == "/" }.reversed())
    }

    /// Proves by the application's Ed25519 key, then reads the one interaction in the body.
    package func read(
        _ request: WebhookRequest,
        for integration: ChannelIntegration
    ) throws(WebhookRefusal) -> WebhookReading {
        try prove(request, for: integration)
        let interaction = try parse(request.body)
        return try DiscordInteraction(interaction, receivedAt: request.receivedAt, tokenLife: tokenLife).reading()
    }

    /// How long a reply may be made with the interaction's own token, counted from its creation.
    var tokenLife: Duration {
        .seconds(manifest.limit("interaction_token", or: 900) - manifest.limit("interaction_token_margin", or: 30))
    }
}
