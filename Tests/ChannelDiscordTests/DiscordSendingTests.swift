import ChannelDiscord
import ChannelKit
import ParleyCore
import ParleyTesting
import Testing

@Suite struct DiscordSendingTests {
    private let message = Fixture.answer(200, #"{"id":"701","channel_id":"600"}"#)

    @Test func `the first part replaces what thinks, without the bot's token`() async throws {
        let transport = RecordingTransport([.success(message)])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict == .delivered(DeliveryReceipt(platformMessageID: "701")))
        let call = try #require(transport.calls.first)
        #expect(call.method == .patch)
        #expect(call.url == "https://discord.test/api/v10/webhooks/77/\(Fixture.interactionToken)/messages/@original")
        #expect(call.header("authorization") == nil)
        #expect(call.header("user-agent") == "DiscordBot (https://parley.invalid, 1.0)")
        #expect(call.json == ["content": "Hello **you**", "allowed_mentions": ["parse": []]])
    }

    @Test func `a later part follows up, and waits to learn its id`() async throws {
        let transport = RecordingTransport([.success(message)])
        _ = await Fixture.channel.send(Fixture.delivery(part: 1), as: Fixture.integration, over: transport)
        let call = try #require(transport.calls.first)
        #expect(call.method == .post)
        #expect(call.url == "https://discord.test/api/v10/webhooks/77/\(Fixture.interactionToken)?wait=true")
        #expect(call.json?["nonce"] == nil)
    }

    @Test(arguments: [0, 1] as [Int64])
    func `after a quarter of an hour the bot writes in its own name`(part: Int64) async throws {
        let transport = RecordingTransport([.success(message)])
        let delivery = Fixture.delivery(part: part, age: .seconds(870))
        _ = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        let call = try #require(transport.calls.first)
        #expect(transport.calls.count == 1)
        #expect(call.url == "https://discord.test/api/v10/channels/600/messages")
        #expect(call.header("authorization") == "Bot \(Fixture.botToken)")
        #expect(call.json?["enforce_nonce"] == true)
        let nonce = try #require(call.json?["nonce"]?.string)
        #expect((1...25).contains(nonce.utf8.count))
        #expect(call.json?["content"] == "Hello **you**")
    }

