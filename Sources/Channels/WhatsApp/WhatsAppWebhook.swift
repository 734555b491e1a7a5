import ChannelKit
import ParleyCore

/// One request from Meta: a handshake by GET, or a proven batch by POST.
struct WhatsAppWebhook {
    let request: WebhookRequest
    let integration: ChannelIntegration

    func read() throws(WebhookRefusal) -> WebhookReading {
        if request.method == .get { return try handshake() }
        guard request.mediaType == "application/json" else { throw .unsupportedMediaType("application/json") }
        try prove()
        let json: JSON
        do { json = try JSON(parsing: request.body) } catch { throw .malformed("the body: \(error)") }
        guard json.object != nil else { throw .malformed("the body is not an object") }
        return try batch(json)
    }

    /// Graph API, Webhooks, Verification requests: the challenge back as bare text, when the token is ours.
    private func handshake() throws(WebhookRefusal) -> WebhookReading {
        let tokens = integration.credentials.accepted("verify_token")
        guard request.query("hub.mode") == "subscribe", let token = request.query("hub.verify_token"),
            let challenge = request.query("hub.challenge"), Signature.isToken(token, anyOf: tokens)
        else { throw .forbidden("hub.mode, hub.verify_token or hub.challenge is missing or wrong") }
        return WebhookReading(ignored: ["verification"], answer: .text(challenge))
    }

    /// Graph API, Webhooks, Validating payloads: `sha256=` and the HMAC-SHA256 of the raw body under the app secret.
    ///
    /// Meta signs no timestamp: against replay there are the dedupe keys alone.
    private func prove() throws(WebhookRefusal) {
        let keys = integration.credentials.signingKeys("app_secret")
        guard !keys.isEmpty else { throw .unproven("this integration has no app secret") }
        guard let signature = request.header("x-hub-signature-256") else {
            throw .unproven("x-hub-signature-256 is missing")
        }
        guard signature.hasPrefix("sha256="),
            Signature.isHMAC(signature.dropFirst(7), of: request.body, underAnyOf: keys)
        else { throw .unproven("the signature does not match") }
    }

    /// A body may hold many entries, changes and elements; each stands alone, and a bad one spoils no other.
    private func batch(_ json: JSON) throws(WebhookRefusal) -> WebhookReading {
        guard json["object"]?.string == "whatsapp_business_account" else {
            return WebhookReading(ignored: [WhatsAppLabel.of(json["object"]?.string)])
        }
        guard let entries = json["entry"]?.array else { throw .malformed("entry is missing") }
        var reading = WebhookReading()
        for entry in entries {
            guard let changes = entry["changes"]?.array else {
                reading.ignored.append(WhatsAppLabel.malformed)
                continue
            }
            for change in changes { read(change, into: &reading) }
        }
        return reading
    }

    private func read(_ change: JSON, into reading: inout WebhookReading) {
        let field = change["field"]?.string
        guard field == "messages" || field == "smb_message_echoes" else {
            reading.ignored.append(WhatsAppLabel.of(field))
            return
        }
        guard let value = change["value"], let number = value["metadata"]?["phone_number_id"]?.string else {
            reading.ignored.append(WhatsAppLabel.malformed)
            return
        }
        // One app serves all numbers of all its accounts at one URL: another number's customers are not ours.
        guard isOurs(number) else {
            reading.ignored.append("other_number")
            return
        }
        if field == "messages" {
            WhatsAppMessages(value: value).read(into: &reading)
            WhatsAppStatuses(value: value).read(into: &reading)
            // Errors of the whole account, not of one message.
            for _ in value["errors"]?.array ?? [] { reading.ignored.append("value_error") }
        } else {
            WhatsAppEchoes(value: value).read(into: &reading)
        }
    }

    private func isOurs(_ number: String) -> Bool {
        integration.credentials["phone_number_id"]?.reveal { !$0.isEmpty && $0 == number } ?? false
    }
}

/// Kinds as counters' labels.
enum WhatsAppLabel {
    static let malformed = "malformed_element"

    static func of(_ kind: String?) -> String {
        guard let kind, (1...48).contains(kind.utf8.count),
            kind.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_") })
        else { return "unrecognised" }
        return kind
    }
}

/// WhatsApp's times: seconds since 1970, as text.
enum WhatsAppTime {
    /// Nil when it is not 1 to 11 digits.
    static func seconds(_ json: JSON?) -> Int64? {
        guard let text = json?.text, (1...11).contains(text.utf8.count),
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int64(text)
    }

    /// Messages of one second are kept in the order of their batch.
    static func position(_ seconds: Int64, order: Int) -> Int64 {
        seconds * 1_000_000 + Int64(min(order, 999_999))
    }
}
