import ParleyApp
import ParleyCore
import Testing

/// Ordinary webhooks are taken off their connection before the router: nobody outside may notice.
@Suite(.timeLimit(.minutes(2)))
struct WebhookShortcutTests {
    @Test func `a webhook is answered the same by the short way and by the router`() async throws {
        try await withSlack { house, slack, port in
            let cases: [(name: String, body: [UInt8], sender: SlackSender, type: String)] = [
                ("good", message("one"), slack, "application/json"),
                ("forged", message("two"), SlackSender(url: slack.url, secret: "0000"), "application/json"),
                ("malformed", Array("{\"type\": ".utf8), slack, "application/json"),
                ("media type", message("three"), slack, "text/plain"),
                ("challenge", Array(#"{"type":"url_verification","challenge":"c1"}"#.utf8), slack, "application/json"),
            ]
            for (name, body, sender, type) in cases {
                let request = Request(sender, body, type: type)
                let short = try await RawPeer.say([request.plain], to: port, answers: 1)
                let routed = try await RawPeer.say([request.chunked], to: port, answers: 1)
                #expect(lines(short) == lines(routed), "\(name)")
            }
            // The good one came by both ways, and is one event.
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 2)
        }
    }

    @Test func `requests that are sent without waiting are answered in their order`() async throws {
        try await withSlack { house, slack, port in
            let health = Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            let forged = Request(SlackSender(url: slack.url, secret: "0000"), message("forged")).plain
            let all =
                Request(slack, message("one")).plain + Request(slack, message("two")).plain + health + forged
                + health + Request(slack, message("three")).chunked + Request(slack, message("four")).plain
            let answers = try await RawPeer.say([all], to: port, answers: 7)
            #expect(statuses(answers) == ["200", "200", "200", "401", "200", "200", "200"])
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 5)
        }
    }

    @Test func `a webhook in pieces is whole, and one that is cut off is nothing`() async throws {
        try await withSlack { house, slack, port in
            let request = Request(slack, message("pieces")).plain
            let pieces = [request.prefix(60), request[60..<request.count - 30], request.suffix(30)].map(Array.init)
            #expect(statuses(try await RawPeer.say(pieces, to: port, answers: 1)) == ["200"])
            let cut = Array(Request(slack, message("cut off")).plain.dropLast(10))
            let answer = try await RawPeer.say([cut], to: port, answers: 1, hangsUp: true)
            #expect(!statuses(answer).contains("200"))
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 2)
        }
    }

    @Test func `a peer that hangs up after its last byte is answered all the same`() async throws {
        try await withSlack { house, slack, port in
            let request = Request(slack, message("bye")).plain
            let answer = try await RawPeer.say([request], to: port, answers: 1, hangsUp: true)
            #expect(statuses(answer) == ["200"])
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 2)
        }
    }

    /// With one event in the inbox: the first webhook goes by the router, which makes the integration remembered.
    private func withSlack(_ body: @escaping @Sendable (DemoHouse, SlackSender, Int) async throws -> Void) async throws
    {
        try await DemoHouse.run { house in
            let slack = SlackSender(
                url: house.webhookURL("slack"),
                secret: house.credential("signing_secret", of: "slack")
            )
            #expect(try await slack.post(message("hello")).status == 200)
            try await body(house, slack, try #require(Int(house.baseURL.split(separator: ":").last ?? "")))
        }
    }
}

private func message(_ text: String) -> [UInt8] { SlackSender.message(text, ts: SlackSender.freshTS()) }

/// One webhook, spelled out.
private struct Request {
    let plain: [UInt8]
    /// What no platform sends, and so what the short way leaves to the router.
    let chunked: [UInt8]

    init(_ sender: SlackSender, _ body: [UInt8], type: String = "application/json") {
        let path = sender.url.split(separator: "/").dropFirst(2).joined(separator: "/")
        var head = "POST /\(path) HTTP/1.1\r\nHost: x\r\n"
        for (name, value) in sender.headers(body, type: type) { head += "\(name): \(value)\r\n" }
        plain = Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body
        let size = String(body.count, radix: 16)
        chunked =
            Array("\(head)Transfer-Encoding: chunked\r\n\r\n\(size)\r\n".utf8) + body + Array("\r\n0\r\n\r\n".utf8)
    }
}

/// An answer's lines in no order, without the moment at which it was given.
private func lines(_ answer: String) -> [String] {
    answer.split(separator: "\r\n").map { $0.lowercased().hasPrefix("date:") ? "date" : String($0) }.sorted()
}

private func statuses(_ answers: String) -> [String] {
    answers.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
}
