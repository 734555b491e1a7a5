import AsyncHTTPClient
import Crypto
import NIOCore
import NIOHTTP1
import ParleyCore

/// Plain HTTP to a gateway, as a platform, a stranger or an operator.
enum LocalHTTP {
    struct Answer: Sendable {
        let status: Int
        let body: String
        let headers: [String: String]
    }

    static func send(
        _ method: String,
        _ url: String,
        headers: [(String, String)] = [],
        _ body: [UInt8] = []
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        let fields = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: Int(response.status.code),
            body: String(buffer: bytes),
            headers: Dictionary(fields, uniquingKeysWith: { first, _ in first })
        )
    }
}

/// Slack's side of a webhook, written from its documentation ("Verifying requests from Slack").
struct SlackSender: Sendable {
    let url: String
    let secret: String

    func headers(_ body: [UInt8], age: Duration = .zero, type: String = "application/json") -> [(String, String)] {
        let timestamp = String(SystemClock().now.seconds - Int64(age.inSeconds))
        return [
            ("content-type", type), ("x-slack-request-timestamp", timestamp),
            ("x-slack-signature", signature(timestamp, body)),
        ]
    }

    func signature(_ timestamp: String, _ body: [UInt8]) -> String {
        let key = SymmetricKey(data: Array(secret.utf8))
        return "v0="
            + Hex.encode(HMAC<SHA256>.authenticationCode(for: Array("v0:\(timestamp):".utf8) + body, using: key))
    }

    /// A direct message.
    static func message(_ text: String, ts: String) -> [UInt8] {
        let json: JSON = [
            "type": "event_callback", "event_id": .string("Ev\(ts)"),
            "event": [
                "type": "message", "channel": "D0STRANGER", "channel_type": "im", "user": "U0STRANGER",
                "text": .string(text), "ts": .string(ts),
            ],
        ]
        return json.encoded()
    }

    /// A time stamp of now, as Slack names messages; no two are the same.
    static func freshTS() -> String {
        let now = SystemClock().now.microseconds
        let fraction = String(now % 1_000_000)
        return "\(now / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }

    @discardableResult
    func post(
        _ body: [UInt8],
        age: Duration = .zero,
        type: String = "application/json"
    ) async throws -> LocalHTTP.Answer {
        try await LocalHTTP.send("POST", url, headers: headers(body, age: age, type: type), body)
    }
}
