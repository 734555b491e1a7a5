import ChannelKit
import ChannelTelegram
import ParleyCore
import ParleyTesting
import Testing

@Suite struct TelegramVerdictTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let status: Int
        let body: String
        let expected: Verdict
        var testDescription: String { "\(status) \(body)" }

        init(_ status: Int, _ description: String, _ parameters: String? = nil, _ expected: (String) -> Verdict) {
            self.status = status
            let extra = parameters.map { ",\"parameters\":\($0)" } ?? ""
            body = "{\"ok\":false,\"error_code\":\(status),\"description\":\"\(description)\"\(extra)}"
            self.expected = expected(description)
        }
    }

    static let refusals: [Case] = [
        Case(429, "Too Many Requests: retry after 7", #"{"retry_after":7}"#) {
            .retry(after: .seconds(7), scope: .conversation, reason: $0)
        },
        Case(429, "Too Many Requests", #"{"retry_after":99999999999999999}"#) {
            .retry(after: .seconds(86_400), scope: .conversation, reason: $0)
        },
        Case(429, "Too Many Requests") { .retry(after: nil, scope: .conversation, reason: $0) },
        Case(400, "Bad Request: can't parse entities: Unsupported start tag at byte offset 3") {
            .formattingRejected(reason: $0)
        },
        Case(400, "Bad Request: message is not modified: specified new message content is the same") { _ in
            .delivered(DeliveryReceipt(platformMessageID: nil, wasRepeat: true))
        },
        Case(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            #"{"migrate_to_chat_id":-1001234567890}"#
        ) { .moved(to: ["chat_id": -1_001_234_567_890, "message_thread_id": 42], reason: $0) },
        Case(400, "Bad Request: message thread not found") {
            .moved(to: ["chat_id": -100_123, "reply_to": 90], reason: $0)
        },
        Case(400, "Bad Request: message to be replied not found") {
            .moved(to: ["chat_id": -100_123, "message_thread_id": 42], reason: $0)
        },
        Case(400, "Bad Request: chat not found") { .dead(reason: $0, scope: .delivery) },
        Case(400, "Bad Request: message text is empty") { .dead(reason: $0, scope: .delivery) },
        Case(400, "Bad Request: message is too long") { .dead(reason: $0, scope: .delivery) },
        Case(400, "Bad Request: TOPIC_CLOSED") { .dead(reason: $0, scope: .delivery) },
        Case(401, "Unauthorized") { .dead(reason: $0, scope: .integration) },
        Case(404, "Not Found") { .dead(reason: $0, scope: .integration) },
        Case(403, "Forbidden: bot was blocked by the user") { .dead(reason: $0, scope: .delivery) },
        Case(403, "Forbidden: bot was kicked from the supergroup chat") { .dead(reason: $0, scope: .delivery) },
        Case(403, "Forbidden: user is deactivated") { .dead(reason: $0, scope: .delivery) },
        Case(413, "Request Entity Too Large") { .dead(reason: $0, scope: .delivery) },
        Case(500, "Internal Server Error") { .uncertain(reason: $0) },
        Case(502, "Bad Gateway") { .uncertain(reason: $0) },
    ]

    @Test(arguments: refusals)
    func `every documented refusal has its verdict`(refusal: Case) async {
        let transport = RecordingTransport([.success(Fixture.answer(refusal.status, refusal.body))])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict == refusal.expected)
    }

    @Test(arguments: [
        (502, Verdict.uncertain(reason: "HTTP 502")),
        (504, .uncertain(reason: "HTTP 504")),
        (200, .uncertain(reason: "an answer that is not Telegram's")),
        (403, .retry(after: .seconds(60), scope: .integration, reason: "HTTP 403")),
        (404, .retry(after: .seconds(60), scope: .integration, reason: "HTTP 404")),
        (302, .retry(after: .seconds(60), scope: .integration, reason: "HTTP 302")),
    ])
    func `a proxy's page is not Telegram's word`(status: Int, expected: Verdict) async {
        let page = Fixture.answer(status, "<html>nginx</html>")
        let transport = RecordingTransport([.success(page)])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict == expected)
    }

    @Test(arguments: [
        (TransportError.noAnswer, Verdict.uncertain(reason: "no answer in time")),
        (.answerTooLarge, .uncertain(reason: "no answer in time")),
        (.notConnected, .retry(after: nil, scope: .conversation, reason: "no connection")),
        (.invalidURL, .dead(reason: "the API address is not a URL", scope: .integration)),
    ])
    func `a call without an answer may have arrived or not`(error: TransportError, expected: Verdict) async {
        let transport = RecordingTransport([.failure(error)])
        let verdict = await Fixture.channel.send(Fixture.delivery(), as: Fixture.integration, over: transport)
        #expect(verdict == expected)
    }

    @Test func `plain text that is rejected for its formatting is dead, not tried for ever`() async {
        let body = #"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: x"}"#
        let transport = RecordingTransport([.success(Fixture.answer(400, body))])
        let delivery = Fixture.delivery(plain: true)
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(verdict == .dead(reason: "Bad Request: can't parse entities: x", scope: .delivery))
    }

    @Test func `a thread that is gone where there was none is dead, not moved for ever`() async {
        let body = #"{"ok":false,"error_code":400,"description":"Bad Request: message thread not found"}"#
        let transport = RecordingTransport([.success(Fixture.answer(400, body))])
        let delivery = Fixture.delivery(to: ["chat_id": 5])
        let verdict = await Fixture.channel.send(delivery, as: Fixture.integration, over: transport)
        #expect(verdict == .dead(reason: "Bad Request: message thread not found", scope: .delivery))
    }
}
