import ChannelKit
import ParleyCore

/// Discord's answer: the object that was asked for, or `{"code", "message", "errors"}`.
struct DiscordAnswer {
    let status: Int
    let json: JSON?
    private let retryAfterHeader: String?
    private let isGlobalHeader: Bool

    init(_ answer: HTTPAnswer) {
        status = answer.status
        json = answer.json
        retryAfterHeader = answer.header("retry-after")
        isGlobalHeader =
            answer.header("x-ratelimit-global")?.lowercased() == "true"
            || answer.header("x-ratelimit-scope")?.lowercased() == "global"
    }

    /// Discord's own error codes (Discord docs, Opcodes and Status Codes, JSON).
    var code: Int64 { json?["code"]?.int ?? 0 }

    /// Discord's words, which hold no secret.
    var description: String {
        guard let message = json?["message"]?.string else { return "HTTP \(status)" }
        return (code == 0 ? message : "\(code) \(message)").clipped(toUTF8: 300)
    }

    /// Cloudflare, in front of Discord, and proxies answer with a page.
    var isDiscords: Bool { json?.object != nil }

    var isGlobal: Bool { json?["global"]?.bool ?? isGlobalHeader }

    /// Seconds with a fraction (Discord docs, Rate Limits).
    var retryAfter: Duration? {
        let seconds = json?["retry_after"]?.double ?? retryAfterHeader.flatMap { Double($0) }
        guard let seconds, seconds.isFinite else { return nil }
        // Never a moment too early: an early call counts as an invalid one.
        return .milliseconds(Int64((min(max(seconds, 0), 86_400) * 1000).rounded(.up)))
    }
}

/// What an attempt by one route came to.
enum DiscordOutcome {
    case verdict(Verdict)
    /// The interaction can no longer be answered; the channel still can be written to.
    case tokenIsOver(String)

    init(_ answer: HTTPAnswer, by route: DiscordRoute, _ delivery: OutgoingDelivery) {
        let answer = DiscordAnswer(answer)
        if case .channel = route {
            self = .verdict(Verdict(discord: answer, by: route, delivery))
            return
        }
        switch (answer.status, answer.code) {
        // A reply may be quicker than Discord is at noting that there is something to reply to. Measured in time, since
        // waits that are asked for do not count as attempts.
        case (404, let code) where [10_008, 10_015].contains(code) && delivery.isFresh:
            self = .verdict(.retry(after: .milliseconds(500), scope: .conversation, reason: answer.description))
        // 40094: no more than five follow-ups where the person, not the server, has installed the app.
        case (_, 50_027), (_, 10_062), (404, 10_015), (404, 10_008), (_, 40_094):
            self = .tokenIsOver(answer.description)
        // No token but the interaction's was shown, so that nothing else can be wrong.
        case (401, _) where answer.isDiscords: self = .tokenIsOver(answer.description)
        default: self = .verdict(Verdict(discord: answer, by: route, delivery))
        }
    }
}

extension OutgoingDelivery {
    fileprivate var isFresh: Bool { now.since(createdAt) < .seconds(3) }
}

extension Verdict {
    fileprivate init(discord answer: DiscordAnswer, by route: DiscordRoute, _ delivery: OutgoingDelivery) {
        let reason = answer.description
        let lost: Verdict =
            route.isRepeatable ? .retry(after: nil, scope: .conversation, reason: reason) : .uncertain(reason: reason)
        switch answer.status {
        case 200..<300:
            if let id = answer.json?["id"]?.string {
                self = .delivered(DeliveryReceipt(platformMessageID: id))
            } else if answer.status == 204 {
                self = .delivered(DeliveryReceipt(platformMessageID: nil))
            } else {
                self = lost
            }
        case 500...: self = lost
        case 429 where answer.isDiscords:
            self = .retry(
                after: answer.retryAfter,
                scope: answer.isGlobal ? .integration : .conversation,
                reason: reason
            )
        case _ where !answer.isDiscords:
            // Cloudflare has had enough of this address: every further call makes it worse.
            self = .retry(after: answer.retryAfter ?? .seconds(60), scope: .integration, reason: reason)
        default: self = Verdict(refused: answer, delivery)
        }
    }

    private init(refused answer: DiscordAnswer, _ delivery: OutgoingDelivery) {
        let reason = answer.description
        switch (answer.status, answer.code) {
        case (401, _), (_, 40_001), (_, 50_014): self = .dead(reason: reason, scope: .integration)
        // Cloudflare's word for a client it does not trust, and an overloaded Discord.
        case (_, 40_333), (_, 130_000): self = .retry(after: .seconds(60), scope: .integration, reason: reason)
        case (_, 20_016):
            let wait = answer.retryAfter ?? .seconds(60)
            self = .retry(after: wait, scope: .conversation, reason: reason)
        case (_, 50_035) where answer.json?["errors"]?["content"] != nil && !delivery.usesPlainText:
            self = .formattingRejected(reason: reason)
        default: self = .dead(reason: reason, scope: .delivery)
        }
    }
}
