import ParleyCore
import Testing

@Suite struct CalendarDayTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("1969-12-31", -1), ("2000-02-29", 11_016), ("2000-03-01", 11_017), ("2026-11-21", 20_778),
        ("0001-01-01", -719_162), ("9999-12-31", 2_932_896),
    ])
    func `a day has its number`(_ text: String, _ number: Int64) throws {
        let day = try #require(CalendarDay(text))
        #expect(day.number == number)
        #expect(day.description == text)
        #expect(CalendarDay(day.start) == day)
        #expect(CalendarDay(day.start.advanced(by: .microseconds(-1))) == day.advanced(by: -1))
    }

    @Test func `every day of four centuries comes back`() {
        for number in stride(from: Int64(-146_097), to: 146_097, by: 1) {
            let day = CalendarDay(number: number)
            #expect(CalendarDay(year: day.year, month: day.month, day: day.day) == day)
        }
    }

    @Test(arguments: [
        "", "2026-11-31", "2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-11-00", "2026-1-01",
        "20261121", "2026-11-21 ", "+026-11-21", "2026-11-2x",
    ])
    func `what is no day is refused`(_ text: String) {
        #expect(CalendarDay(text) == nil)
    }
}
