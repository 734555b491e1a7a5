import ChannelKit
import ChannelTelegram
import ParleyCore
import ParleyTesting

/// A bot, a chat and a delivery to it.
enum Fixture {
    static let channel = TelegramChannel(apiURL: "https://telegram.test/")
    static let token = "777:SECRET-token_of-the-bot"
    static let now = Timestamp(seconds: 1_760_000_000)

    static let integration = bot(["bot_token": token, "webhook_secret": "tg-test_SECRET-01"])

    static func bot(_ credentials: [String: String]) -> ChannelIntegration {
        ChannelIntegration(
            id: ID(at: now),
            businessID: ID(at: now),
            channel: "telegram",
            name: "@acme_bot",
            credentials: ChannelCredentials(credentials.mapValues { Secret($0) }),
            settings: ["bot_id": 777, "bot_username": "acme_bot"]
        )
    }

    static let group: JSON = ["chat_id": -100_123, "message_thread_id": 42, "reply_to": 90]

    static func delivery(
        _ markdown: String = "Hello **you**",
        to address: JSON = group,
        plain: Bool = false,
        mayRepeat: Bool = false
    ) -> OutgoingDelivery {
        let calls = channel.render(ReplyDocument(markdown: markdown), to: address, for: integration)
        return OutgoingDelivery(
            id: ID(at: now),
            payload: calls.first?.payload ?? .null,
            address: address,
            attempt: 1,
            usesPlainText: plain,
            mayRepeat: mayRepeat,
            createdAt: now,
            now: now
        )
    }

    static func answer(_ status: Int, _ body: String) -> HTTPAnswer {
        HTTPAnswer(status: status, body: Array(body.utf8))
    }
}

extension HTTPCall {
    var json: JSON? { try? JSON(parsing: body) }
}
