import ChannelKit
import ParleyCore

extension SlackChannel {
    package func send(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Verdict {
        guard let message = delivery.message else {
            return .dead(reason: "the payload has no message", scope: .delivery)
        }
        if let url = delivery.commandURL {
            guard SlackResponseURL.isTrusted(url, apiURL: apiURL) else {
                return .dead(reason: "the response_url does not lead to Slack", scope: .delivery)
            }
            // The address outlives neither its half hour nor its five posts; the channel does.
            guard delivery.commandURLIsAlive else {
                return await post(message, for: delivery, as: integration, over: transport)
            }
            return await answer(message, at: url, for: delivery, over: transport)
        }
        return await post(message, for: delivery, as: integration, over: transport)
    }

    /// Slack, chat.postMessage. The metadata is what ``reconcile(_:as:over:)`` looks for.
    private func post(
        _ message: JSON,
        for delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Verdict {
        guard let token = integration.credentials["bot_token"], !token.isEmpty else {
            return .dead(reason: "this integration has no bot_token", scope: .integration)
        }
        var body = message
        if let channel = delivery.address["channel"] { body["channel"] = channel }
        // Only after a look-up that could not tell: what was found is not sent again.
        body.markRepeat(of: delivery)
        body["metadata"] = SlackMetadata.of(delivery.id)
        let call = HTTPCall.json(.post, "\(apiURL)/\(SlackMethod.postMessage)", headers: [token.bearer], body)
        do {
            return SlackVerdict.onPost(try await transport.send(call), wasPlain: delivery.usesPlainText)
        } catch {
            return Verdict(error)
        }
    }

    /// Slack, Handling user interaction: a `response_url` takes a message without a token.
    private func answer(
        _ message: JSON,
        at url: String,
        for delivery: OutgoingDelivery,
        over transport: any HTTPTransport
    ) async -> Verdict {
        var body = message
        body["channel"] = nil
        body["thread_ts"] = nil
        body["response_type"] = "ephemeral"
        body.markRepeat(of: delivery)
        do {
            let answer = try await transport.send(.json(.post, url, body))
            return SlackVerdict.onCommandAnswer(
                answer,
                wasPlain: delivery.usesPlainText,
                channel: delivery.address["channel"]
            )
        } catch {
            return Verdict(error)
        }
    }
}

/// Slack, Message metadata: ours names the delivery, since Slack has no idempotency key for bots.
enum SlackMetadata {
    static let eventType = "parley_delivery"

    static func of(_ delivery: ID<Delivery>) -> JSON {
        ["event_type": .string(eventType), "event_payload": ["delivery_id": .string(delivery.description)]]
    }

    static func names(_ delivery: ID<Delivery>, in message: JSON) -> Bool {
        message["metadata"]?["event_payload"]?["delivery_id"]?.string == delivery.description
    }
}

extension OutgoingDelivery {
    /// The formatted or the plain message.
    fileprivate var message: JSON? {
        let message = usesPlainText ? payload["plain"] ?? payload["body"] : payload["body"]
        return message?["text"]?.string == nil ? nil : message
    }

    /// Where a command's answer goes, when this delivery is one.
    var commandURL: String? {
        payload["method"]?.string == SlackMethod.responseURL ? address["response_url"]?.string : nil
    }

    fileprivate var commandURLIsAlive: Bool {
        // A margin for the call itself.
        (address["expires_at"]?.int ?? 0) > now.advanced(by: Limits.sendTimeout).seconds
    }
}

extension JSON {
    /// A duplicate is never silent.
    fileprivate mutating func markRepeat(of delivery: OutgoingDelivery) {
        guard delivery.mayRepeat, let text = self["text"]?.string else { return }
        self["text"] = .string("\(OutgoingDelivery.repeatMark)\n\(text)")
    }
}

extension Secret<String> {
    /// Slack, Web API: the token belongs in a header, never in the URL.
    var bearer: (name: String, value: String) { reveal { ("authorization", "Bearer \($0)") } }
}
