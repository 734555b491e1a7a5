import ChannelDiscord
import ChannelKit
import Crypto
import ParleyCore
import ParleyTesting

/// An application, an interaction of it, and deliveries that answer it.
enum Fixture {
    static let channel = DiscordChannel(apiURL: "https://discord.test/api/v10/")
    static let botToken = "SECRET.bot-token"
    static let interactionToken = "SECRET-interaction_token"
    /// When the interaction was created.
    static let start = Timestamp(seconds: 1_760_000_000)

    static let integration = bot(["application_id": "77", "public_key": "", "bot_token": botToken])

    static func bot(_ credentials: [String: String]) -> ChannelIntegration {
        ChannelIntegration(
            id: ID(at: start),
            businessID: ID(at: start),
            channel: "discord",
            name: "@acme",
            credentials: ChannelCredentials(credentials.mapValues { Secret($0) }),
            settings: ["application_id": "77", "bot_id": "77"]
        )
    }

    static let address: JSON = [
        "application_id": "77", "interaction_id": "9001", "token": .string(interactionToken), "channel_id": "600",
        "expires_at": .integer(start.seconds + 870),
    ]

    /// A delivery made at ``start`` and attempted `age` later.
    static func delivery(
        part: Int64 = 0,
        markdown: String = "Hello **you**",
        to address: JSON = address,
        age: Duration = .seconds(2),
        attempt: Int = 1,
        plain: Bool = false,
        mayRepeat: Bool = false
    ) -> OutgoingDelivery {
        let calls = channel.render(ReplyDocument(markdown: markdown), to: address, for: integration)
        var payload = calls.first?.payload ?? .null
        payload["part"] = .integer(part)
        return OutgoingDelivery(
            id: ID(UUID7(high: 0x0199_C0DE_0000_7ABC, low: 0x8000_0000_0000_0001)),
            payload: payload,
            address: address,
            attempt: attempt,
            usesPlainText: plain,
            mayRepeat: mayRepeat,
            createdAt: start,
            now: start.advanced(by: age)
        )
    }

    static func answer(_ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []) -> HTTPAnswer {
        HTTPAnswer(status: status, headers: headers, body: Array(body.utf8))
    }
}

/// Signs as Discord does, with keys that the tests know.
struct DiscordSigner: Sendable {
    let publicKey: String
    private let key: Curve25519.Signing.PrivateKey

    init?(seed hex: String) {
        guard let seed = Hex.decode(hex), let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            return nil
        }
        self.key = key
        publicKey = Hex.encode(Array(key.publicKey.rawRepresentation))
    }

    /// The request with the headers that prove it, stamped with the time at which it is received.
    func sign(_ request: WebhookRequest) -> WebhookRequest {
        let timestamp = String(request.receivedAt.seconds)
        let signature = try? key.signature(for: Array(timestamp.utf8) + request.body)
        var headers = request.headers
        headers["x-signature-timestamp"] = timestamp
        headers["x-signature-ed25519"] = signature.map { Hex.encode($0) } ?? ""
        return request.with(headers: headers)
    }

    /// SHA-256 of "chat-platform-test-key": the samples are signed with it.
    static let samples = DiscordSigner(seed: "9d17d1933b69c2bdf483d6a2e6b5a0943e50e1adfb327d734f39e002ef33a4bf")
    static let first = DiscordSigner(seed: String(repeating: "1f", count: 32))
    static let second = DiscordSigner(seed: String(repeating: "2e", count: 32))
    static let stranger = DiscordSigner(seed: String(repeating: "3d", count: 32))
}

extension HTTPCall {
    var json: JSON? { try? JSON(parsing: body) }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
