import ChannelKit
import ChannelTelegram
import ParleyCore
import ParleyTesting
import Testing

@Suite struct TelegramConformanceTests {
    @Test(arguments: ChannelConformance.Rule.allCases)
    func `Telegram keeps every rule of a channel`(rule: ChannelConformance.Rule) throws {
        let complaints = try ChannelConformance.complaints(about: rule, of: Self.telegram)
        #expect(complaints.isEmpty, "\(complaints.prefix(5).joined(separator: "\n"))")
    }

    private static let telegram = ChannelConformance.Subject(
        channel: TelegramChannel(),
        folder: "Telegram",
        proofField: "webhook_secret",
        proofHeaders: ["x-telegram-bot-api-secret-token"],
        signsBody: false,
        signsTimestamp: false,
        secrets: ("first-secret_1", "second-secret_2"),
        unknownBodies: [
            #"{"update_id":1,"telepathy":{"text":"hi"}}"#,
            #"{"update_id":2,"poll_answer":{"poll_id":"1","option_ids":[0]}}"#,
            #"{"update_id":3}"#,
            #"{"update_id":4,"message":{"message_id":1,"from":{"id":5},"chat":{"id":5,"type":"private"},"date":1,"hologram":{}}}"#,
            #"{"update_id":5,"message":null}"#,
            "{}",
        ],
        prove: { request, secret in
            var headers = request.headers
            headers["x-telegram-bot-api-secret-token"] = secret
            return request.with(headers: headers)
        }
    )
}
