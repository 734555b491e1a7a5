import ParleyCore
import Testing

@Suite struct TimeTests {
    static let moments: [(microseconds: Int64, text: String)] = [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (999, "1970-01-01T00:00:00.000Z"),
        (951_782_400_000_000, "2000-02-29T00:00:00.000Z"), (951_868_799_999_999, "2000-02-29T23:59:59.999Z"),
        (951_868_800_000_000, "2000-03-01T00:00:00.000Z"), (1_709_164_800_000_000, "2024-02-29T00:00:00.000Z"),
        (4_107_542_399_000_000, "2100-02-28T23:59:59.000Z"), (4_107_542_400_000_000, "2100-03-01T00:00:00.000Z"),
        (-2_203_977_600_000_000, "1900-02-28T00:00:00.000Z"), (-2_203_891_200_000_000, "1900-03-01T00:00:00.000Z"),
        (1_798_761_599_123_456, "2026-12-31T23:59:59.123Z"), (253_402_300_799_999_999, "9999-12-31T23:59:59.999Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000Z"),
    ]

    @Test(arguments: moments) func `a moment is written in ISO 8601`(_ moment: (microseconds: Int64, text: String)) {
        #expect(Timestamp(microseconds: moment.microseconds).description == moment.text)
    }

    @Test func `day and time of day are parts of it`() {
        let moment = Timestamp(microseconds: 1_798_761_599_123_456)
        #expect(moment.day == "2026-12-31")
        #expect(moment.hourAndMinute == "23:59")
    }

    @Test func `the furthest moments are written and reckoned with without a trap`() {
        for microseconds: Int64 in [.min, .min + 1, .max - 1, .max] {
            let moment = Timestamp(microseconds: microseconds)
            #expect(!moment.description.isEmpty)
            _ = moment.advanced(by: .seconds(Int64.max))
            _ = moment.advanced(by: .seconds(Int64.min))
            _ = moment.since(Timestamp(microseconds: 0))
            _ = moment.since(Timestamp(microseconds: microseconds == .max ? .min : .max))
        }
    }

    @Test func `seconds and milliseconds that do not fit are clamped`() {
        #expect(Timestamp(seconds: .max).microseconds == .max)
        #expect(Timestamp(seconds: .min).microseconds == .min)
        #expect(Timestamp(milliseconds: .max).microseconds == .max)
        #expect(Timestamp(milliseconds: .min).microseconds == .min)
        #expect(Timestamp(seconds: -3).milliseconds == -3000)
    }

    @Test func `durations are told in microseconds, clamped`() {
        #expect(Duration.seconds(2).microseconds == 2_000_000)
        #expect(Duration.milliseconds(-5).microseconds == -5000)
        #expect(Duration.seconds(Int64.max).microseconds == .max)
        #expect(Duration.seconds(Int64.min).microseconds == .min)
        #expect(Duration.milliseconds(1500).inSeconds == 1.5)
    }

    @Test func `waiting doubles up to the maximum and keeps half of it as jitter`() {
        func wait(_ attempt: Int, _ random: Double) -> Int64 {
            Backoff.wait(after: attempt, first: .seconds(1), maximum: .seconds(60), using: random).milliseconds
        }
        #expect((1...8).map { wait($0, 0) } == [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
        #expect(wait(3, 0.5) == 3000)
        #expect(wait(3, 0.999_999) < 4000)
        #expect(wait(.max, 0.5) == 45_000)
        #expect(wait(0, 0) == 500)
        #expect(wait(.min, 0) == 500)
    }

    @Test func `waits that nobody fixed differ and stay within their bounds`() {
        let waits = (0..<200).map { _ in Backoff.wait(after: 4, first: .seconds(1), maximum: .seconds(60)) }
        #expect(waits.allSatisfy { (Duration.seconds(4)...Duration.seconds(8)).contains($0) })
        #expect(Set(waits).count > 100)
    }
}
