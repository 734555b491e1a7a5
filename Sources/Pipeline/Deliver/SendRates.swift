import ChannelManifests
import CoordinationKit

extension SendRates {
    /// What a channel's manifest says: `messages` for an integration, `messages_per_chat` for a conversation, and
    /// `messages_per_chat_burst` for what the latter tolerates at once.
    package init(_ manifest: ChannelManifest) {
        self.init(
            integration: manifest.limits["messages"]?.rate(),
            conversation: manifest.limits["messages_per_chat"]?.rate(
                burst: manifest.limits["messages_per_chat_burst"]?.value
            )
        )
    }
}

extension ChannelManifest.ChannelLimit {
    fileprivate func rate(burst: Int? = nil) -> SendRate? {
        switch unit {
        case "per_second": SendRate(value, per: .seconds(1), burst: burst)
        case "per_minute": SendRate(value, per: .seconds(60), burst: burst)
        default: nil
        }
    }
}
