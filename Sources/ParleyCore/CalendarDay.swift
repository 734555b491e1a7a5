/// A day of the proleptic Gregorian calendar in UTC: what usage is added up by.
package struct CalendarDay: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Days since 1970-01-01.
    package let number: Int64

    package init(number: Int64) { self.number = number }

    /// The day of a moment.
    package init(_ moment: Timestamp) {
        let (quotient, remainder) = moment.microseconds.quotientAndRemainder(dividingBy: Self.microseconds)
        number = remainder < 0 ? quotient - 1 : quotient
    }

    /// Nil for a month or a day that the calendar does not have; years from 1 to 9999.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month),
            (1...Self.length(ofMonth: month, in: year)).contains(day)
        else { return nil }
        // Years begin in March, so that the day that is not always there is the last one.
        let years = Int64(month > 2 ? year : year - 1)
        let months = Int64(month > 2 ? month - 3 : month + 9)
        let leapDays = years / 4 - years / 100 + years / 400
        // 1970-01-01 is 719,468 days after 0000-03-01.
        number = years * 365 + leapDays + (153 * months + 2) / 5 + Int64(day) - 1 - 719_468
    }

    /// Reads `2026-11-21`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard text.utf8.count == 10, parts.count == 3,
            parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            parts[0].utf8.count == 4, parts[1].utf8.count == 2,
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// Its first moment.
    package var start: Timestamp {
        let (product, overflow) = number.multipliedReportingOverflow(by: Self.microseconds)
        return Timestamp(microseconds: overflow ? (number < 0 ? .min : .max) : product)
    }

    package var year: Int { Int(clamping: Timestamp.civil(fromDays: number).0) }
    package var month: Int { Int(clamping: Timestamp.civil(fromDays: number).1) }
    package var day: Int { Int(clamping: Timestamp.civil(fromDays: number).2) }

    package func advanced(by days: Int64) -> CalendarDay {
        let (sum, overflow) = number.addingReportingOverflow(days)
        return CalendarDay(number: overflow ? (days < 0 ? .min : .max) : sum)
    }

    package static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    /// `2026-11-21`
    package var description: String { start.day }

    package static func length(ofMonth month: Int, in year: Int) -> Int {
        switch month {
        case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static var microseconds: Int64 { 86_400_000_000 }
}
