import ParleyCore
import Synchronization

/// Counts what somebody asks for in a sliding window, and says when it is too much.
package protocol RequestLimiter: Sendable {
    /// - Parameter request: names the request, so that asking about it again neither counts nor changes the answer.
    func admit(
        _ request: String,
        of subject: LimitedSubject,
        _ limit: RequestLimit,
        at now: Timestamp
    ) async -> LimitDecision
}

/// Who is limited.
package enum LimitedSubject: Sendable, Hashable {
    /// Somebody who writes, by the name that the channel has for them: in a room several do, and none of them answers for
    /// another.
    case sender(String, on: ID<Integration>, of: ID<Business>)
    /// A network address; belongs to no business.
    case address(String)
}

package struct RequestLimit: Sendable, Hashable {
    package let count: Int
    package let window: Duration

    /// Nil for a limit that nothing would pass.
    package init?(_ count: Int, per window: Duration) {
        guard count > 0, count <= 100_000, window >= .milliseconds(1), window <= .seconds(86_400) else { return nil }
        self.count = count
        self.window = window
    }
}

package enum LimitDecision: Sendable, Equatable {
    /// `used` of the window's requests, this one included.
    case admitted(used: Int)
    /// `isFirst`: nobody has been told yet that it is too much; true once in a window.
    case refused(retryAfter: Duration, isFirst: Bool)
}

/// The limiter of a single process.
package final class LocalRequestLimiter: RequestLimiter {
    private struct Window {
        var admitted: [(request: String, at: Timestamp)] = []
        var told: (request: String, until: Timestamp)?
        var lastAt: Timestamp
    }

    private let capacity: Int
    private let windows = Mutex<[LimitedSubject: Window]>([:])

    /// - Parameter capacity: subjects that are remembered; beyond it those that asked longest ago are forgotten.
    package init(capacity: Int = 20_000) { self.capacity = max(2, capacity) }

    package func admit(
        _ request: String,
        of subject: LimitedSubject,
        _ limit: RequestLimit,
        at now: Timestamp
    ) async -> LimitDecision {
        windows.withLock { windows in
            if windows.count >= capacity, windows[subject] == nil {
                let middle = windows.values.map(\.lastAt).sorted()[windows.count / 2]
                windows = windows.filter { $0.value.lastAt > middle }
            }
            var window = windows[subject] ?? Window(lastAt: now)
            defer { windows[subject] = window }
            window.lastAt = now
            window.admitted.removeAll { now.since($0.at) >= limit.window }
            if window.admitted.contains(where: { $0.request == request }) {
                return .admitted(used: window.admitted.count)
            }
            guard window.admitted.count >= limit.count, let oldest = window.admitted.first else {
                window.admitted.append((request, now))
                return .admitted(used: window.admitted.count)
            }
            if let told = window.told, told.until <= now { window.told = nil }
            let isFirst = (window.told ?? (request, now)).request == request
            if window.told == nil { window.told = (request, now.advanced(by: limit.window)) }
            return .refused(retryAfter: oldest.at.advanced(by: limit.window).since(now), isFirst: isFirst)
        }
    }
}
