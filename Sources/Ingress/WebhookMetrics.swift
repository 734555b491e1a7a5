import ParleyCore
import Pipeline

/// How webhooks were answered, and how long it took.
enum WebhookMetrics {
    private struct ChannelStatus: Hashable {
        let channel: String
        let status: Int
    }

    private static let answers = CounterFamily<ChannelStatus>("parley_webhooks_total") {
        [("channel", $0.channel), ("status", String($0.status))]
    }

    private static let seconds = TimerFamily<String>("parley_webhook_seconds") { [("channel", $0)] }

    /// - Parameter channel: of one that is spoken, or `unknown`: what comes from outside must not become a label.
    static func count(_ channel: String, status: Int, after duration: Duration) {
        answers.increment(ChannelStatus(channel: channel, status: status))
        seconds.record(duration, channel)
    }
}
