import ChannelKit
import ChannelTelegram
import ParleyCore
import ParleyTesting
import Testing

@Suite struct TelegramSendingTests {
    @Test func `a reply is one sendMessage with the token in the path`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "result": ["message_id": 91]])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict == .delivered(DeliveryReceipt(platformMessageID: "91")))
        let call = try #require(transport.calls.first)
        #expect(transport.calls.count == 1)
        #expect(call.method == .post)
        #expect(call.url == "https://telegram.test/bot\(Fixture.token)/sendMessage")
        #expect(call.headers.contains { $0.name == "content-type" && $0.value.hasPrefix("application/json") })
        #expect(
            call.json?.sorted
                == ([
                    "chat_id": -100_123, "message_thread_id": 42, "text": "Hello <b>you</b>", "parse_mode": "HTML",
                    "link_preview_options": ["is_disabled": true],
                    "reply_parameters": ["message_id": 90, "allow_sending_without_reply": true],
                ] as JSON).sorted
        )
    }

    @Test func `a private chat gets neither thread nor reply`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "result": ["message_id": 1]])
        _ = await Fixture.channel.send(
            Fixture.delivery(to: ["chat_id": 5]),
            as: Fixture.integration,
            over: transport
        )
        let body = try #require(transport.calls.first?.json)
        #expect(body["chat_id"] == 5)
        #expect(body["message_thread_id"] == nil)
        #expect(body["reply_parameters"] == nil)
    }

    @Test func `the plain form has no parse mode`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "result": ["message_id": 1]])
        let delivery = Fixture.delivery("a < b & **c**", plain: true)
        _ = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        let body = try #require(transport.calls.first?.json)
        #expect(body["parse_mode"] == nil)
        let text = try #require(body["text"]?.string)
        #expect(text.hasPrefix("a < b & "))
        #expect(!text.contains("&amp;"))
    }

    @Test(arguments: [false, true])
    func `what may come twice says so`(plain: Bool) async throws {
        let transport = RecordingTransport(json: ["ok": true, "result": ["message_id": 1]])
        let delivery = Fixture.delivery(plain: plain, mayRepeat: true)
        _ = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        let text = try #require(transport.calls.first?.json?["text"]?.string)
        #expect(text.hasPrefix("\(OutgoingDelivery.repeatMark)\nHello "))
    }

    @Test func `a delivery goes to its address, not to where it was rendered for`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "result": ["message_id": 1]])
        var delivery = Fixture.delivery()
        delivery.address = ["chat_id": -100_999]
        _ = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        let body = try #require(transport.calls.first?.json)
        #expect(body["chat_id"] == -100_999)
        #expect(body["message_thread_id"] == nil)
        #expect(body["reply_parameters"] == nil)
    }

    @Test func `a long reply is split below 4096 UTF-16 units, and only its first part replies`() throws {
        let word = "Größe 👩‍👩‍👧 "
        let reply = ReplyDocument(markdown: String(repeating: word, count: 1200))
        let calls = Fixture.channel.render(reply, to: Fixture.group, for: Fixture.integration)
        #expect(calls.count > 1)
        let mark = OutgoingDelivery.repeatMark.utf16.count + 1
        for (index, call) in calls.enumerated() {
            let text = try #require(call.payload["body"]?["text"]?.string)
            let plain = try #require(call.payload["plain"]?["text"]?.string)
            #expect(text.utf16.count + mark <= 4096)
            #expect(plain.utf16.count + mark <= 4096)
            #expect((call.payload["body"]?["reply_parameters"] != nil) == (index == 0))
        }
        let said = calls.map(\.text).joined(separator: " ").filter { !$0.isWhitespace }
        #expect(said == String(repeating: word, count: 1200).filter { !$0.isWhitespace })
    }

    @Test func `a payload holds no credential`() {
        let payload = Fixture.delivery().payload.description
        #expect(!payload.contains("SECRET"))
    }

    @Test func `without a token the business must act`() async {
        let transport = RecordingTransport([])
        for credentials in [[:], ["bot_token": ""]] {
            let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.bot(credentials), over: transport)
            guard case .dead(_, .integration) = verdict else {
                Issue.record("\(verdict)")
                return
            }
        }
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: [JSON.null, [:], ["chat_id": "x"], ["chat_id": true], []])
    func `an address that is none is dead, not a trap`(address: JSON) async {
        var delivery = Fixture.delivery()
        delivery.address = address
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: RecordingTransport([]))
        #expect(verdict == .dead(reason: "the delivery has no chat or no text", scope: .delivery))
    }

    @Test func `typing is a chat action in the same topic`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "result": true])
        await Fixture.channel.showTyping(at: Fixture.group, as: Fixture.integration, over: transport)
        let call = try #require(transport.calls.first)
        #expect(call.url == "https://telegram.test/bot\(Fixture.token)/sendChatAction")
        #expect(call.json == ["chat_id": -100_123, "message_thread_id": 42, "action": "typing"])
        #expect(Fixture.channel.typingInterval == .seconds(4))
    }
}
