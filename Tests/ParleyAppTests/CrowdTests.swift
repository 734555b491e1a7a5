import ParleyApp
import ParleyCore
import ParleyTesting
import Synchronization
import Testing

/// Asking many sides at once.
@Suite(.timeLimit(.minutes(1)))
struct CrowdTests {
    /// How many are under way, and the most that ever were.
    private final class Gauge: Sendable {
        private let counts = Mutex((now: 0, most: 0))

        func enter() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
        func leave() { counts.withLock { $0.now -= 1 } }
        var most: Int { counts.withLock { $0.most } }
    }

    @Test func `answers come in the order of the questions, and so many are asked at once`() async {
        let gauge = Gauge()
        let answers = await Crowd.answers(
            to: (0..<40).map { number in
                {
                    gauge.enter()
                    defer { gauge.leave() }
                    // The first ones take longest.
                    try? await SystemClock().sleep(for: .milliseconds(number < 4 ? 100 : 5))
                    return number
                }
            },
            atOnce: 4,
            within: .seconds(30),
            on: SystemClock()
        )
        #expect(answers == (0..<40).map { $0 })
        #expect((2...4).contains(gauge.most))
    }

    @Test func `who is late is left out, and the others are heard`() async {
        let clock = ManualClock()
        let heard = Gauge()
        let answers = await Crowd.answers(
            to: (0..<6).map { number in
                {
                    guard number == 1 else {
                        heard.enter()
                        return number
                    }
                    // The last one can only be asked when the one before has been heard.
                    while heard.most < 5 { try? await SystemClock().sleep(for: .milliseconds(5)) }
                    try? await SystemClock().sleep(for: .milliseconds(500))
                    clock.advance(by: .seconds(60))
                    try? await SystemClock().sleep(for: .seconds(3600))
                    return number
                }
            },
            atOnce: 2,
            within: .seconds(60),
            on: clock
        )
        #expect(answers == [0, nil, 2, 3, 4, 5])
    }

    @Test func `nobody to ask is no wait`() async {
        let answers: [Int?] = await Crowd.answers(to: [], atOnce: 4, within: .seconds(3600), on: SystemClock())
        #expect(answers.isEmpty)
    }
}
