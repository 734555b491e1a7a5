import ChannelKit
import ChannelWhatsApp
import ParleyCore
import ParleyTesting
import Testing

@Suite struct WhatsAppSendingTests {
    private let channel = WhatsAppChannel(apiURL: "https://graph.test/v26.0/")
    private let address: JSON = ["to": "+16505551234", "context": "wamid.IN"]
    private let taken: JSON = [
        "messaging_product": "whatsapp", "contacts": [["input": "+16505551234", "wa_id": "16505551234"]],
        "messages": [["id": "wamid.OUT"]],
    ]

    @Test func `a reply quotes the question and names its delivery`() async throws {
        let transport = RecordingTransport(json: taken)
        let verdict = await channel.send(delivery(), as: .whatsApp(), over: transport)
        #expect(verdict == .delivered(DeliveryReceipt(platformMessageID: "wamid.OUT")))
        let call = try #require(transport.calls.first)
        #expect(call.url == "https://graph.test/v26.0/106540352242922/messages")
        #expect(call.headers.contains { $0.name == "authorization" && $0.value == "Bearer EAAsample" })
        let body = try JSON(parsing: call.body)
        #expect(body["messaging_product"] == "whatsapp")
        #expect(body["recipient_type"] == "individual")
        #expect(body["to"] == "+16505551234")
        #expect(body["recipient"] == nil)
        #expect(body["type"] == "text")
        #expect(body["text"]?["body"]?.string?.contains("5 in stock") == true)
        #expect(body["context"]?["message_id"] == "wamid.IN")
        #expect(body["biz_opaque_callback_data"]?.string == delivery().id.description)
    }

    @Test func `a person without a phone number is answered by user id`() throws {
        let calls = channel.render(reply, to: ["recipient": "US.1349", "context": "wamid.IN"], for: .whatsApp())
        let body = try #require(calls.first?.payload["body"])
        #expect(body["recipient"] == "US.1349")
        #expect(body["to"] == nil)
    }

    @Test func `a long reply quotes the question once and keeps within the limit, repeat mark included`() {
        let long = ReplyDocument((0..<40).map { .paragraph([.text(String(repeating: "word \($0) ", count: 40))]) })
        let calls = channel.render(long, to: address, for: .whatsApp())
        #expect(calls.count > 2)
        for (index, call) in calls.enumerated() {
            let length = call.payload["body"]?["text"]?["body"]?.string?.utf16.count ?? .max
            #expect(length + OutgoingDelivery.repeatMark.utf16.count + 1 <= 4096)
            #expect((call.payload["body"]?["context"] != nil) == (index == 0))
        }
    }

