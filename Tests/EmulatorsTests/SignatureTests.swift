import Crypto
import Emulators
import ParleyCore
import Testing

/// The signers against vectors that other programs computed.
@Suite struct SignatureTests {
    @Test(arguments: [
        (
            "8f742231b10e8888abcd99yyyzzz85a5", "1531420618",
            "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
                + "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
                + "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
                + "%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        ),
        (
            "test-signing-secret", "1700000000", #"{"type":"url_verification","token":"x","challenge":"abc123"}"#,
            "v0=4d107f369c731ec0ffc1ccb1b8ea948d0d5a9461f1e082d2dab23c48a060cbca"
        ),
        (
            "test-signing-secret", "1700000000",
            #"{"type":"event_callback","event":{"type":"message","text":"héllo 😀"}}"#,
            "v0=7d68dfd772e42c045f7abff57d1ac281e1075f97f1d36fc4fd3f76b02eee64fa"
        ),
    ])
    func `Slack's signature is that of its documentation`(
        secret: String,
        timestamp: String,
        body: String,
        expected: String
    ) {
        #expect(WebhookSignature.slack(secret: secret, timestamp: timestamp, body: Array(body.utf8)) == expected)
    }

    @Test func `WhatsApp's signature covers the escaped bytes`() {
        let body: JSON = [
            "object": "whatsapp_business_account",
            "entry": [
                [
                    "id": "1",
                    "changes": [
                        ["field": "messages", "value": ["messages": [["text": ["body": "héllo 😀"]]]]]
                    ],
                ]
            ],
        ]
        let bytes = body.encodedInASCII()
        #expect(bytes.count == 159)
        #expect(
            WebhookSignature.whatsApp(secret: "test-app-secret", body: bytes)
                == "sha256=9c6dbd6016b70b0985ecb76331ce5eb0fc316b269c400902b22a7594d447a241"
        )
    }

    private static let seed = "9d17d1933b69c2bdf483d6a2e6b5a0943e50e1adfb327d734f39e002ef33a4bf"
    private static let publicKey = "cd6adac0f6048d56897743086aeb9a7f8e46867a56d32931564410dc9bb64f3d"

    @Test func `Discord's signature is valid for the public key of the seed`() throws {
        let seed = try #require(Hex.decode(SignatureTests.seed))
        #expect(WebhookSignature.discordPublicKey(seed: seed) == SignatureTests.publicKey)
        let body = Array(#"{"type":1}"#.utf8)
        let text = try #require(WebhookSignature.discord(seed: seed, timestamp: "1700000000", body: body))
        let signature = try #require(Hex.decode(text))
        let key = try Curve25519.Signing.PublicKey(
            rawRepresentation: try #require(Hex.decode(SignatureTests.publicKey))
        )
        #expect(key.isValidSignature(signature, for: Array("1700000000".utf8) + body))
        #expect(!key.isValidSignature(signature, for: Array("1700000001".utf8) + body))
    }

    @Test func `a vector that another library made is accepted too`() throws {
        let known =
            "7d357c74cbe4670ac63df6fec7f3b98bd1054f396d9852108a7315e21142e759"
            + "f132772e718f5acbf9b86a186eaa55d3995bb9679c0f7906dbd47f27b774360b"
        let key = try Curve25519.Signing.PublicKey(
            rawRepresentation: try #require(Hex.decode(SignatureTests.publicKey))
        )
        #expect(key.isValidSignature(try #require(Hex.decode(known)), for: Array(#"1700000000{"type":1}"#.utf8)))
    }

    @Test func `a seed of another length makes no signature`() {
        #expect(WebhookSignature.discord(seed: [1, 2, 3], timestamp: "1", body: []) == nil)
    }
}
