import ChannelKit
import HTTPTypes
import NIOCore
import ParleyCore

/// A webhook as the platforms post them: small, uncompressed, its length told, its path without anything to decode.
struct OrdinaryWebhook {
    let head: HTTPRequest
    let channel: ChannelID
    let integration: ID<Integration>
    private let headers: WebhookHeaders
    private(set) var body = ByteBuffer()

    /// Nil for everything else; the router says what is wrong with it, if anything is.
    init?(_ head: HTTPRequest) {
        guard head.method == .post, let path = head.path, let place = Self.place(path) else { return nil }
        var fields: [(name: String, value: String)] = []
        fields.reserveCapacity(head.headerFields.count)
        var isLengthTold = false
        for field in head.headerFields {
            let name = field.name.canonicalName
            switch name {
            case "content-length":
                guard let length = Int(field.value), (0...Limits.ordinaryWebhookBytes).contains(length) else {
                    return nil
                }
                isLengthTold = true
            case "connection":
                guard field.value == "keep-alive" else { return nil }
            case "content-encoding", "transfer-encoding", "expect", "upgrade": return nil
            default: break
            }
            fields.append((name, field.value))
        }
        guard isLengthTold else { return nil }
        self.head = head
        (channel, integration) = place
        headers = WebhookHeaders(fields)
    }

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