    @Test func `a possible repetition is marked, since WhatsApp has no key`() async throws {
        let transport = RecordingTransport(json: taken)
        var repeated = delivery()
        repeated.mayRepeat = true
        _ = await channel.send(repeated, as: .whatsApp(), over: transport)
        let body = try JSON(parsing: try #require(transport.calls.first).body)
        #expect(body["text"]?["body"]?.string?.hasPrefix(OutgoingDelivery.repeatMark + "\n") == true)
    }

    @Test(arguments: [["phone_number_id": ""], ["phone_number_id": "1/../2"], ["access_token": ""]])
    func `without a number or a token nothing is sent`(_ fields: [String: String]) async {
        let transport = RecordingTransport(json: taken)
        #expect(await channel.send(delivery(), as: .whatsApp(fields), over: transport).word == "dead")
        #expect(transport.calls.isEmpty)
    }

    // MARK: Errors

    @Test(arguments: [1, 2, 131_000, 131_016, 131_057, 133_004, 2_494_100] as [Int64])
    func `what may pass later is tried again`(_ code: Int64) async {
        let verdict = await verdict(code)
        guard case .retry(_, .conversation, _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
    }

    @Test(arguments: [4, 80_007, 130_429] as [Int64])
    func `a limit of the whole number holds back the integration`(_ code: Int64) async {
        let verdict = await verdict(code)
        guard case .retry(_, .integration, _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
    }

    @Test(arguments: [(0, 4), (1, 4), (2, 16), (3, 64), (5, 1024), (6, 3600), (99, 3600)] as [(Int, Int64)])
    func `the limit of one person waits four to the power of the attempt`(_ attempt: Int, _ seconds: Int64) async {
        let verdict = await verdict(131_056, attempt: attempt)
        guard case .retry(let wait, .conversation, _) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(wait == .seconds(seconds))
    }

    @Test(
        arguments: [
            0, 3, 10, 33, 190, 200, 250, 299, 368, 130_497, 131_005, 131_031, 131_037, 131_042, 131_045,
            131_063, 133_010,
        ] as [Int64]
    )
    func `what the owner must mend kills the integration`(_ code: Int64) async {
        let verdict = await verdict(code)
        guard case .dead(_, .integration) = verdict else {
            Issue.record("\(verdict)")
            return
        }
    }

    @Test(
        arguments: [
            100, 130_403, 130_472, 131_008, 131_009, 131_021, 131_026, 131_030, 131_047, 131_048, 131_049,
            131_050, 131_051, 131_053, 131_062, 131_064, 132_000, 132_015, 132_069, 133_016, 137_000, 999_999,
        ] as [Int64]
    )
    func `what is about one message or person kills that message`(_ code: Int64) async {
        let verdict = await verdict(code)
        guard case .dead(let reason, .delivery) = verdict else {
            Issue.record("\(verdict)")
            return
        }
        #expect(reason.hasPrefix("\(code): "))
    }

    @Test func `a number that this token cannot see kills the integration`() async {
        let error: JSON = ["error": ["code": 100, "error_subcode": 33, "message": "does not exist"]]
        let transport = RecordingTransport(status: 400, json: error)
        let verdict = await channel.send(delivery(), as: .whatsApp(), over: transport)
        #expect(verdict == .dead(reason: "100: does not exist", scope: .integration))
    }

    @Test(
        arguments: [
            (500, nil, "uncertain"), (502, nil, "uncertain"), (503, nil, "uncertain"), (500, 131_000, "uncertain"),
            (500, 1, "uncertain"), (503, 131_016, "retry"), (500, 999_999, "uncertain"), (429, nil, "retry"),
            (401, nil, "dead"), (404, nil, "dead"), (302, nil, "dead"),
        ] as [(Int, Int64?, String)]
    )
    func `a 5xx is uncertain unless its code says that nothing was done`(
        _ status: Int,
        _ code: Int64?,
        _ word: String
    ) async {
        let body: JSON = code.map { ["error": ["code": .integer($0), "message": "x"]] } ?? ["html": true]
        let transport = RecordingTransport(status: status, json: body)
        #expect(await channel.send(delivery(), as: .whatsApp(), over: transport).word == word)
    }

    @Test func `a 200 without a message id is uncertain`() async {
        let transport = RecordingTransport(json: ["messages": []])
        #expect(await channel.send(delivery(), as: .whatsApp(), over: transport).word == "uncertain")
    }

    @Test(arguments: [(TransportError.noAnswer, "uncertain"), (.notConnected, "retry"), (.invalidURL, "dead")])
    func `no answer is uncertain, no connection is not`(_ error: TransportError, _ word: String) async {
        let transport = RecordingTransport([.failure(error)])
        #expect(await channel.send(delivery(), as: .whatsApp(), over: transport).word == word)
    }

    @Test func `an uncertain message waits for its status, and then cannot be known`() async {
        let transport = RecordingTransport([])
        var lost = delivery()
        #expect(await channel.reconcile(lost, as: .whatsApp(), over: transport) == .wait(.seconds(5)))
        lost.now = lost.createdAt.advanced(by: .seconds(60))
        #expect(await channel.reconcile(lost, as: .whatsApp(), over: transport) == .unknowable)
        #expect(transport.calls.isEmpty)
    }

    private func verdict(_ code: Int64, attempt: Int = 1) async -> Verdict {
        let error: JSON = [
            "error": ["code": .integer(code), "message": .string("(#\(code)) no"), "type": "OAuthException"]
        ]
        var delivery = delivery()
        delivery.attempt = attempt
        let transport = RecordingTransport(status: 400, json: error)
        return await channel.send(delivery, as: .whatsApp(), over: transport)
    }

    private let reply = ReplyDocument([.paragraph([.text("Yes, "), .strong([.text("5 in stock")]), .text(".")])])

    private func delivery() -> OutgoingDelivery {
        OutgoingDelivery(
            id: ID(UUID7(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0042)),
            payload: channel.render(reply, to: address, for: .whatsApp()).first?.payload ?? [:],
            address: address,
            attempt: 1,
            createdAt: Timestamp(seconds: 1_760_000_050),
            now: Timestamp(seconds: 1_760_000_060)
        )
    }
}
