import ChannelKit
import ParleyCore

extension WhatsAppChannel {
    /// WhatsApp, Send messages. A 200 means taken, not delivered; the rest comes as statuses.
    package func send(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Verdict {
        guard let sender = WhatsAppSender(integration, apiURL: apiURL) else {
            return .dead(reason: "this integration has no phone_number_id or access_token", scope: .integration)
        }
        let message =
            delivery.usesPlainText ? delivery.payload["plain"] ?? delivery.payload["body"] : delivery.payload["body"]
        guard var body = message, let text = body["text"]?["body"]?.string else {
            return .dead(reason: "the payload has no message", scope: .delivery)
        }
        if delivery.mayRepeat {
            body["text"]?["body"] = .string("\(OutgoingDelivery.repeatMark)\n\(text)")
        }
        // There is no idempotency key; this comes back in the statuses and settles what is uncertain.
        body["biz_opaque_callback_data"] = .string(delivery.id.description)
        do {
            return WhatsAppVerdict.on(try await transport.send(sender.post(body)), attempt: delivery.attempt)
        } catch {
            return Verdict(error)
        }
    }

    /// There is no lookup: the status webhook settles the delivery, if it arrived and is awaited for a while.
    package func reconcile(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Reconciliation {
        let patience: Duration = .seconds(20)
        return delivery.now.since(delivery.createdAt) < patience ? .wait(.seconds(5)) : .unknowable
    }
}

/// Who sends: the business's number, and the token that may use it.
struct WhatsAppSender {
    let phoneNumberID: String
    private let token: Secret<String>
    private let apiURL: String

    /// Nil when a credential is missing; the number's id becomes part of a path and must be digits.
    init?(_ integration: ChannelIntegration, apiURL: String) {
        self.init(integration.credentials, apiURL: apiURL)
    }

    init?(_ credentials: ChannelCredentials, apiURL: String) {
        guard let id = credentials["phone_number_id"]?.reveal({ $0 }), let token = credentials["access_token"],
            !id.isEmpty, !token.isEmpty,
            id.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        phoneNumberID = id
        self.token = token
        self.apiURL = apiURL
    }

    func post(_ body: JSON, timeout: Duration = Limits.sendTimeout) -> HTTPCall {
        .json(.post, "\(apiURL)/\(phoneNumberID)/messages", headers: [authorization], body, timeout: timeout)
    }

    func get(_ query: String) -> HTTPCall {
        HTTPCall(.get, "\(apiURL)/\(phoneNumberID)?\(query)", headers: [authorization])
    }

    private var authorization: (name: String, value: String) { token.reveal { ("authorization", "Bearer \($0)") } }
}
