import ChannelKit
import ParleyCore

extension SlackChannel {
    /// Looks for the delivery's metadata among what was posted since the delivery was made.
    package func reconcile(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Reconciliation {
        // What was said to one person alone is in nobody's history.
        guard delivery.commandURL == nil, let channel = delivery.address["channel"]?.string,
            let token = integration.credentials["bot_token"], !token.isEmpty
        else { return .unknowable }
        let thread = delivery.address["thread_ts"]?.string
        var cursor: String?
        for _ in 0..<SlackHistory.pages {
            let url = SlackHistory.url(
                apiURL,
                channel: channel,
                thread: thread,
                since: delivery.createdAt,
                cursor: cursor
            )
            let call = HTTPCall(.get, url, headers: [token.bearer])
            guard let answer = try? await transport.send(call) else { return later(delivery, after: .seconds(5)) }
            if answer.status == 429 {
                return later(delivery, after: SlackVerdict.retryAfter(answer) ?? .seconds(60))
            }
            guard answer.status == 200, let json = answer.json, json["ok"]?.bool == true,
                let messages = json["messages"]?.array
            else { return answer.status >= 500 ? later(delivery, after: .seconds(5)) : .unknowable }
            if let found = messages.first(where: { SlackMetadata.names(delivery.id, in: $0) }) {
                let id = found["ts"]?.string.map { "\(channel):\($0)" }
                return .arrived(DeliveryReceipt(platformMessageID: id))
            }
            cursor = json["response_metadata"]?["next_cursor"]?.string.flatMap { $0.isEmpty ? nil : $0 }
            guard cursor != nil else {
                let isSettled = delivery.now.since(delivery.createdAt) >= SlackHistory.settling
                return isSettled ? .didNotArrive : .wait(.seconds(2))
            }
        }
        return .unknowable
    }

    /// Worth asking again for a while; a conversation must not stand still for hours over one message.
    private func later(_ delivery: OutgoingDelivery, after wait: Duration) -> Reconciliation {
        delivery.now.since(delivery.createdAt) < SlackHistory.patience ? .wait(wait) : .unknowable
    }
}

/// Slack, conversations.replies and conversations.history.
private enum SlackHistory {
    /// Two hundred messages each; a busier thread than that is not searched to its end.
    static let pages = 3
    static let patience: Duration = .seconds(900)
    /// A post whose connection broke may still be under way.
    static let settling: Duration = .seconds(5)

    static func url(_ apiURL: String, channel: String, thread: String?, since: Timestamp, cursor: String?) -> String {
        var query = [
            ("channel", channel), ("include_all_metadata", "true"), ("limit", "200"),
            // Slack's clock and ours may differ by a little.
            ("oldest", SlackTime.text(since.advanced(by: .seconds(-60)))),
        ]
        if let thread { query.append(("ts", thread)) }
        if let cursor { query.append(("cursor", cursor)) }
        let method = thread == nil ? "conversations.history" : "conversations.replies"
        return "\(apiURL)/\(method)?" + query.map { "\($0.0)=\(SlackURL.encoded($0.1))" }.joined(separator: "&")
    }
}

/// Percent-encoding (RFC 3986, §2.3: everything but the unreserved characters).
enum SlackURL {
    static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default: encoded += "%" + Hex.encode([byte]).uppercased()
            }
        }
        return encoded
    }
}
