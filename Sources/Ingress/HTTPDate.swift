import ParleyCore

/// The `Date` header, spelled once a second (RFC 9110 §5.6.7): `Sat, 21 Nov 2026 12:04:05 GMT`.
struct HTTPDate {
    private var second = Int64.min
    private var spelled = ""

    mutating func text(at now: Timestamp) -> String {
        if now.seconds != second {
            second = now.seconds
            spelled = Self.spell(now)
        }
        return spelled
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func spell(_ now: Timestamp) -> String {
        // 2026-11-21T12:04:05.678Z
        let parts = now.description.split { "-T.".contains($0) }
        // 1970 began on a Thursday.
        let weekday = weekdays[Int(((now.seconds / 86_400) % 7 + 7) % 7)]
        guard parts.count == 5, let month = Int(parts[1]), months.indices.contains(month - 1) else { return "" }
        return "\(weekday), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]) GMT"
    }
}
