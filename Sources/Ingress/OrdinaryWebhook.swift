import ChannelKit
import NIOCore
import NIOHTTP1
import ParleyCore

/// A webhook as the platforms post them: small, uncompressed, its length told, its path without anything to decode.
struct OrdinaryWebhook {
    let head: HTTPRequestHead
    let channel: ChannelID
    let integration: ID<Integration>
    private let headers: WebhookHeaders
    private(set) var body = ByteBuffer()

    /// Nil for everything else; the router says what is wrong with it, if anything is.
    init?(_ head: HTTPRequestHead) {
        guard head.method == .POST, head.version == .http1_1, let place = Self.place(head.uri) else { return nil }
        headers = WebhookHeaders(head.headers.map { $0 })
        guard let length = headers["content-length"].flatMap({ Int($0) }),
            (0...Limits.ordinaryWebhookBytes).contains(length), (headers["connection"] ?? "keep-alive") == "keep-alive"
        else { return nil }
        for name in Self.extraordinary where headers[name] != nil { return nil }
        self.head = head
        (channel, integration) = place
    }

    private static let extraordinary = ["content-encoding", "transfer-encoding", "expect", "upgrade"]

    mutating func add(_ bytes: ByteBuffer) {
        // Nearly always all of it: kept, not copied.
        if body.readableBytes == 0 { body = bytes } else { body.writeImmutableBuffer(bytes) }
    }

    func request(at receivedAt: Timestamp) -> WebhookRequest {
        WebhookRequest(method: .post, headers: headers, body: Array(body.readableBytesView), receivedAt: receivedAt)
    }

    /// `/webhooks/{channel}/{channel_integration_id}` and not a byte more.
    private static func place(_ path: String) -> (ChannelID, ID<Integration>)? {
        let prefix = "/webhooks/"
        guard path.hasPrefix(prefix) else { return nil }
        let rest = path.utf8.dropFirst(prefix.utf8.count)
        guard let slash = rest.firstIndex(of: UInt8(ascii: "/")),
            let channel = String(rest[..<slash]), !channel.isEmpty,
            let id = String(rest[rest.index(after: slash)...]).flatMap({ ID<Integration>($0) })
        else { return nil }
        return (ChannelID(channel), id)
    }
}
