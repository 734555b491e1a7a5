import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

/// Signatures that were computed elsewhere: Slack's own example and two made with another implementation.
@Suite struct SlackVectorTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let secret: String
        let timestamp: Int64
        let body: String
        let signature: String
        var testDescription: String { String(body.prefix(40)) }
    }

    static let vectors = [
        Vector(
            secret: "8f742231b10e8888abcd99yyyzzz85a5",
            timestamp: 1_531_420_618,
            body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
                + "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
                + "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
                + "96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            signature: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        ),
        Vector(
            secret: "test-signing-secret",
            timestamp: 1_700_000_000,
            body: #"{"type":"url_verification","token":"x","challenge":"abc123"}"#,
            signature: "v0=4d107f369c731ec0ffc1ccb1b8ea948d0d5a9461f1e082d2dab23c48a060cbca"
        ),
        Vector(
            secret: "test-signing-secret",
            timestamp: 1_700_000_000,
            body: #"{"type":"event_callback","event":{"type":"message","text":"héllo 😀"}}"#,
            signature: "v0=7d68dfd772e42c045f7abff57d1ac281e1075f97f1d36fc4fd3f76b02eee64fa"
        ),
    ]

    @Test(arguments: vectors)
    func `a published signature is accepted`(_ vector: Vector) throws {
        let reading = try SlackChannel().read(request(vector), for: .slack(signingSecret: vector.secret))
        #expect(reading.answer.status == 200)
    }

    @Test(arguments: vectors)
    func `the tests' own signer agrees with it`(_ vector: Vector) {
        let signed = SlackSigning.signed(request(vector), under: vector.secret)
        #expect(signed.headers["x-slack-signature"] == vector.signature)
    }

    private func request(_ vector: Vector) -> WebhookRequest {
        WebhookRequest(
            method: .post,
            headers: [
                "content-type": vector.body.hasPrefix("{") ? "application/json" : "application/x-www-form-urlencoded",
                "x-slack-request-timestamp": String(vector.timestamp), "x-slack-signature": vector.signature,
            ],
            body: Array(vector.body.utf8),
            receivedAt: Timestamp(seconds: vector.timestamp)
        )
    }
}

extension ChannelIntegration {
    static func slack(
        signingSecret: String = "sample",
        botToken: String = "xoxb-sample",
        settings: JSON = ["team_id": "T1", "bot_user_id": "UBOT", "bot_id": "BBOT"]
    ) -> ChannelIntegration {
        ChannelIntegration(
            id: ID(UUID7(high: 1, low: 1)),
            businessID: ID(UUID7(high: 1, low: 2)),
            channel: "slack",
            name: "Acme",
            credentials: ChannelCredentials([
                "bot_token": Secret(botToken), "signing_secret": Secret(signingSecret),
            ]),
            settings: settings
        )
    }
}
