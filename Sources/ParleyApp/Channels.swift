import ChannelDiscord
import ChannelSlack
import ChannelTelegram
import ChannelWhatsApp
import Pipeline

/// Every channel that this binary speaks; one line each.
enum Channels {
    static func all(_ settings: ParleySettings) -> ChannelRegistry {
        ChannelRegistry([
            DiscordChannel(apiURL: settings.discordAPIURL),
            SlackChannel(apiURL: settings.slackAPIURL),
            TelegramChannel(apiURL: settings.telegramAPIURL),
            WhatsAppChannel(apiURL: settings.whatsAppAPIURL),
        ])
    }
}
