import ParleyCore

/// The month for which a business is billed: from its billing day to the day before the next one, in UTC.
package struct BillingPeriod: Sendable, Hashable, CustomStringConvertible {
    package let first: CalendarDay
    /// Included.
    package let last: CalendarDay

    /// The period that a moment falls into.
    ///
    /// - Parameter billingDay: 1 to 31; a month that is shorter begins its period on its last day.
    package init(containing moment: Timestamp, billingDay: Int = 1) {
        let today = CalendarDay(moment)
        let (year, month) = (today.year, today.month)
        let isBegun = today >= Self.start(year, month, billingDay)
        let (from, to) = isBegun ? (0, 1) : (-1, 0)
        first = Self.start(year, month + from, billingDay)
        last = Self.start(year, month + to, billingDay).advanced(by: -1)
    }

    /// The period that begins in a month (`2026-11`); nil for anything else.
    package init?(month text: some StringProtocol, billingDay: Int = 1) {
        guard let day = CalendarDay("\(text)-01") else { return nil }
        first = Self.start(day.year, day.month, billingDay)
        last = Self.start(day.year, day.month + 1, billingDay).advanced(by: -1)
    }

    /// `2026-11-15 to 2026-12-14`
    package var description: String { "\(first) to \(last)" }

    // `month` may be one before January or one after December.
    private static func start(_ year: Int, _ month: Int, _ billingDay: Int) -> CalendarDay {
        let (year, month) = month < 1 ? (year - 1, 12) : month > 12 ? (year + 1, 1) : (year, month)
        let day = min(max(1, billingDay), CalendarDay.length(ofMonth: month, in: year))
        return CalendarDay(year: year, month: month, day: day) ?? CalendarDay(number: 0)
    }
}
