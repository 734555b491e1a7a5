import ChannelKit
import ParleyCore

// Telegram signs nothing: the proof is a secret that comes back in a header (Telegram Bot API, setWebhook).
extension TelegramChannel {
    func prove(_ request: WebhookRequest, for integration: ChannelIntegration) throws(WebhookRefusal) {
        guard request.method == .post else { throw .methodNotAllowed }
        guard request.mediaType == "application/json" else { throw .unsupportedMediaType("application/json") }
        guard let presented = request.header("x-telegram-bot-api-secret-token") else {
            throw .unproven("the secret token header is missing")
        }
        guard Signature.isToken(presented, anyOf: integration.credentials.accepted("webhook_secret")) else {
            throw .unproven("the secret token is not this webhook's")
        }
    }

    func parse(_ body: [UInt8]) throws(WebhookRefusal) -> JSON {
        do throws(JSONError) { return try JSON(parsing: body) } catch { throw .malformed(error.description) }
    }
}
