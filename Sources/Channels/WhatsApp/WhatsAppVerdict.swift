import ChannelKit
import ParleyCore

/// What Meta's answers mean: `error.code` decides, titles and subcodes are deprecated.
enum WhatsAppVerdict {
    static func on(_ answer: HTTPAnswer, attempt: Int) -> Verdict {
        let json = answer.json
        if (200..<300).contains(answer.status), json?["error"] == nil {
            guard let id = json?["messages"]?[0]?["id"]?.string else {
                return .uncertain(reason: "the answer is not WhatsApp's")
            }
            return .delivered(DeliveryReceipt(platformMessageID: id))
        }
        let error = json?["error"]
        let reason = explained(error, status: answer.status)
        let code = error?["code"]?.int
        if let code, let kind = kind(of: code, subcode: error?["error_subcode"]?.int) {
            // A 5xx may come after the message was taken, unless its code says that nothing was.
            if answer.status >= 500, kind == .wait, !refusing.contains(code) { return .uncertain(reason: reason) }
            return verdict(kind, answer: answer, attempt: attempt, reason: reason)
        }
        switch answer.status {
        case 500...: return .uncertain(reason: reason)
        case 429: return verdict(.waitAll, answer: answer, attempt: attempt, reason: reason)
        case 401, 403: return .dead(reason: reason, scope: .integration)
        default: return .dead(reason: reason, scope: .delivery)
        }
    }

    /// How an error is to be taken.
    enum Kind: Sendable {
        case wait, waitAll, pair, account, recipient
    }

    /// WhatsApp, Error codes. Nil for those that are not there.
    static func kind(of code: Int64, subcode: Int64? = nil) -> Kind? {
        switch code {
        case 1, 2, 131_000, 131_016, 131_057, 133_004, 2_494_100: .wait
        case 4, 80_007, 130_429: .waitAll
        // One message in six seconds to one person.
        case 131_056: .pair
        // "Object does not exist": the number's id is wrong, or the token may not see it.
        case 100 where subcode == 33: .account
        case 0, 3, 10, 33, 190, 200...299, 368, 130_497, 131_005, 131_031, 131_037, 131_042, 131_045, 131_063, 133_010:
            .account
        case 100, 130_403, 130_472, 131_008, 131_009, 131_021, 131_026, 131_030, 131_047...131_053, 131_062, 131_064,
            132_000...132_999, 133_016, 137_000:
            .recipient
        default: nil
        }
    }

    /// Maintenance and "service unavailable": the message was turned away at the door.
    private static let refusing: Set<Int64> = [131_016, 131_057, 133_004, 2_494_100]

    private static func verdict(_ kind: Kind, answer: HTTPAnswer, attempt: Int, reason: String) -> Verdict {
        switch kind {
        case .wait: .retry(after: retryAfter(answer), scope: .conversation, reason: reason)
        case .waitAll: .retry(after: retryAfter(answer), scope: .integration, reason: reason)
        case .pair: .retry(after: pairWait(attempt), scope: .conversation, reason: reason)
        case .account: .dead(reason: reason, scope: .integration)
        case .recipient: .dead(reason: reason, scope: .delivery)
        }
    }

    /// Meta suggests 4ⁿ seconds after the n-th refusal for one pair of numbers; an hour at most.
    private static func pairWait(_ attempt: Int) -> Duration {
        let doublings = 2 * min(max(attempt, 1), 6)
        return min(.seconds(1 << doublings), Limits.deliveryBackoffMaximum)
    }

    private static func retryAfter(_ answer: HTTPAnswer) -> Duration? {
        guard let seconds = answer.header("retry-after").flatMap({ Int64($0.trimmed) }), (0...86_400).contains(seconds)
        else { return nil }
        return .seconds(seconds)
    }

    /// The code, Meta's words and the trace that their support asks for.
    static func explained(_ error: JSON?, status: Int) -> String {
        guard let error, error.object != nil else { return "HTTP \(status)" }
        var reason = error["code"]?.text ?? "HTTP \(status)"
        if let message = error["message"]?.string { reason += ": \(message)" }
        if let details = error["error_data"]?["details"]?.string { reason += " (\(details))" }
        if let trace = error["fbtrace_id"]?.string { reason += " [\(trace)]" }
        return reason.clipped(toUTF8: 400)
    }
}
