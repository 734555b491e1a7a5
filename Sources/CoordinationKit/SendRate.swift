import ParleyCore

/// How often something may be sent: `count` in any stretch of `window`.
package struct SendRate: Sendable, Hashable {
    package let count: Int
    package let window: Duration
    /// What may go out at once after a quiet time.
    package let capacity: Int
    /// Between two sends in the long run.
    package let interval: Duration

    /// A right to send is used within this time of being granted; after it, it is void.
    package static let lease: Duration = .milliseconds(50)

    /// - Parameter burst: what the platform tolerates at once, beyond the rate. Without one the rate is kept exactly: in
    ///   no stretch of `window` are there more than `count` sends, however the rights to them were shared out.
    package init?(_ count: Int, per window: Duration, burst: Int? = nil) {
        guard count > 0, window > .zero, count <= 1_000_000, window <= .seconds(86_400) else { return nil }
        self.count = count
        self.window = window
        if let burst {
            capacity = min(max(burst, 1), count * 1000)
            // Two percent slower, because neither clock is exact.
            interval = .microseconds(max(1, window.microseconds * 51 / 50 / Int64(count)))
        } else {
            // capacity + ⌈(window + lease) / interval⌉ - 1 ≤ count, solved for the interval.
            capacity = max(1, count / 20)
            interval = .microseconds(
                (window + Self.lease).microseconds / Int64(count - capacity + 1) + 1
            )
        }
    }

    /// What stays untouched by previews and typing, so that an answer need not wait for them.
    package var reserve: Int { capacity / 2 }
}

/// The two rates that a send is subject to; nil where the platform names none.
package struct SendRates: Sendable, Hashable {
    package var integration: SendRate?
    package var conversation: SendRate?

    package init(integration: SendRate? = nil, conversation: SendRate? = nil) {
        self.integration = integration
        self.conversation = conversation
    }

    package static let unlimited = SendRates()
}

/// A rate as one number (generic cell rate algorithm): the time at which it would be used up if nothing more were sent.
package struct SendMeter: Sendable {
    package enum Turn: Sendable, Equatable {
        /// Taken: to be used after this wait.
        case after(Duration)
        /// Not taken: it would have been this long.
        case tooLate(Duration)
    }

    private var usedUp: Int64 = .min

    package init() {}

    /// Takes the next turn if it comes within `patience`; whoever comes later waits behind it.
    ///
    /// - Parameter share: how much of the rate belongs to this process, above 0 and at most 1.
    package mutating func take(
        _ rate: SendRate,
        share: Double = 1,
        leaving reserve: Int = 0,
        within patience: Duration,
        at now: Timestamp
    ) -> Turn {
        let interval = Int64(min(Double(rate.interval.microseconds) / min(max(share, 0.001), 1), 1e15))
        let capacity = max(1, Int64(Double(rate.capacity) * share))
        let from = max(usedUp, now.microseconds)
        let free = capacity - 1 - Int64(Double(reserve) * share)
        let wait = max(0, from - free * interval - now.microseconds)
        guard wait <= patience.microseconds else { return .tooLate(.microseconds(wait)) }
        usedUp = from + interval
        return .after(.microseconds(wait))
    }

    /// Whether it says nothing that a new one would not say.
    package func isIdle(at now: Timestamp) -> Bool { usedUp <= now.microseconds }
}
