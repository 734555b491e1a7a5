import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

@Suite struct SlackSendingTests {
    private let channel = SlackChannel(apiURL: "https://slack.test/api/")
    private let thread: JSON = ["channel": "C1", "thread_ts": "1760000000.000100"]
    private let posted: JSON = ["ok": true, "channel": "C1", "ts": "1760000060.000100"]

    @Test func `a reply is posted to the thread with the token in a header`() async throws {
        let transport = RecordingTransport(json: posted)
        let verdict = await channel.send(delivery(to: thread), as: .slack(), over: transport)
        #expect(verdict == .delivered(DeliveryReceipt(platformMessageID: "C1:1760000060.000100")))
        let call = try #require(transport.calls.first)
        #expect(call.url == "https://slack.test/api/chat.postMessage")
        #expect(call.headers.contains { $0.name == "authorization" && $0.value == "Bearer xoxb-sample" })
        let body = try JSON(parsing: call.body)
        #expect(body["channel"] == "C1")
        #expect(body["thread_ts"] == "1760000000.000100")
        #expect(body["mrkdwn"] == true)
        #expect(body["unfurl_links"] == false)
        #expect(body["unfurl_media"] == false)
        #expect(body["text"]?.string?.contains("5 in stock") == true)
        #expect(body["metadata"]?["event_payload"]?["delivery_id"]?.string == delivery(to: thread).id.description)
    }

    @Test func `the payload holds no credential`() {
        for call in channel.render(reply, to: thread, for: .slack(botToken: "xoxb-very-secret")) {
            #expect(!call.payload.description.contains("xoxb-very-secret"))
        }
    }

