/// Exponential waiting with jitter, so that many waiters do not return at one moment.
package enum Backoff {
    /// The wait before attempt `attempt + 1`, `attempt` counting from 1: between half and the whole of
    /// `first · 2^(attempt-1)`, at most `maximum`.
    package static func wait(
        after attempt: Int,
        first: Duration = Limits.deliveryBackoff,
        maximum: Duration = Limits.deliveryBackoffMaximum,
        using random: Double = Double.random(in: 0..<1)
    ) -> Duration {
        let doublings = min(max(attempt, 1) - 1, 30)
        let full = min(Double(first.microseconds) * Double(1 << doublings), Double(maximum.microseconds))
        return .microseconds(Int64(full * (0.5 + random / 2)))
    }
}
