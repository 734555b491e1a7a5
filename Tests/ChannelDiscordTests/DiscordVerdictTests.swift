import ChannelDiscord
import ChannelKit
import ParleyCore
import ParleyTesting
import Testing

@Suite struct DiscordVerdictTests {
    /// By the bot's own token, where nothing can be blamed on the interaction.
    private static let channelDelivery = Fixture.delivery(to: ["channel_id": "600"])

    static let refusals: [(Int, String, Verdict)] = [
        (
            429, #"{"message":"You are being rate limited.","retry_after":1.337,"global":false}"#,
            .retry(after: .milliseconds(1337), scope: .conversation, reason: "You are being rate limited.")
        ),
        (
            429, #"{"message":"You are being rate limited.","retry_after":0.5,"global":true}"#,
            .retry(after: .milliseconds(500), scope: .integration, reason: "You are being rate limited.")
        ),
        (
            429, #"{"message":"slow","retry_after":1e300,"global":false,"code":20016}"#,
            .retry(after: .seconds(86_400), scope: .conversation, reason: "20016 slow")
        ),
        (429, #"{"message":"x"}"#, .retry(after: nil, scope: .conversation, reason: "x")),
        (
            401, #"{"message":"401: Unauthorized","code":0}"#,
            .dead(reason: "401: Unauthorized", scope: .integration)
        ),
        (403, #"{"message":"x","code":40001}"#, .dead(reason: "40001 x", scope: .integration)),
        (400, #"{"message":"x","code":50014}"#, .dead(reason: "50014 x", scope: .integration)),
        (403, #"{"message":"Missing Access","code":50001}"#, .dead(reason: "50001 Missing Access", scope: .delivery)),
        (403, #"{"message":"x","code":50013}"#, .dead(reason: "50013 x", scope: .delivery)),
        (403, #"{"message":"x","code":50007}"#, .dead(reason: "50007 x", scope: .delivery)),
        (404, #"{"message":"Unknown Channel","code":10003}"#, .dead(reason: "10003 Unknown Channel", scope: .delivery)),
        (400, #"{"message":"x","code":50006}"#, .dead(reason: "50006 x", scope: .delivery)),
        (400, #"{"message":"x","code":200000}"#, .dead(reason: "200000 x", scope: .delivery)),
        (403, #"{"message":"x","code":40333}"#, .retry(after: .seconds(60), scope: .integration, reason: "40333 x")),
        (
            400,
            #"{"message":"Invalid Form Body","code":50035,"errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH"}]}}}"#,
            .formattingRejected(reason: "50035 Invalid Form Body")
        ),
        (
            400, #"{"message":"Invalid Form Body","code":50035,"errors":{"nonce":{"_errors":[]}}}"#,
            .dead(reason: "50035 Invalid Form Body", scope: .delivery)
        ),
        (500, #"{"message":"x","code":0}"#, .retry(after: nil, scope: .conversation, reason: "x")),
        (503, "", .retry(after: nil, scope: .conversation, reason: "HTTP 503")),
        (429, "<html>", .retry(after: .seconds(60), scope: .integration, reason: "HTTP 429")),
        (403, "error code: 1020", .retry(after: .seconds(60), scope: .integration, reason: "HTTP 403")),
        (204, "", .delivered(DeliveryReceipt(platformMessageID: nil))),
        (200, "<html>", .retry(after: nil, scope: .conversation, reason: "HTTP 200")),
    ]

    @Test(arguments: refusals)
    func `every documented answer has its verdict`(status: Int, body: String, expected: Verdict) async {
        let transport = RecordingTransport([.success(Fixture.answer(status, body))])
        let verdict = await Fixture.channel.send(Self.channelDelivery, as: Fixture.integration, over: transport)
        #expect(verdict == expected)
    }

    @Test func `Retry-After and the scope are read from the headers too`() async {
        let headers = [(name: "Retry-After", value: "65"), (name: "X-RateLimit-Scope", value: "global")]
        let transport = RecordingTransport([.success(Fixture.answer(429, #"{"message":"x"}"#, headers))])
        let verdict = await Fixture.channel.send(Self.channelDelivery, as: Fixture.integration, over: transport)
        #expect(verdict == .retry(after: .seconds(65), scope: .integration, reason: "x"))
    }

    struct Lost: Sendable {
        let delivery: OutgoingDelivery
        let isUncertain: Bool
    }

    @Test(arguments: [
        Lost(delivery: Fixture.delivery(), isUncertain: false),
        Lost(delivery: Fixture.delivery(part: 1), isUncertain: true),
        Lost(delivery: Fixture.delivery(age: .seconds(900)), isUncertain: false),
    ])
    func `a lost answer is uncertain only where a repetition would show`(lost: Lost) async {
        for answer in [.failure(TransportError.noAnswer), .success(Fixture.answer(502, "<html>"))]
            as [Result<HTTPAnswer, TransportError>]
        {
            let transport = RecordingTransport([answer])
            let verdict = await Fixture.channel.send(lost.delivery, as: Fixture.integration, over: transport)
            #expect(verdict.word == (lost.isUncertain ? "uncertain" : "retry"))
        }
    }

    @Test(arguments: [0, 1] as [Int64])
    func `a call that never left is simply made again`(part: Int64) async {
        let transport = RecordingTransport([.failure(.notConnected)])
        let delivery = Fixture.delivery(part: part)
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(verdict == .retry(after: nil, scope: .conversation, reason: "no connection"))
    }

    @Test func `plain text that is rejected is dead, not tried for ever`() async {
        let body = #"{"message":"Invalid Form Body","code":50035,"errors":{"content":{"_errors":[]}}}"#
        let transport = RecordingTransport([.success(Fixture.answer(400, body))])
        let delivery = Fixture.delivery(to: ["channel_id": "600"], plain: true)
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(verdict == .dead(reason: "50035 Invalid Form Body", scope: .delivery))
    }

    @Test func `without the bot's token the interaction can still be answered, the channel cannot`() async {
        let bare = Fixture.bot(["application_id": "77"])
        let transport = RecordingTransport([.success(Fixture.answer(200, #"{"id":"1"}"#))])
        #expect(await Fixture.channel.send(Fixture.delivery(), as: bare, over: transport).word == "delivered")
        let verdict = await Fixture.channel.send(Self.channelDelivery, as: bare, over: transport)
        #expect(verdict == .dead(reason: "bot_token is missing", scope: .integration))
        #expect(transport.calls.count == 1)
    }

    @Test(arguments: refusals)
    func `no reason tells a token`(status: Int, body: String, expected: Verdict) async {
        let transport = RecordingTransport([.success(Fixture.answer(status, body))])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict.reason?.contains("SECRET") != true)
    }
}
