import ChannelKit
import ParleyCore

/// How one delivery can reach Discord.
enum DiscordRoute {
    /// The first part replaces "thinking…". Repeating it changes nothing.
    case original(DiscordToken)
    /// A later part, with the interaction's token. Discord has no key to recognise a repetition.
    case followUp(DiscordToken)
    /// The bot's own message, with a nonce by which Discord recognises a repetition for a few minutes.
    case channel(String)

    /// The way while the interaction's token lives; else, the way by the bot's own token.
    ///
    /// Nil when the address has neither.
    init?(_ delivery: OutgoingDelivery) {
        if let token = DiscordToken(delivery.address), delivery.now < token.expiresAt {
            self = delivery.discordPart == 0 ? .original(token) : .followUp(token)
        } else if let channel = Self.channel(of: delivery) {
            self = channel
        } else {
            return nil
        }
    }

    static func channel(of delivery: OutgoingDelivery) -> DiscordRoute? {
        delivery.address["channel_id"]?.string.flatMap { Snowflake($0) == nil ? nil : .channel($0) }
    }

    /// Whether sending again is harmless.
    var isRepeatable: Bool {
        if case .followUp = self { false } else { true }
    }

    /// Whether an earlier attempt at this delivery may stand there already, unrecognised by this route.
    func mayRepeat(_ delivery: OutgoingDelivery) -> Bool {
        switch self {
        case .original: false
        case .followUp: delivery.mayRepeat
        case .channel: delivery.mayRepeat || (delivery.attempt > 1 && !delivery.isWithinDiscordNonce)
        }
    }
}

/// The short-lived right to answer one interaction. It is a capability: never log it.
struct DiscordToken {
    let applicationID: String
    let secret: Secret<String>
    let expiresAt: Timestamp

    /// Nil when the address is that of a channel alone.
    init?(_ address: JSON) {
        guard let application = address["application_id"]?.string, let token = address["token"]?.string,
            let expiry = address["expires_at"]?.int
        else { return nil }
        applicationID = application
        secret = Secret(token)
        expiresAt = Timestamp(seconds: expiry)
    }
}

extension OutgoingDelivery {
    /// The place of this call among those of its reply; the first replaces "thinking…".
    var discordPart: Int64 { payload["part"]?.int ?? 0 }

    /// At most 25 characters (Discord docs, Create Message): all 128 bits of the delivery's id in base 36.
    var discordNonce: String { String(UInt128(id.uuid.high) << 64 | UInt128(id.uuid.low), radix: 36) }

    /// Whether every earlier attempt was made with the nonce and recently enough for Discord to remember it.
    ///
    /// Discord says "a few minutes"; two are counted on.
    var isWithinDiscordNonce: Bool {
        let hadToken = DiscordToken(address).map { createdAt < $0.expiresAt } ?? false
        return !hadToken && now.since(createdAt) < .seconds(120)
    }
}
