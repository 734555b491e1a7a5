#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A moment: microseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// Whole seconds, clamped to what fits; for platform times that arrive as seconds.
    package init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        microseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    package init(milliseconds: Int64) {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        microseconds = overflow ? (milliseconds < 0 ? .min : .max) : product
    }

    package var milliseconds: Int64 { microseconds / 1000 }
    package var seconds: Int64 { microseconds / 1_000_000 }

    package func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = microseconds.addingReportingOverflow(duration.microseconds)
        return Timestamp(microseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// The time from an earlier moment to this one; negative when `earlier` is later.
    package func since(_ earlier: Timestamp) -> Duration {
        let (difference, overflow) = microseconds.subtractingReportingOverflow(earlier.microseconds)
        return .microseconds(overflow ? (microseconds < earlier.microseconds ? .min / 2 : .max / 2) : difference)
    }

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// ISO 8601 in UTC with milliseconds: `2026-11-21T12:04:05.678Z`.
    package var description: String {
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 86_400_000_000)
        let days = remainder < 0 ? quotient - 1 : quotient
        let inDay = remainder < 0 ? remainder + 86_400_000_000 : remainder
        let (year, month, day) = Timestamp.civil(fromDays: days)
        let second = inDay / 1_000_000
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
            + "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
            + ".\(padded(inDay / 1000 % 1000, 3))Z"
    }

    /// The calendar day in UTC: `2026-11-21`.
    package var day: String { String(description.prefix(10)) }

    /// The time of day in UTC: `12:04`.
    package var hourAndMinute: String { String(description.dropFirst(11).prefix(5)) }

    // Days since 1970-01-01 to a proleptic Gregorian date (the usual era arithmetic, 400 years = 146,097 days).
    static func civil(fromDays days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

extension Duration {
    /// Whole microseconds, clamped.
    package var microseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, tooLarge) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return tooLarge ? (seconds < 0 ? .min : .max) : sum
    }

    package var milliseconds: Int64 { microseconds / 1000 }

    /// Seconds with their fraction, for metrics.
    package var inSeconds: Double { Double(microseconds) / 1_000_000 }
}

/// Where time comes from. Everything reads the clock through this, so that tests can move it.
package protocol Clockwork: Sendable {
    /// Wall time.
    var now: Timestamp { get }

    /// Waits; throws `CancellationError` when the task is cancelled first.
    func sleep(for duration: Duration) async throws
}

/// The machine's clock.
package struct SystemClock: Clockwork {
    package init() {}

    package var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    package func sleep(for duration: Duration) async throws {
        try await Task.sleep(for: duration)
    }
}
