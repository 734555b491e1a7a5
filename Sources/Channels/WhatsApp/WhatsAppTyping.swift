import ChannelKit
import ParleyCore

extension WhatsAppChannel {
    /// WhatsApp, Typing indicators: it vanishes after 25 seconds, or with the reply.
    package var typingInterval: Duration { .seconds(20) }

    /// Also marks the message as read: both are one call, and need the id of what was received.
    package func showTyping(
        at address: JSON,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async {
        guard let id = address["context"], let sender = WhatsAppSender(integration, apiURL: apiURL) else { return }
        let body: JSON = [
            "messaging_product": "whatsapp", "status": "read", "message_id": id,
            "typing_indicator": ["type": "text"],
        ]
        _ = try? await transport.send(sender.post(body, timeout: .seconds(5)))
    }
}
