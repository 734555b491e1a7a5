import AgentKit
import ParleyCore

/// What an OpenAI-compatible server complains of, whatever shape it gives it.
///
/// `{"error":{…}}` (OpenAI), `[{"error":{…}}]` (Gemini), `{"error":"…"}`, `{"message":"…"}`, `{"detail":…}` (FastAPI),
/// or HTML of a proxy. ``message`` is for deciding only; it may hold what a customer wrote and goes nowhere.
struct ProviderComplaint: Sendable {
    let message: String
    /// The parameter at fault.
    let parameter: String
    /// `type`, `code` and Gemini's `status`, lower case.
    let words: [String]
    /// A code that is a number: Gemini's and OpenRouter's HTTP status.
    let number: Int?
    /// Gemini's `google.rpc.RetryInfo`.
    let retryAfter: Duration?

    init(_ body: JSON?) {
        let whole = body?.array?.first ?? body
        let error = whole?["error"].flatMap { $0.isNull ? nil : $0 } ?? whole
        let details = error?["details"]?.array ?? []
        message = error?.string ?? error?["message"]?.string ?? whole?["message"]?.string ?? Self.text(whole?["detail"])
        parameter = error?["param"]?.string ?? ""
        words = ([error?["code"], error?["type"], error?["status"]] + details.map { $0["reason"] })
            .compactMap { $0?.string?.lowercased() }
        number = (error?["code"]?.int ?? error?["status"]?.int).flatMap(Int.init(exactly:))
        retryAfter = details.lazy.compactMap { $0["retryDelay"]?.string }.first.flatMap { delay in
            delay.hasSuffix("s") ? Double(delay.dropLast()).flatMap(Duration.init(waiting:)) : nil
        }
    }

    /// FastAPI lists `{"loc":["body","stream_options"],"msg":"extra fields not permitted"}`.
    private static func text(_ detail: JSON?) -> String {
        if let text = detail?.string { return text }
        return (detail?.array ?? []).map { item in
            ((item["loc"]?.array ?? []).compactMap(\.text) + [item["msg"]?.string ?? ""]).joined(separator: " ")
        }.joined(separator: "; ")
    }

    func says(_ phrases: String...) -> Bool {
        let text = message.lowercased()
        return phrases.contains { phrase in text.contains(phrase) || words.contains { $0.contains(phrase) } }
    }
}

/// Turns a status and a body into what the loop decides by.
enum OpenAIErrors {
    /// - Parameter key: words that contain it are left out of the reason.
    static func error(
        status: Int,
        header: (String) -> String?,
        body: JSON?,
        now: Timestamp,
        key: Secret<String>?
    ) -> ModelError {
        let complaint = ProviderComplaint(body)
        let wait = RetryHint.wait(header: header, now: now) ?? complaint.retryAfter
        let reason = reason(complaint, status: status, key: key)
        if let error = permanent(complaint, status: status) { return error }
        switch header("x-should-retry")?.trimmed.lowercased() {
        case "true" where status != 429: return .unavailable(reason: reason, retryAfter: wait)
        case "false": return .refused(status: status, reason: reason)
        default: break
        }
        return byStatus(status, reason: reason, wait: wait)
    }

    /// An error event in a stream that began with 200.
    static func error(inStream body: JSON, key: Secret<String>?) -> ModelError {
        let complaint = ProviderComplaint(body)
        let status = complaint.number.flatMap { (400...599).contains($0) ? $0 : nil } ?? impliedStatus(complaint)
        return permanent(complaint, status: status)
            ?? byStatus(status, reason: reason(complaint, status: status, key: key), wait: complaint.retryAfter)
    }

    /// What no header may overrule: waiting does not bring credit, a key or a shorter prompt.
    private static func permanent(_ complaint: ProviderComplaint, status: Int) -> ModelError? {
        let isQuota =
            complaint.words.contains { word in
                ["insufficient_quota", "insufficient_balance", "credit_balance", "billing", "spend_limit"]
                    .contains { word.contains($0) }
            }
            || status == 402
        if isQuota { return .quotaExhausted }
        if status == 401 || status == 403 { return .unauthorised(status: status) }
        if status == 400, complaint.says("api key not valid", "api_key_invalid", "unauthenticated", "invalid_api_key") {
            return .unauthorised(status: status)
        }
        let isTooLong = complaint.says(
            "context_length_exceeded",
            "context length",
            "maximum context",
            "context window",
            "exceed_context_size",
            "context size",
            "prompt is too long",
            "input token count"
        )
        // 413 is also a proxy's limit in bytes; a shorter conversation is the repair for both.
        if status == 413 || (isTooLong && [400, 422, 500].contains(status)) { return .contextTooLong }
        return nil
    }

    private static func byStatus(_ status: Int, reason: String, wait: Duration?) -> ModelError {
        switch status {
        case 429: .rateLimited(retryAfter: wait)
        case 408, 409, 425, 500...: .unavailable(reason: reason, retryAfter: wait)
        default: .refused(status: status, reason: reason)
        }
    }

    private static func impliedStatus(_ complaint: ProviderComplaint) -> Int {
        if complaint.words.contains(where: { $0.contains("rate_limit") || $0 == "resource_exhausted" }) { return 429 }
        if complaint.words.contains(where: { $0.contains("authentication") || $0.contains("api_key") }) { return 401 }
        if complaint.words.contains(where: { $0.hasPrefix("invalid_") || $0.contains("context_length") }) { return 400 }
        return 503
    }

    /// The provider's own words, so that an operator can look them up: its code, type or status, else the HTTP status.
    private static func reason(_ complaint: ProviderComplaint, status: Int, key: Secret<String>?) -> String {
        var kept: [String] = []
        for word in complaint.words where !kept.contains(word) && isWord(word, key: key) { kept.append(word) }
        if kept.isEmpty { return "http_\(status)" }
        let joined = kept.joined(separator: ".")
        return joined.utf8.count <= 64 ? joined : kept[0]
    }

    private static func isWord(_ word: String, key: Secret<String>?) -> Bool {
        guard !word.isEmpty, word.utf8.count <= 64 else { return false }
        let isPlain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"): true
            default: false
            }
        }
        guard isPlain, !word.hasPrefix("sk-") else { return false }
        return key?.reveal { !$0.isEmpty && word.contains($0.lowercased()) } != true
    }
}
