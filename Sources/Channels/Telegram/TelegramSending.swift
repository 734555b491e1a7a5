import ChannelKit
import ChannelManifests
import ParleyCore

extension TelegramChannel {
    /// One `sendMessage` for every part. Link previews are off: the reply is what was written, not what it links to.
    package func render(
        _ reply: ReplyDocument,
        to address: JSON,
        for integration: ChannelIntegration
    ) -> [OutgoingCall] {
        // Room for the mark that a resend may need.
        let limit = manifest.limit("text", or: 4096) - Self.repeatPrefix.utf16.count
        let parts = ReplySplitter.split(reply, as: TelegramMarkup(), limit: limit)
        return parts.enumerated().map { index, part in
            let plain = PlainMarkup().render(part)
            let replyTo = index == 0 ? address["reply_to"] : nil
            return OutgoingCall(
                payload: [
                    "method": "sendMessage",
                    "body": .object(present: [
                        "chat_id": address["chat_id"],
                        "message_thread_id": address["message_thread_id"],
                        "text": .string(TelegramMarkup().render(part)),
                        "parse_mode": "HTML",
                        "link_preview_options": ["is_disabled": true],
                        "reply_parameters": replyTo.map {
                            // What was answered may be gone by now: then the reply stands alone.
                            ["message_id": $0, "allow_sending_without_reply": true]
                        },
                    ]),
                    "plain": ["text": .string(plain.clipped(toUTF16: limit))],
                ],
                text: plain
            )
        }
    }

    package func send(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Verdict {
        guard let token = integration.credentials["bot_token"], !token.isEmpty else {
            return .dead(reason: "bot_token is missing", scope: .integration)
        }
        guard let body = Self.body(of: delivery) else {
            return .dead(reason: "the delivery has no chat or no text", scope: .delivery)
        }
        do {
            let answer = try await transport.send(call("sendMessage", body, with: token))
            return Verdict(telegram: answer, to: delivery)
        } catch {
            return Verdict(error)
        }
    }

    package func showTyping(
        at address: JSON,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async {
        guard let token = integration.credentials["bot_token"], let chat = address["chat_id"] else { return }
        let body = JSON.object(present: [
            "chat_id": chat, "message_thread_id": address["message_thread_id"], "action": "typing",
        ])
        var call = call("sendChatAction", body, with: token)
        // The next one is due by then.
        call.timeout = typingInterval
        _ = try? await transport.send(call)
    }

    /// A call of the Bot API. The token is part of the URL, as Telegram wants it.
    func call(_ method: String, _ body: JSON, with token: Secret<String>) -> HTTPCall {
        token.reveal { .json(.post, "\(apiURL)/bot\($0)/\(method)", body) }
    }
}

extension TelegramChannel {
    /// Telegram has no idempotency key, so that what may come twice must say so.
    static let repeatPrefix = OutgoingDelivery.repeatMark + "\n"

    /// What is posted: the rendered body, at the address as it is now (a group may have moved since).
    private static func body(of delivery: OutgoingDelivery) -> JSON? {
        guard var body = delivery.payload["body"], let chat = delivery.address["chat_id"], chat.int != nil else {
            return nil
        }
        if delivery.usesPlainText {
            body["parse_mode"] = nil
            body["text"] = delivery.payload["plain"]?["text"] ?? body["text"]
        }
        guard let text = body["text"]?.string else { return nil }
        // The mark has no character that HTML would read.
        if delivery.mayRepeat { body["text"] = .string(repeatPrefix + text) }
        body["chat_id"] = chat
        body["message_thread_id"] = delivery.address["message_thread_id"]
        if delivery.address["reply_to"] == nil { body["reply_parameters"] = nil }
        return body
    }
}
