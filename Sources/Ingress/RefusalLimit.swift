import ChannelKit
import CoordinationKit
import HTTPTypes
import ParleyCore
import Pipeline

/// Tells whoever sends bad webhooks without end to wait.
///
/// Asked only when a webhook has been refused already: platforms post for everybody from few addresses, and a genuine one
/// is never turned away for what came beside it.
package struct RefusalLimit: Sendable {
    private let limiter: any RequestLimiter
    /// Nil for none.
    private let limit: RequestLimit?
    private let proxies: TrustedProxies

    package init(_ limiter: any RequestLimiter, _ limit: RequestLimit?, trusting proxies: TrustedProxies) {
        self.limiter = limiter
        self.limit = limit
        self.proxies = proxies
    }

    /// The 429 in place of a refusal; nil when the refusal may stand.
    ///
    /// - Parameter integration: nil when there is none of the name. Of one that there is, refusals are counted apart: Discord
    ///   sends each application wrong signatures from time to time, and takes its address away unless it is told 401.
    func tooMany(
        _ refusal: AcceptRefusal,
        of integration: ID<Integration>?,
        _ headers: HTTPFields,
        _ context: GatewayContext,
        at now: Timestamp
    ) async -> WebhookReply? {
        guard let limit, refusal.isSendersFault,
            let address = proxies.client(behind: context.peer, Self.forwarded(headers))
        else { return nil }
        let place = refusal == .unknownIntegration ? nil : integration
        // Every refusal is a request of its own.
        let decision = await limiter.admit(
            UUID7(at: now).description,
            of: .address(place.map { "\(address) \($0)" } ?? address),
            limit,
            at: now
        )
        guard case .refused(let wait, _) = decision else { return nil }
        return WebhookReply(tooManyFor: wait)
    }

    // Several fields are one list.
    private static func forwarded(_ headers: HTTPFields) -> String? {
        HTTPField.Name("X-Forwarded-For").map { headers[values: $0].joined(separator: ",") }
    }
}

extension AcceptRefusal {
    /// Whether nothing shows that it came from the platform. What is proven and cannot be read, or comes late, is genuine.
    fileprivate var isSendersFault: Bool {
        switch self {
        case .unknownIntegration, .refused(.unproven), .refused(.forbidden): true
        case .refused, .cannotKeep: false
        }
    }
}
