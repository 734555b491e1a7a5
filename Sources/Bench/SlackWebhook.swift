import Crypto
import NIOCore
import ParleyCore

/// Signed Slack webhooks of 1 KB: everything is computed before the clock starts, so that sending one costs a copy.
struct SlackWebhooks: Sendable {
    /// The signing secret of every integration that the benchmark connects.
    static let signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"
    static let bodyBytes = 1024

    private static let conversationDigits = 8
    private static let eventDigits = 10

    private let template: [UInt8]
    private let conversationAt: [Int]
    private let secondsAt: [Int]
    private let microsecondsAt: [Int]
    private let eventAt: [Int]
    private let signatureAt: Int
    private let bodyAt: Int
    /// When the first message was written; the others follow a microsecond apart.
    private let firstSecond: Int64
    private let signedAt: Int64
    private let conversations: Int

    /// - Parameters:
    ///   - path: `/webhooks/slack/<id>`.
    ///   - conversations: how many direct messages take turns.
    init(path: String, conversations: Int, at now: Timestamp) {
        signedAt = now.seconds
        firstSecond = now.seconds - 60
        self.conversations = conversations
        let body = Self.body()
        let head = """
            POST \(path) HTTP/1.1\r
            Host: 127.0.0.1\r
            User-Agent: Slackbot 1.0 (+https://api.slack.com/robots)\r
            Accept-Encoding: gzip,deflate\r
            Accept: */*\r
            X-Slack-Signature: v0=\(String(repeating: "0", count: 64))\r
            X-Slack-Request-Timestamp: \(now.seconds)\r
            Content-Type: application/json\r
            Content-Length: \(body.count)\r
            \r\n
            """
        // The literal ends with the blank line; its own last line break is none of the request's.
        let headBytes = Array(head.utf8)
        template = headBytes + body
        bodyAt = headBytes.count
        signatureAt = (Self.places(of: "v0=", in: headBytes).first ?? 0) + 3
        conversationAt = Self.places(of: "CCCCCCCC", in: template)
        secondsAt = Self.places(of: "SSSSSSSSSS", in: template)
        microsecondsAt = Self.places(of: "MMMMMM", in: template)
        eventAt = Self.places(of: "EEEEEEEEEE", in: template)
    }

    /// The Slack channel of a conversation, as the platform is told it back in a reply.
    static func channel(_ conversation: Int) -> String { "D" + Self.digits(conversation, conversationDigits) }

    /// Which conversation a Slack channel is.
    static func conversation(_ channel: String) -> Int? { Int(channel.dropFirst()) }

    /// The conversation of a webhook in a round-robin run.
    func conversation(of number: Int) -> Int { number % conversations }

    /// The signatures of `numbers`, 64 bytes each.
    func signatures(of numbers: Range<Int>) -> [UInt8] {
        var signatures: [UInt8] = []
        signatures.reserveCapacity(numbers.count * 64)
        for number in numbers { signatures.append(contentsOf: signature(number, in: conversation(of: number))) }
        return signatures
    }

    /// A webhook with its signature from ``signatures(of:)``.
    func request(_ number: Int, signature: ArraySlice<UInt8>) -> ByteBuffer {
        var bytes = template
        fill(&bytes, number, in: conversation(of: number))
        bytes.replaceSubrange(signatureAt..<signatureAt + 64, with: signature)
        return ByteBuffer(bytes: bytes)
    }

    /// A webhook of one conversation, signed here and now.
    func request(_ number: Int, in conversation: Int) -> ByteBuffer {
        var bytes = template
        fill(&bytes, number, in: conversation)
        bytes.replaceSubrange(signatureAt..<signatureAt + 64, with: signature(number, in: conversation))
        return ByteBuffer(bytes: bytes)
    }

    private func signature(_ number: Int, in conversation: Int) -> [UInt8] {
        var bytes = template
        fill(&bytes, number, in: conversation)
        let signed = Array("v0:\(signedAt):".utf8) + bytes[bodyAt...]
        let key = SymmetricKey(data: Array(Self.signingSecret.utf8))
        return Array(Hex.encode(Array(HMAC<SHA256>.authenticationCode(for: signed, using: key))).utf8)
    }

    private func fill(_ bytes: inout [UInt8], _ number: Int, in conversation: Int) {
        Self.write(conversation, Self.conversationDigits, at: conversationAt, into: &bytes)
        Self.write(Int(firstSecond) + number / 1_000_000, 10, at: secondsAt, into: &bytes)
        Self.write(number % 1_000_000, 6, at: microsecondsAt, into: &bytes)
        Self.write(number, Self.eventDigits, at: eventAt, into: &bytes)
    }

    /// The shape of a real `message.im`, its text long enough for the whole to be 1 KB.
    private static func body() -> [UInt8] {
        let text = "Do you have iPhone 15 in stock, and when could it be in Leipzig?"
        func json(_ padding: String) -> [UInt8] {
            let text = text + padding
            return Array(
                """
                {"token":"benchmark","team_id":"T0BENCH","context_team_id":"T0BENCH","api_app_id":"A0BENCH","event":\
                {"type":"message","user":"UCCCCCCCC","ts":"SSSSSSSSSS.MMMMMM","client_msg_id":\
                "0b9fd4a4-6f34-4c7e-9a0e-EEEEEEEEEE","text":"\(text)","team":"T0BENCH","blocks":[{"type":"rich_text",\
                "block_id":"bMx","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":\
                "\(Self.plain)"}]}]}],"channel":"DCCCCCCCC","event_ts":"SSSSSSSSSS.MMMMMM","channel_type":"im"},"type":\
                "event_callback","event_id":"EvEEEEEEEEEE","event_time":SSSSSSSSSS,"authorizations":[{"enterprise_id":\
                null,"team_id":"T0BENCH","user_id":"U0BENCHBOT","is_bot":true,"is_enterprise_install":false}],\
                "is_ext_shared_channel":false,"event_context":"4-eyJldCI6Im1lc3NhZ2UifQ"}
                """.utf8
            )
        }
        let bare = json("").count
        return json(String(repeating: " please", count: 100).prefix(max(0, bodyBytes - bare)).description)
    }

    private static let plain = "Do you have iPhone 15 in stock, and when could it be in Leipzig?"

    private static func places(of word: String, in bytes: [UInt8]) -> [Int] {
        let word = Array(word.utf8)
        guard bytes.count >= word.count else { return [] }
        return (0...bytes.count - word.count).filter {
            bytes[$0] == word[0] && bytes[$0..<$0 + word.count].elementsEqual(word)
        }
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    private static func write(_ number: Int, _ count: Int, at places: [Int], into bytes: inout [UInt8]) {
        for place in places {
            var rest = number
            for index in stride(from: place + count - 1, through: place, by: -1) {
                bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
        }
    }
}
