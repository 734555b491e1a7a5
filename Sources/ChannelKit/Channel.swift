import ChannelManifests
import ParleyCore

/// A messaging network, and the type that speaks it.
///
/// A channel is a value without state: everything it needs to know of a business is in the ``ChannelIntegration`` it
/// is handed. It proves and reads webhooks, renders replies in its own shape, and sends them. What more it can do, it
/// says by conforming to one of the protocols below, which the pipeline asks for once.
package protocol Channel: Sendable {
    /// What the channel is, as data: `channels/<Name>/<Name>.json`.
    var manifest: ChannelManifest { get }

    /// Proves that the request comes from the platform, over its raw bytes, and reads the events in it.
    ///
    /// Event kinds that it does not know are `unrecognised`, never an error: the platform would redeliver for hours.
    /// No I/O. Throws ``WebhookRefusal``, which carries the HTTP status to answer with.
    func read(
        _ request: WebhookRequest,
        for integration: ChannelIntegration
    ) throws(WebhookRefusal) -> WebhookReading

    /// Turns a reply into the calls that say it, split to the platform's limits, in the order in which they must be
    /// sent. No I/O. `address` is the ``InboundEvent/replyAddress`` of the event that is answered.
    func render(_ reply: ReplyDocument, to address: JSON, for integration: ChannelIntegration) -> [OutgoingCall]

    /// Makes one call and judges the platform's answer. Never throws: whatever happened is a ``Verdict``.
    func send(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Verdict
}

extension Channel {
    package var id: ChannelID { manifest.id }
}

/// A channel that can show that a reply is being made.
package protocol TypingChannel: Channel {
    /// How often ``showTyping(at:as:over:)`` must be repeated to stay visible.
    var typingInterval: Duration { get }

    /// Cosmetic: failures are ignored.
    func showTyping(at address: JSON, as integration: ChannelIntegration, over transport: any HTTPTransport) async
}

/// A channel on which it can be found out whether an uncertain send arrived.
package protocol ReconcilingChannel: Channel {
    func reconcile(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Reconciliation
}

/// What became of a send whose answer was lost.
package enum Reconciliation: Sendable, Equatable {
    case arrived(DeliveryReceipt)
    case didNotArrive
    /// The platform will tell by webhook, if it arrived; look again after this long.
    case wait(Duration)
    /// It cannot be known. Sending again may repeat it, which is counted and marked.
    case unknowable
}

/// A channel whose credentials can be tried, and whose webhook may be registered by API.
package protocol ConnectingChannel: Channel {
    /// Tries the credentials against the platform and finds out who the bot is.
    ///
    /// - Parameters:
    ///   - credentials: what the operator gave; see the manifest's credential fields.
    ///   - webhookURL: where the platform is to post; nil when no public URL is configured.
    func connect(
        _ credentials: ChannelCredentials,
        webhookURL: String?,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) -> ConnectedIdentity
}

/// What ``ConnectingChannel/connect(_:webhookURL:over:)`` found out.
package struct ConnectedIdentity: Sendable {
    /// How the bot is called on the platform: `@acme_bot`.
    package var name: String
    /// What the channel wants to remember: the bot's own ids, so that echoes can be told.
    package var settings: JSON
    /// Credentials that were generated (Telegram's webhook secret) and must be stored with the others.
    package var generated: ChannelCredentials
    /// What the operator must still do by hand, a sentence each.
    package var remaining: [String]

    package init(name: String, settings: JSON, generated: ChannelCredentials = .init([:]), remaining: [String] = []) {
        self.name = name
        self.settings = settings
        self.generated = generated
        self.remaining = remaining
    }
}

/// Why a bot could not be connected; the text names the field and the fix and carries no secret.
package enum ConnectionProblem: Error, Sendable, CustomStringConvertible {
    /// A field is missing or malformed.
    case invalid(field: String, fix: String)
    /// The platform refused the credentials.
    case refused(String)
    /// The platform did not answer; the credentials may be right.
    case unreachable(String)

    package var description: String {
        switch self {
        case .invalid(let field, let fix): "\(field): \(fix)"
        case .refused(let reason): "the platform refused these credentials: \(reason)"
        case .unreachable(let reason): "the platform did not answer: \(reason)"
        }
    }
}
