import ParleyCore

/// How long a server wants us to wait.
enum RetryHint {
    /// `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110, 10.2.3); nil when there is none.
    static func wait(header: (String) -> String?, now: Timestamp) -> Duration? {
        if let milliseconds = header("retry-after-ms").flatMap({ Double($0.trimmed) }) {
            return Duration(waiting: milliseconds / 1000)
        }
        guard let value = header("retry-after")?.trimmed else { return nil }
        if let seconds = Double(value) { return Duration(waiting: seconds) }
        return date(value).map { max(.zero, $0.since(now)) }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that may still be sent.
    static func date(_ text: String) -> Timestamp? {
        let fields = text.split(whereSeparator: { $0 == " " || $0 == ":" }).map(String.init)
        guard fields.count == 8, fields[0].hasSuffix(","), fields[7] == "GMT",
            let month = months.firstIndex(of: fields[2]),
            let day = number(fields[1], 1...31), let year = number(fields[3], 1970...9999),
            let hour = number(fields[4], 0...23), let minute = number(fields[5], 0...59),
            let second = number(fields[6], 0...60)
        else { return nil }
        return Timestamp(seconds: days(year, Int64(month) + 1, day) * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func number(_ text: String, _ range: ClosedRange<Int64>) -> Int64? {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text).flatMap { range.contains($0) ? $0 : nil }
    }

    /// Days since 1970-01-01; the year is taken to begin in March, so that the leap day is its last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}

extension Duration {
    /// Seconds that a server named; nil unless positive, and a day at most.
    init?(waiting seconds: Double) {
        guard seconds.isFinite, seconds > 0 else { return nil }
        self = .milliseconds(Int64(min(seconds, 86_400) * 1000))
    }
}
