import ParleyCore

/// The platforms' rate limits, and the memory of what each caller was told to wait.
struct RateLimiter: Sendable {
    struct Rule: Sendable {
        /// Calls at once.
        var burst: Double
        /// Calls in the long run.
        var perSecond: Double
        /// Slack and Telegram tell whole seconds.
        var tellsWholeSeconds = true
    }

    enum Decision: Sendable, Equatable {
        case admitted
        /// `isEarly`: the caller had been told to wait longer.
        case refused(seconds: Double, isEarly: Bool)
    }

    private struct Bucket {
        var level: Double
        var at: Timestamp
        var told: Timestamp?
        var blockedUntil: Timestamp?
    }

    private var buckets: [String: Bucket] = [:]

    /// A call that left before the refusal arrived is not "early".
    private static let underWay: Duration = .milliseconds(100)

    /// `isForced` refuses without need; `isEnforced` false admits everything that was not told to wait.
    mutating func admit(
        _ key: String,
        _ rule: Rule,
        isEnforced: Bool,
        isForced: Bool = false,
        now: Timestamp
    ) -> Decision {
        if buckets.count > 20_000 { buckets = buckets.filter { now.since($0.value.at) < .seconds(120) } }
        var bucket = buckets[key] ?? Bucket(level: rule.burst, at: now)
        defer { buckets[key] = bucket }
        bucket.level = min(rule.burst, bucket.level + max(0, now.since(bucket.at).inSeconds) * rule.perSecond)
        bucket.at = now
        if let until = bucket.blockedUntil, now < until {
            let isEarly = bucket.told.map { now.since($0) > RateLimiter.underWay } ?? false
            return .refused(seconds: rounded(until.since(now).inSeconds, rule), isEarly: isEarly)
        }
        if isForced { return refuse(&bucket, after: 1, rule, now: now) }
        guard isEnforced else { return .admitted }
        guard bucket.level >= 1 else {
            return refuse(&bucket, after: (1 - bucket.level) / rule.perSecond, rule, now: now)
        }
        bucket.level -= 1
        return .admitted
    }

    private func refuse(_ bucket: inout Bucket, after seconds: Double, _ rule: Rule, now: Timestamp) -> Decision {
        let told = rounded(seconds, rule)
        bucket.told = now
        bucket.blockedUntil = now.advanced(by: .milliseconds(Int64(told * 1000)))
        return .refused(seconds: told, isEarly: false)
    }

    private func rounded(_ seconds: Double, _ rule: Rule) -> Double {
        rule.tellsWholeSeconds ? max(1, seconds.rounded(.up)) : (seconds * 1000).rounded(.up) / 1000
    }
}

/// Discord's kind of limit: so many calls in a window that begins with the first.
struct RateWindows: Sendable {
    struct Answer: Sendable {
        var isAdmitted: Bool
        var isEarly: Bool
        var limit: Int
        var remaining: Int
        var resetAfter: Double
    }

    private struct Window {
        var start: Timestamp
        var used = 0
        var told: Timestamp?
        var blockedUntil: Timestamp?
    }

    private var windows: [String: Window] = [:]

    mutating func admit(
        _ key: String,
        limit: Int,
        seconds: Double,
        isEnforced: Bool,
        isForced: Bool,
        now: Timestamp
    ) -> Answer {
        if windows.count > 20_000 { windows = windows.filter { now.since($0.value.start) < .seconds(120) } }
        var window = windows[key] ?? Window(start: now)
        defer { windows[key] = window }
        if now.since(window.start).inSeconds >= seconds {
            window.start = now
            window.used = 0
        }
        let rest = max(0.001, seconds - now.since(window.start).inSeconds)
        func refusal(_ after: Double, isEarly: Bool) -> Answer {
            Answer(isAdmitted: false, isEarly: isEarly, limit: limit, remaining: 0, resetAfter: after)
        }
        if let until = window.blockedUntil, now < until {
            let isEarly = window.told.map { now.since($0) > .milliseconds(100) } ?? false
            return refusal(until.since(now).inSeconds, isEarly: isEarly)
        }
        if isForced || (isEnforced && window.used >= limit) {
            let wait = isForced ? 1 : rest
            window.told = now
            window.blockedUntil = now.advanced(by: .microseconds(Int64(wait * 1_000_000)))
            return refusal(wait, isEarly: false)
        }
        window.used += 1
        let remaining = max(0, limit - window.used)
        return Answer(isAdmitted: true, isEarly: false, limit: limit, remaining: remaining, resetAfter: rest)
    }
}
