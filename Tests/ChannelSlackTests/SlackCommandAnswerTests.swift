import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

/// Answers to slash commands go to the address that came with the command, while it lives.
@Suite struct SlackCommandAnswerTests {
    private let channel = SlackChannel()
    private let url = "https://hooks.slack.com/commands/T1/1/abc"
    private let ok = HTTPAnswer(status: 200, body: Array("ok".utf8))

    @Test func `the answer goes to the response_url, for one person, without a token`() async throws {
        let transport = RecordingTransport([.success(ok)])
        let verdict = await channel.send(delivery(), as: .slack(), over: transport)
        #expect(verdict == .delivered(DeliveryReceipt(platformMessageID: nil)))
        let call = try #require(transport.calls.first)
        #expect(call.url == url)
        #expect(!call.headers.contains { $0.name.lowercased() == "authorization" })
        let body = try JSON(parsing: call.body)
        #expect(body["response_type"] == "ephemeral")
        #expect(body["text"]?.string?.isEmpty == false)
    }

    @Test func `once it has run out the channel gets the answer`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "channel": "C1", "ts": "1.000000"])
        var late = delivery()
        late.now = Timestamp(seconds: 1_760_001_900)
        #expect(await channel.send(late, as: .slack(), over: transport).word == "delivered")
        let call = try #require(transport.calls.first)
        #expect(call.url == "https://slack.com/api/chat.postMessage")
        #expect(try JSON(parsing: call.body)["channel"] == "C1")
    }

    @Test(arguments: [
        (404, #"{"ok":false,"error":"expired_url"}"#), (200, #"{"ok":false,"error":"used_url"}"#), (410, ""),
    ])
    func `an address that Slack calls used up moves the answer to the channel`(_ status: Int, _ body: String) async {
        let transport = RecordingTransport([.success(HTTPAnswer(status: status, body: Array(body.utf8)))])
        let verdict = await channel.send(delivery(), as: .slack(), over: transport)
        #expect(verdict == .moved(to: ["channel": "C1"], reason: "the response_url has run out"))
    }

    @Test func `after moving, the same payload is posted`() async throws {
        let transport = RecordingTransport(json: ["ok": true, "channel": "C1", "ts": "1.000000"])
        var moved = delivery()
        moved.address = ["channel": "C1"]
        #expect(await channel.send(moved, as: .slack(), over: transport).word == "delivered")
        #expect(try #require(transport.calls.first).url == "https://slack.com/api/chat.postMessage")
    }

    @Test func `the sixth part is posted, since five is all the address takes`() {
        let long = ReplyDocument((0..<120).map { .paragraph([.text(String(repeating: "word \($0) ", count: 40))]) })
        let methods = channel.render(long, to: address, for: .slack()).compactMap { $0.payload["method"]?.string }
        #expect(methods.count > 6)
        #expect(methods.prefix(5).allSatisfy { $0 == "response_url" })
        #expect(methods.dropFirst(5).allSatisfy { $0 == "chat.postMessage" })
    }

    @Test func `a possible repetition is marked, since the address has no key`() async throws {
        let transport = RecordingTransport([.success(ok)])
        var repeated = delivery()
        repeated.mayRepeat = true
        _ = await channel.send(repeated, as: .slack(), over: transport)
        let body = try JSON(parsing: try #require(transport.calls.first).body)
        #expect(body["text"]?.string?.hasPrefix(OutgoingDelivery.repeatMark + "\n") == true)
    }

    @Test func `whether it arrived cannot be known`() async {
        let transport = RecordingTransport([])
        #expect(await channel.reconcile(delivery(), as: .slack(), over: transport) == .unknowable)
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: [
        "http://169.254.169.254/latest", "https://hooks.slack.com.evil.example/x", "https://slack.com/api/x",
        "http://hooks.slack.com/x", "https://evil.example/https://hooks.slack.com/", "",
    ])
    func `an address that does not lead to Slack is not posted to`(_ url: String) async {
        let transport = RecordingTransport([.success(ok)])
        var foreign = delivery()
        foreign.address["response_url"] = .string(url)
        #expect(await channel.send(foreign, as: .slack(), over: transport).word == "dead")
        #expect(transport.calls.isEmpty)
    }

    @Test func `an emulator's own address is trusted where the API is the emulator`() async throws {
        let transport = RecordingTransport([.success(ok)])
        var local = delivery()
        local.address["response_url"] = "http://127.0.0.1:9000/commands/1"
        let emulated = SlackChannel(apiURL: "http://127.0.0.1:9000/slack/api")
        #expect(await emulated.send(local, as: .slack(), over: transport).word == "delivered")
    }

    private var address: JSON {
        ["channel": "C1", "user": "U1", "response_url": .string(url), "expires_at": 1_760_001_860]
    }

    private func delivery() -> OutgoingDelivery {
        let reply = ReplyDocument([.paragraph([.text("Yes, 5 in stock.")])])
        return .slack(channel.render(reply, to: address, for: .slack()).first?.payload ?? [:], to: address)
    }
}
