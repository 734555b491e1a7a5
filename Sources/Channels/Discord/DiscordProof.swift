import ChannelKit
import ParleyCore

// Discord sends forgeries on purpose; an endpoint that answers one with anything but 401 is taken away
// (Discord docs, Interactions Overview, "Validating Security Request Headers").
extension DiscordChannel {
    func prove(_ request: WebhookRequest, for integration: ChannelIntegration) throws(WebhookRefusal) {
        guard request.method == .post else { throw .methodNotAllowed }
        guard request.mediaType == "application/json" else { throw .unsupportedMediaType("application/json") }
        guard let signature = request.header("x-signature-ed25519"),
            let timestamp = request.header("x-signature-timestamp"), !timestamp.isEmpty
        else { throw .unproven("a signature header is missing") }

        let signed = Array(timestamp.utf8) + request.body
        let isProven = integration.credentials.accepted("public_key").contains { key in
            key.reveal { Signature.isEd25519(signature, of: signed, under: $0) }
        }
        guard isProven else { throw .unproven("the signature is not this application's") }
        // Discord does not ask for a window; without one, whatever was seen once could be posted for ever.
        guard Signature.isFresh(timestamp, at: request.receivedAt) else { throw .stale }
    }

    func parse(_ body: [UInt8]) throws(WebhookRefusal) -> JSON {
        do throws(JSONError) { return try JSON(parsing: body) } catch { throw .malformed(error.description) }
    }
}
