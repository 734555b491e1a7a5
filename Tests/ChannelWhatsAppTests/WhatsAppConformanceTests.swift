import ChannelKit
import ChannelWhatsApp
import ParleyCore
import ParleyTesting
import Testing

@Suite struct WhatsAppConformanceTests {
    @Test(arguments: ChannelConformance.Rule.allCases)
    func `WhatsApp keeps the rule`(_ rule: ChannelConformance.Rule) throws {
        #expect(try ChannelConformance.complaints(about: rule, of: whatsApp) == [])
    }

    /// Computed elsewhere, with another implementation: plain, and with literal `\u` escapes.
    @Test(arguments: [
        (
            #"{"object":"whatsapp_business_account","entry":[]}"#,
            "sha256=c84a394cc475525991e78ff16e430b02e47f953877d2af0ade26956ce6f384dc"
        ),
        (
            #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":"#
                + #"{"messages":[{"text":{"body":"h\u00e9llo \ud83d\ude00"}}]}}]}]}"#,
            "sha256=9c6dbd6016b70b0985ecb76331ce5eb0fc316b269c400902b22a7594d447a241"
        ),
    ])
    func `a known signature is accepted, and the tests' own signer agrees with it`(
        _ body: String,
        _ signature: String
    ) throws {
        let request = WebhookRequest(
            method: .post,
            headers: ["content-type": "application/json", "x-hub-signature-256": signature],
            body: Array(body.utf8),
            receivedAt: Timestamp(seconds: 1_760_000_000)
        )
        let reading = try WhatsAppChannel().read(request, for: .whatsApp(["app_secret": "test-app-secret"]))
        #expect(reading.answer == .empty)
        #expect(signed(request, under: "test-app-secret").headers["x-hub-signature-256"] == signature)
    }

    @Test func `a signature over re-encoded JSON is not the same signature`() throws {
        let escaped = Array(#"{"object":"whatsapp_business_account","entry":["h\u00e9llo"]}"#.utf8)
        let request = WebhookRequest(
            method: .post,
            headers: ["content-type": "application/json"],
            body: escaped,
            receivedAt: Timestamp(seconds: 1_760_000_000)
        )
        let reencoded = signed(request, under: "s").with(body: try JSON(parsing: escaped).encoded())
        #expect(throws: WebhookRefusal.self) {
            try WhatsAppChannel().read(reencoded, for: .whatsApp(["app_secret": "s"]))
        }
    }
}

private let whatsApp = ChannelConformance.Subject(
    channel: WhatsAppChannel(),
    folder: "WhatsApp",
    proofField: "app_secret",
    proofHeaders: ["x-hub-signature-256"],
    signsBody: true,
    signsTimestamp: false,
    bareGetStatus: 403,
    secrets: ("one app secret", "another app secret"),
    unknownBodies: [
        "{}", #"{"object":"instagram","entry":[]}"#, #"{"object":7}"#,
        #"{"object":"whatsapp_business_account","entry":[7]}"#,
        #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"something_new"}]}]}"#,
        #"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{}}]}]}"#,
    ],
    prove: { signed($0, under: $1) }
)

/// Meta's side of the proof.
private func signed(_ request: WebhookRequest, under secret: String) -> WebhookRequest {
    var headers = request.headers
    headers["x-hub-signature-256"] = "sha256=" + ReferenceHMAC.sha256Hex(of: request.body, under: secret)
    return request.with(headers: headers)
}

extension ChannelIntegration {
    /// A sample integration with some credentials replaced.
    static func whatsApp(_ fields: [String: String] = [:]) -> ChannelIntegration {
        ChannelIntegration(
            id: ID(UUID7(high: 1, low: 1)),
            businessID: ID(UUID7(high: 1, low: 2)),
            channel: "whatsapp",
            name: "Acme",
            credentials: ChannelCredentials([
                "phone_number_id": Secret("106540352242922"), "access_token": Secret("EAAsample"),
                "app_secret": Secret("s"), "verify_token": Secret("v"),
            ])
        ).holding(fields)
    }
}
