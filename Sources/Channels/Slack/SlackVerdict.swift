import ChannelKit
import ParleyCore

/// What Slack's answers mean. Slack says 200 to failures too: `ok` decides.
enum SlackVerdict {
    /// The answer to chat.postMessage.
    static func onPost(_ answer: HTTPAnswer, wasPlain: Bool) -> Verdict {
        if answer.status == 429 { return limited(answer) }
        // A gateway's 5xx says nothing of what happened behind it.
        if answer.status >= 500 { return .uncertain(reason: "HTTP \(answer.status)") }
        guard let json = answer.json, let isOK = json["ok"]?.bool else {
            return (200..<300).contains(answer.status)
                ? .uncertain(reason: "the answer is not Slack's") : refused(answer.status)
        }
        guard !isOK else { return .delivered(DeliveryReceipt(platformMessageID: messageID(json))) }
        return onError(json, answer: answer, wasPlain: wasPlain)
    }

    /// The answer of a `response_url`: `ok` as text, or a JSON error, or 404 once it has run out.
    static func onCommandAnswer(_ answer: HTTPAnswer, wasPlain: Bool, channel: JSON?) -> Verdict {
        if answer.status == 429 { return limited(answer) }
        if answer.status >= 500 { return .uncertain(reason: "HTTP \(answer.status)") }
        let json = answer.json
        let error = json?["error"]?.string ?? String(decoding: answer.body.prefix(64), as: UTF8.self)
        if answer.status == 404 || answer.status == 410 || ["expired_url", "used_url"].contains(error) {
            guard let channel else { return .dead(reason: "the response_url has run out", scope: .delivery) }
            return .moved(to: ["channel": channel], reason: "the response_url has run out")
        }
        if let json, json["ok"]?.bool == false { return onError(json, answer: answer, wasPlain: wasPlain) }
        guard (200..<300).contains(answer.status) else {
            return .dead(reason: "HTTP \(answer.status)", scope: .delivery)
        }
        return .delivered(DeliveryReceipt(platformMessageID: nil))
    }

    /// How an error is to be taken.
    enum Class: Sendable {
        case wait, uncertain, formatting, install, target
    }

    /// Slack, chat.postMessage, Errors. What is not here is taken to be about this one message.
    static let classes: [String: Class] = [
        // Nothing happened; later it may.
        "ratelimited": .wait, "rate_limited": .wait, "service_unavailable": .wait, "request_timeout": .wait,
        "team_added_to_org": .wait, "message_limit_exceeded": .wait,
        // It may have partly happened.
        "internal_error": .uncertain, "fatal_error": .uncertain,
        // The plain form may pass.
        "invalid_blocks": .formatting, "invalid_blocks_format": .formatting, "msg_blocks_too_long": .formatting,
        "msg_blocks_too_many": .formatting, "markdown_text_conflict": .formatting, "invalid_arguments": .formatting,
        "too_many_attachments": .formatting, "invalid_attachments": .formatting,
        // The workspace's owner must act.
        "invalid_auth": .install, "not_authed": .install, "account_inactive": .install, "token_revoked": .install,
        "token_expired": .install, "missing_scope": .install, "no_permission": .install, "access_denied": .install,
        "org_login_required": .install, "ekm_access_denied": .install, "not_allowed_token_type": .install,
        "accesslimited": .install, "team_access_not_granted": .install, "invalid_app_id": .install,
        // This channel, person or text, for good.
        "channel_not_found": .target, "not_in_channel": .target, "is_archived": .target, "restricted_action": .target,
        "messages_tab_disabled": .target, "cannot_reply_to_message": .target, "user_not_found": .target,
        "msg_too_long": .target, "no_text": .target, "metadata_too_large": .target, "thread_not_found": .target,
    ]

    private static func onError(_ json: JSON, answer: HTTPAnswer, wasPlain: Bool) -> Verdict {
        let error = json["error"]?.string ?? "no error named"
        let reason = explained(error, json)
        return switch classes[error] ?? .target {
        case .wait: .retry(after: retryAfter(answer), scope: .integration, reason: reason)
        case .uncertain: .uncertain(reason: reason)
        case .formatting: wasPlain ? .dead(reason: reason, scope: .delivery) : .formattingRejected(reason: reason)
        case .install: .dead(reason: reason, scope: .integration)
        case .target: .dead(reason: reason, scope: .delivery)
        }
    }

    /// Slack, Rate limits: 429 blocks this method for the whole workspace for `Retry-After` seconds.
    private static func limited(_ answer: HTTPAnswer) -> Verdict {
        .retry(after: retryAfter(answer), scope: .integration, reason: "ratelimited")
    }

    static func retryAfter(_ answer: HTTPAnswer) -> Duration? {
        guard let seconds = answer.header("retry-after").flatMap({ Int64($0.trimmed) }), (0...86_400).contains(seconds)
        else { return nil }
        return .seconds(seconds)
    }

    private static func refused(_ status: Int) -> Verdict {
        let isOurs = status == 401 || status == 403 || status == 404
        return .dead(reason: "HTTP \(status)", scope: isOurs ? .integration : .delivery)
    }

    /// The error with what Slack adds to it: the scope that is missing, the block that is wrong.
    static func explained(_ error: String, _ json: JSON) -> String {
        var reason = error
        if let needed = json["needed"]?.string { reason += ", needed: \(needed)" }
        let messages = json["response_metadata"]?["messages"]?.array ?? json["errors"]?.array ?? []
        if let first = messages.first?.string { reason += ": \(first)" }
        return reason.clipped(toUTF8: 300)
    }

    /// A message's name is its channel and its `ts`.
    static func messageID(_ json: JSON) -> String? {
        guard let channel = json["channel"]?.string, let ts = json["ts"]?.string else { return nil }
        return "\(channel):\(ts)"
    }
}
