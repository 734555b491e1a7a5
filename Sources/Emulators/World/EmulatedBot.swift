import ParleyCore

/// One bot on one emulated platform, with credentials in that platform's own format.
package struct EmulatedBot: Sendable, Equatable {
    /// The emulator's own name for it: "slack-1".
    package let id: String
    /// "slack", "telegram", "discord" or "whatsapp".
    package let channel: ChannelID
    package let name: String
    /// Exactly the fields that `parley channel connect` takes. Made up by the emulator and good for nothing else.
    package var credentials: [String: String]
    /// Where webhooks go; nil until one is set. Telegram's is also set by `setWebhook`.
    package var webhookURL: String?
    /// What the platform keeps to itself: Discord's private key seed, Telegram's webhook secret, the bot's own user id.
    var hidden: [String: String] = [:]

    subscript(_ credential: String) -> String { credentials[credential] ?? hidden[credential] ?? "" }

    /// The form of the control API; the hidden part stays out.
    package var json: JSON {
        .object(present: [
            "id": JSON(id),
            "channel": JSON(channel.name),
            "name": JSON(name),
            "credentials": .object(
                JSONObject(credentials.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: JSON($0.value)) })
            ),
            "webhook_url": webhookURL.map { JSON($0) } ?? .null,
            "user_id": hidden["user_id"].map { JSON($0) },
        ])
    }
}