    @Test func `the plain form escapes and says so`() async throws {
        let transport = RecordingTransport(json: posted)
        let text = ReplyDocument([.paragraph([.text("1 < 2 & <!channel>")])])
        var delivery = delivery(of: text, to: thread)
        delivery.usesPlainText = true
        _ = await channel.send(delivery, as: .slack(), over: transport)
        let body = try JSON(parsing: try #require(transport.calls.first).body)
        #expect(body["text"] == "1 &lt; 2 &amp; &lt;!channel&gt;")
        #expect(body["mrkdwn"] == false)
    }

    @Test func `a repetition that the look-up could not rule out is marked`() async throws {
        let transport = RecordingTransport(json: posted)
        var repeated = delivery(to: thread)
        repeated.mayRepeat = true
        _ = await channel.send(repeated, as: .slack(), over: transport)
        let body = try JSON(parsing: try #require(transport.calls.first).body)
        #expect(body["text"]?.string?.hasPrefix(OutgoingDelivery.repeatMark + "\n") == true)
    }

    @Test func `a long reply becomes several posts within the limit, all in the thread`() {
        let long = ReplyDocument((0..<40).map { .paragraph([.text(String(repeating: "word \($0) ", count: 40))]) })
        let calls = channel.render(long, to: thread, for: .slack())
        #expect(calls.count > 2)
        for call in calls {
            #expect((call.payload["body"]?["text"]?.string?.utf16.count ?? .max) <= 3500)
            #expect(call.payload["body"]?["thread_ts"] == "1760000000.000100")
        }
    }

    // MARK: Errors

    @Test(arguments: ["ratelimited", "rate_limited", "service_unavailable", "request_timeout", "team_added_to_org"])
    func `what may pass later is tried again`(_ error: String) async {
        #expect(await verdict(on: ["ok": false, "error": .string(error)]).word == "retry")
    }

    @Test(arguments: ["internal_error", "fatal_error"])
    func `what may have partly happened is uncertain`(_ error: String) async {
        #expect(await verdict(on: ["ok": false, "error": .string(error)]) == .uncertain(reason: error))
    }

    @Test(arguments: [
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
        "no_permission", "access_denied", "org_login_required", "ekm_access_denied", "not_allowed_token_type",
        "accesslimited",
    ])
    func `what the workspace's owner must mend kills the integration`(_ error: String) async {
        #expect(await verdict(on: ["ok": false, "error": .string(error)]) == .dead(reason: error, scope: .integration))
    }

    @Test(arguments: [
        "channel_not_found", "not_in_channel", "is_archived", "restricted_action", "messages_tab_disabled",
        "cannot_reply_to_message", "user_not_found", "msg_too_long", "no_text", "metadata_too_large", "never_seen",
    ])
    func `what is about one message kills that message`(_ error: String) async {
        #expect(await verdict(on: ["ok": false, "error": .string(error)]) == .dead(reason: error, scope: .delivery))
    }

    @Test(arguments: ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_arguments"])
    func `rejected formatting falls back to plain text once`(_ error: String) async {
        let answer: JSON = ["ok": false, "error": .string(error)]
        #expect(await verdict(on: answer) == .formattingRejected(reason: error))
        #expect(await verdict(on: answer, isPlain: true) == .dead(reason: error, scope: .delivery))
    }

    @Test func `the reason names the missing scope`() async {
        let answer: JSON = ["ok": false, "error": "missing_scope", "needed": "chat:write"]
        #expect(await verdict(on: answer).reason == "missing_scope, needed: chat:write")
    }

    @Test(arguments: [("30", Duration.seconds(30)), ("0", .seconds(0)), ("soon", nil), ("-1", nil), (nil, nil)])
    func `Retry-After is kept and holds back the integration`(_ header: String?, _ wait: Duration?) async {
        let headers = header.map { [(name: "Retry-After", value: $0)] } ?? []
        let transport = RecordingTransport([.success(HTTPAnswer(status: 429, headers: headers))])
        let verdict = await channel.send(delivery(to: thread), as: .slack(), over: transport)
        #expect(verdict == .retry(after: wait, scope: .integration, reason: "ratelimited"))
    }

    @Test(arguments: [500, 502, 503, 504])
    func `a 5xx is uncertain`(_ status: Int) async {
        let transport = RecordingTransport(status: status, json: "gateway")
        #expect(await channel.send(delivery(to: thread), as: .slack(), over: transport).word == "uncertain")
    }

    @Test func `a 200 that is not Slack's is uncertain`() async {
        let transport = RecordingTransport([.success(HTTPAnswer(status: 200, body: Array("<html>".utf8)))])
        #expect(await channel.send(delivery(to: thread), as: .slack(), over: transport).word == "uncertain")
    }

    @Test(arguments: [(TransportError.noAnswer, "uncertain"), (.notConnected, "retry"), (.invalidURL, "dead")])
    func `no answer is uncertain, no connection is not`(_ error: TransportError, _ word: String) async {
        let transport = RecordingTransport([.failure(error)])
        #expect(await channel.send(delivery(to: thread), as: .slack(), over: transport).word == word)
    }

    @Test func `without a token nothing is sent`() async {
        let transport = RecordingTransport(json: posted)
        let verdict = await channel.send(delivery(to: thread), as: .slack(botToken: ""), over: transport)
        #expect(verdict.word == "dead")
        #expect(transport.calls.isEmpty)
    }

    @Test func `a payload without a message is dead`() async {
        let transport = RecordingTransport(json: posted)
        var broken = delivery(to: thread)
        broken.payload = ["method": "chat.postMessage"]
        #expect(await channel.send(broken, as: .slack(), over: transport).word == "dead")
    }

    private func verdict(on answer: JSON, isPlain: Bool = false) async -> Verdict {
        var delivery = delivery(to: thread)
        delivery.usesPlainText = isPlain
        return await channel.send(delivery, as: .slack(), over: RecordingTransport(json: answer))
    }

    private let reply = ReplyDocument([.paragraph([.text("Yes, "), .strong([.text("5 in stock")]), .text(".")])])

    private func delivery(of document: ReplyDocument? = nil, to address: JSON) -> OutgoingDelivery {
        .slack(channel.render(document ?? reply, to: address, for: .slack()).first?.payload ?? [:], to: address)
    }
}

extension OutgoingDelivery {
    /// A first attempt, ten seconds after the delivery was made.
    static func slack(_ payload: JSON, to address: JSON) -> OutgoingDelivery {
        OutgoingDelivery(
            id: ID(UUID7(high: 0x0199_0000_0000_7000, low: 0x8000_0000_0000_0042)),
            payload: payload,
            address: address,
            attempt: 1,
            createdAt: Timestamp(seconds: 1_760_000_050),
            now: Timestamp(seconds: 1_760_000_060)
        )
    }
}
