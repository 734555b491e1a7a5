import ChannelKit
import Crypto
import ParleyCore

extension WhatsAppChannel {
    /// Asks for the number's own data, which proves the token and, by `appsecret_proof`, the app secret.
    package func connect(
        _ credentials: ChannelCredentials,
        webhookURL: String?,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) -> ConnectedIdentity {
        let (sender, proof) = try WhatsAppCredentials.checked(credentials, apiURL: apiURL)
        let answer: HTTPAnswer
        do {
            let fields = "fields=display_phone_number,verified_name,quality_rating,code_verification_status,status"
            answer = try await transport.send(sender.get("\(fields)&appsecret_proof=\(proof)"))
        } catch {
            throw .unreachable("the phone number: \(Verdict(error).reason ?? "no answer")")
        }
        guard let json = answer.json, json.object != nil else {
            throw .unreachable("the phone number: HTTP \(answer.status) without JSON")
        }
        guard answer.status == 200, json["error"] == nil else {
            throw WhatsAppCredentials.problem(json["error"], status: answer.status)
        }
        let number = json["display_phone_number"]?.string
        let name = [json["verified_name"]?.string, number].compactMap(\.self).joined(separator: " · ")
        return ConnectedIdentity(
            name: name.isEmpty ? sender.phoneNumberID : name,
            settings: .object(present: [
                "phone_number_id": .string(sender.phoneNumberID),
                "display_phone_number": number.map { .string($0) },
                "verified_name": json["verified_name"],
            ]),
            remaining: WhatsAppCredentials.remaining(json, webhookURL: webhookURL)
        )
    }
}

private enum WhatsAppCredentials {
    static func checked(
        _ credentials: ChannelCredentials,
        apiURL: String
    ) throws(ConnectionProblem) -> (WhatsAppSender, proof: String) {
        let wanted = [
            ("phone_number_id", "copy the Phone number ID (digits) from WhatsApp → API Setup"),
            ("access_token", "generate a System User token in Business settings"),
            ("app_secret", "copy the App Secret from App settings → Basic"),
            ("verify_token", "make up a long random text and give the same to Meta"),
        ]
        for (field, fix) in wanted where credentials[field]?.isEmpty ?? true { throw .invalid(field: field, fix: fix) }
        guard let sender = WhatsAppSender(credentials, apiURL: apiURL), let token = credentials["access_token"],
            let secret = credentials["app_secret"]
        else {
            throw .invalid(field: "phone_number_id", fix: "it is the id (digits only), not the phone number itself")
        }
        let proof = token.reveal { token in
            secret.reveal { secret in
                let key = SymmetricKey(data: Array(secret.utf8))
                return Hex.encode(HMAC<SHA256>.authenticationCode(for: Array(token.utf8), using: key))
            }
        }
        return (sender, proof)
    }

    static func problem(_ error: JSON?, status: Int) -> ConnectionProblem {
        let reason = WhatsAppVerdict.explained(error, status: status)
        if error?["message"]?.string?.contains("appsecret_proof") == true {
            return .invalid(field: "app_secret", fix: "it does not belong to the app that made the access token")
        }
        if error?["code"]?.int == 100 {
            return .invalid(
                field: "phone_number_id",
                fix: "no such number for this token; give the system user the WhatsApp account (\(reason))"
            )
        }
        return status >= 500 ? .unreachable(reason) : .refused(reason)
    }

    static func remaining(_ number: JSON, webhookURL: String?) -> [String] {
        var steps: [String] = []
        if let webhookURL {
            steps.append("Meta app → WhatsApp → Configuration: callback URL \(webhookURL) and your verify_token.")
        } else {
            steps.append("Set PARLEY_PUBLIC_URL: WhatsApp has no other way than a public HTTPS webhook.")
        }
        steps.append("Subscribe the webhook field `messages` (and `smb_message_echoes` if staff use the Business app).")
        steps.append("POST /{WABA_ID}/subscribed_apps once, or real messages will not arrive; see the channel's guide.")
        if let status = number["status"]?.string, status != "CONNECTED" {
            steps.append("The number's status is \(status): register it before it can send.")
        }
        return steps
    }
}
