import CoordinationKit
import ParleyCore
import Testing

@Suite struct SendRateTests {
    /// The most sends in any stretch of a window, of sends at these times.
    static func most(_ times: [Timestamp], in window: Duration) -> Int {
        let times = times.sorted()
        var first = 0
        var most = 0
        for (index, time) in times.enumerated() {
            while time.since(times[first]) >= window { first += 1 }
            most = max(most, index - first + 1)
        }
        return most
    }

    @Test(arguments: [(1, 1), (5, 5), (20, 60), (30, 1), (50, 1), (300, 60), (1200, 60)])
    func `a rate without bursts is never exceeded, and nearly used up`(_ count: Int, _ seconds: Int) throws {
        let window = Duration.seconds(seconds)
        let rate = try #require(SendRate(count, per: window))
        var meter = SendMeter()
        var now = Timestamp(seconds: 1_760_000_000)
        var times: [Timestamp] = []
        let end = now.advanced(by: window * 10)
        while now < end {
            switch meter.take(rate, within: .zero, at: now) {
            case .after: times.append(now)
            case .tooLate(let wait): now = now.advanced(by: wait)
            }
        }
        #expect(Self.most(times, in: window + SendRate.lease) <= count)
        #expect(Double(times.count) >= 0.90 * Double(count * 10))
    }

    @Test func `whoever waits has a turn of their own`() throws {
        let rate = try #require(SendRate(10, per: .seconds(1)))
        var meter = SendMeter()
        let now = Timestamp(seconds: 1_760_000_000)
        let turns = (0..<4).map { _ in meter.take(rate, within: .seconds(1), at: now) }
        #expect(turns == (0..<4).map { .after(rate.interval * $0) })
        #expect(meter.take(rate, within: .milliseconds(10), at: now) == .tooLate(rate.interval * 4))
        #expect(meter.take(rate, within: .seconds(1), at: now) == .after(rate.interval * 4))
    }

    @Test func `a burst is what the platform tolerates, then the rate`() throws {
        let rate = try #require(SendRate(1, per: .seconds(1), burst: 3))
        var meter = SendMeter()
        let now = Timestamp(seconds: 1_760_000_000)
        for _ in 0..<3 { #expect(meter.take(rate, within: .zero, at: now) == .after(.zero)) }
        #expect(meter.take(rate, within: .zero, at: now) == .tooLate(.milliseconds(1020)))
    }

    @Test func `what yields leaves room for what does not`() throws {
        let rate = try #require(SendRate(300, per: .seconds(60)))
        var meter = SendMeter()
        let now = Timestamp(seconds: 1_760_000_000)
        var yielding = 0
        while meter.take(rate, leaving: rate.reserve, within: .zero, at: now) == .after(.zero) { yielding += 1 }
        #expect(yielding == rate.capacity - rate.reserve)
        #expect(meter.take(rate, within: .zero, at: now) == .after(.zero))
    }

    @Test(arguments: [0, -1, 2_000_000]) func `a rate that makes no sense is none`(_ count: Int) {
        #expect(SendRate(count, per: .seconds(1)) == nil)
        #expect(SendRate(1, per: .zero) == nil)
    }
}
