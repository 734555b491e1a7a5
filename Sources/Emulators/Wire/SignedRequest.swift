import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyCore

extension EmulatedWorld {
    /// The request as the platform sends it, signed for this attempt; nil when the bot has no usable URL.
    func signedRequest(
        _ job: WebhookJob,
        bot: EmulatedBot,
        attempt: Int,
        reason: String?,
        isForged: Bool
    ) -> HTTPClientRequest? {
        guard let url = bot.webhookURL else { return nil }
        if job.platform == .whatsapp, job.kind == .handshake {
            let query = Form.encode([
                ("hub.mode", "subscribe"), ("hub.challenge", job.eventID), ("hub.verify_token", bot["verify_token"]),
            ])
            var request = HTTPClientRequest(url: url + (url.contains("?") ? "&" : "?") + query)
            request.headers.add(name: "user-agent", value: "facebookplatform/1.0 (+http://developers.facebook.com)")
            return request
        }
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.body = .bytes(ByteBuffer(bytes: job.body))
        request.headers.add(name: "content-type", value: job.contentType)
        for header in proof(job, bot: bot, isForged: isForged) + manners(job, attempt: attempt, reason: reason) {
            request.headers.add(name: header.name, value: header.value)
        }
        return request
    }

    private func proof(_ job: WebhookJob, bot: EmulatedBot, isForged: Bool) -> [(name: String, value: String)] {
        let timestamp = String(clock.now.seconds)
        // A forger knows everything but the secret.
        func secret(_ field: String) -> String { isForged ? "0000\(bot.id)" : bot[field] }
        switch job.platform {
        case .slack:
            let signature = WebhookSignature.slack(
                secret: secret("signing_secret"),
                timestamp: timestamp,
                body: job.body
            )
            return [("X-Slack-Request-Timestamp", timestamp), ("X-Slack-Signature", signature)]
        case .telegram:
            guard !bot["webhook_secret"].isEmpty else { return [] }
            return [("X-Telegram-Bot-Api-Secret-Token", isForged ? "forged" : bot["webhook_secret"])]
        case .discord:
            let seed = isForged ? [UInt8](repeating: 7, count: 32) : Hex.decode(bot["private_key_seed"]) ?? []
            let signature = WebhookSignature.discord(seed: seed, timestamp: timestamp, body: job.body) ?? ""
            return [("X-Signature-Ed25519", signature), ("X-Signature-Timestamp", timestamp)]
        case .whatsapp:
            return [
                ("X-Hub-Signature-256", WebhookSignature.whatsApp(secret: secret("app_secret"), body: job.body))
            ]
        }
    }

    private func manners(_ job: WebhookJob, attempt: Int, reason: String?) -> [(name: String, value: String)] {
        switch job.platform {
        case .slack:
            let agent = ("User-Agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
            guard attempt > 1 else { return [agent, ("Accept", "*/*")] }
            return [
                agent, ("Accept", "*/*"), ("X-Slack-Retry-Num", String(attempt - 1)),
                ("X-Slack-Retry-Reason", reason ?? "unknown_error"),
            ]
        case .telegram: return [("Connection", "keep-alive")]
        case .discord: return [("User-Agent", "Discord-Interactions/1.0 (+https://discord.com)")]
        case .whatsapp: return [("User-Agent", "facebookexternalua"), ("Accept", "*/*")]
        }
    }
}