    @Test func `the nonce is the delivery's own, at its longest 25 characters`() async throws {
        var nonces: Set<String> = []
        for low in [0x8000_0000_0000_0001, UInt64.max] {
            var delivery = Fixture.delivery(age: .seconds(900))
            delivery.id = ID(UUID7(high: .max, low: low))
            for _ in 0..<2 {
                let transport = RecordingTransport([.success(message)])
                _ = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
                nonces.insert(try #require(transport.calls.first?.json?["nonce"]?.string))
            }
        }
        #expect(nonces.count == 2)
        #expect(nonces.allSatisfy { $0.utf8.count == 25 })
    }

    @Test(arguments: [
        (401, #"{"message":"Invalid Webhook Token","code":50027}"#, 0),
        (404, #"{"message":"Unknown interaction","code":10062}"#, 0),
        (401, #"{"message":"401: Unauthorized","code":0}"#, 0),
        (404, #"{"message":"Unknown Webhook","code":10015}"#, 3),
        (404, #"{"message":"Unknown Message","code":10008}"#, 3),
        (400, #"{"message":"Maximum number of follow up messages","code":40094}"#, 0),
    ])
    func `a token that Discord calls over is replaced by the bot's own`(status: Int, body: String, age: Int) async {
        let transport = RecordingTransport([.success(Fixture.answer(status, body)), .success(message)])
        let delivery = Fixture.delivery(age: .seconds(age), attempt: 9)
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(verdict == .delivered(DeliveryReceipt(platformMessageID: "701")))
        #expect(transport.calls.map(\.method) == [.patch, .post])
        #expect(transport.calls.last?.url == "https://discord.test/api/v10/channels/600/messages")
    }

    @Test(arguments: [10_008, 10_015])
    func `a reply quicker than Discord's own books waits a moment`(code: Int64) async {
        let body = JSON.object(["message": "Unknown", "code": .integer(code)]).description
        let transport = RecordingTransport([.success(Fixture.answer(404, body))])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict == .retry(after: .milliseconds(500), scope: .conversation, reason: "\(code) Unknown"))
        #expect(transport.calls.count == 1)
    }

    struct Repeat: Sendable {
        let delivery: OutgoingDelivery
        let isMarked: Bool
        init(_ isMarked: Bool, _ delivery: OutgoingDelivery) {
            self.delivery = delivery
            self.isMarked = isMarked
        }
    }

    @Test(arguments: [
        // Editing twice is editing once.
        Repeat(false, Fixture.delivery(attempt: 5, mayRepeat: true)),
        Repeat(false, Fixture.delivery(part: 1)),
        Repeat(false, Fixture.delivery(part: 1, attempt: 2)),
        Repeat(true, Fixture.delivery(part: 1, attempt: 2, mayRepeat: true)),
        Repeat(true, Fixture.delivery(part: 1, attempt: 2, plain: true, mayRepeat: true)),
        // By now only the channel can be written to, and the edit may have arrived.
        Repeat(true, Fixture.delivery(age: .seconds(900), attempt: 2)),
        Repeat(false, Fixture.delivery(age: .seconds(900), attempt: 1)),
        // Discord recognises the nonce for a few minutes.
        Repeat(false, Fixture.delivery(to: ["channel_id": "600"], age: .seconds(60), attempt: 2)),
        Repeat(true, Fixture.delivery(to: ["channel_id": "600"], age: .seconds(600), attempt: 2)),
    ])
    func `what may come twice says so, what cannot does not`(repeated: Repeat) async throws {
        let transport = RecordingTransport([.success(message)])
        _ = await Fixture.channel.send(repeated.delivery, as: Fixture.integration, over: transport)
        let content = try #require(transport.calls.first?.json?["content"]?.string)
        #expect(content.hasPrefix(OutgoingDelivery.repeatMark) == repeated.isMarked)
        #expect(content.hasSuffix(repeated.delivery.usesPlainText ? "you" : "Hello **you**"))
    }

    @Test func `reconciling tells what can be sent again unseen`() async {
        let cases: [(OutgoingDelivery, Reconciliation)] = [
            (Fixture.delivery(), .didNotArrive),
            (Fixture.delivery(part: 1), .unknowable),
            (Fixture.delivery(age: .seconds(900)), .unknowable),
            (Fixture.delivery(to: ["channel_id": "600"], age: .seconds(60)), .didNotArrive),
            (Fixture.delivery(to: ["channel_id": "600"], age: .seconds(600)), .unknowable),
            (Fixture.delivery(to: [:]), .unknowable),
        ]
        for (delivery, expected) in cases {
            let transport = RecordingTransport([])
            let found = await Fixture.channel.reconcile(delivery, as: Fixture.integration, over: transport)
            #expect(found == expected)
            #expect(transport.calls.isEmpty)
        }
    }

    @Test func `a long reply is split below 2000 UTF-16 units, and its parts are counted`() throws {
        let markdown = String(repeating: "Größe 👩‍👩‍👧 ", count: 500) + "\n\n```swift\nlet x = 1\n```"
        let calls = Fixture.channel.render(
            ReplyDocument(markdown: markdown),
            to: Fixture.address,
            for: Fixture.integration
        )
        #expect(calls.count > 1)
        let mark = OutgoingDelivery.repeatMark.utf16.count + 1
        for (index, call) in calls.enumerated() {
            #expect(call.payload["part"] == JSON(index))
            for form in ["body", "plain"] {
                let content = try #require(call.payload[form]?["content"]?.string)
                #expect(content.utf16.count + mark <= 2000)
                #expect(call.payload[form]?["allowed_mentions"] == ["parse": []])
            }
            #expect(!call.payload.description.contains("SECRET"))
        }
    }

    @Test func `nobody is pinged by what a model wrote`() async throws {
        let transport = RecordingTransport([.success(message)])
        let delivery = Fixture.delivery(markdown: "@everyone <@1001> <@&5>", age: .seconds(900))
        _ = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(transport.calls.first?.json?["allowed_mentions"] == ["parse": []])
    }

    @Test(arguments: [JSON.null, [], [:], ["channel_id": 600], ["channel_id": "../users"], ["token": "t"]])
    func `an address that is none is dead, not a trap`(address: JSON) async {
        var delivery = Fixture.delivery()
        delivery.address = address
        let transport = RecordingTransport([])
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(verdict == .dead(reason: "no channel_id", scope: .delivery))
        #expect(transport.calls.isEmpty)
    }
}
