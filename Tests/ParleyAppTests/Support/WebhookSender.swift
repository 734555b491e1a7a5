import AsyncHTTPClient
import Crypto
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

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

/// A peer that never finishes what it says.
enum SlowPeer {
    /// Sends `opening`, then a byte every 300 ms.
    ///
    /// - Returns: how long it took until the other side closed; nil when it did not within `patience`.
    static func dribble(_ opening: String, to port: Int, patience: Duration) async throws -> Duration? {
        try await NIOThreadPool.singleton.runIfActive { try talk(opening, port, patience) }
    }

    private static func talk(_ opening: String, _ port: Int, _ patience: Duration) throws -> Duration? {
        #if canImport(Glibc)
        let kind = Int32(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        let socket = socket(AF_INET, kind, 0)
        guard socket >= 0 else { throw HouseProblem("no socket") }
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw HouseProblem("no connection") }
        let start = ContinuousClock.now
        write(Array(opening.utf8), to: socket)
        while ContinuousClock.now < start.advanced(by: patience) {
            var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            if poll(&wait, 1, 300) > 0 {
                var bytes = [UInt8](repeating: 0, count: 4096)
                // An answer may come before the end.
                if recv(socket, &bytes, bytes.count, 0) <= 0 { return start.duration(to: ContinuousClock.now) }
            } else {
                write([UInt8(ascii: "a")], to: socket)
            }
        }
        return nil
    }

    private static func write(_ bytes: [UInt8], to socket: Int32) {
        _ = send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
