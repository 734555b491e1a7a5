import Metrics
import ParleyCore
import Synchronization

/// Counters of one name, found by a key instead of by spelling out their labels at every webhook.
package final class CounterFamily<Key: Hashable & Sendable>: Sendable {
    private let label: String
    private let dimensions: @Sendable (Key) -> [(String, String)]
    private let counters = Mutex<[Key: Counter]>([:])

    package init(_ label: String, _ dimensions: @escaping @Sendable (Key) -> [(String, String)]) {
        self.label = label
        self.dimensions = dimensions
    }

    package func increment(_ key: Key, by amount: Int = 1) {
        let counter = counters.withLock { counters in
            if let counter = counters[key] { return counter }
            let counter = Counter(label: label, dimensions: dimensions(key))
            counters[key] = counter
            return counter
        }
        counter.increment(by: amount)
    }
}

/// Timers of one name, likewise.
package final class TimerFamily<Key: Hashable & Sendable>: Sendable {
    private let label: String
    private let dimensions: @Sendable (Key) -> [(String, String)]
    private let timers = Mutex<[Key: Timer]>([:])

    package init(_ label: String, _ dimensions: @escaping @Sendable (Key) -> [(String, String)]) {
        self.label = label
        self.dimensions = dimensions
    }

    package func record(_ duration: Duration, _ key: Key) {
        let timer = timers.withLock { timers in
            if let timer = timers[key] { return timer }
            let timer = Timer(label: label, dimensions: dimensions(key))
            timers[key] = timer
            return timer
        }
        timer.recordNanoseconds(duration.microseconds.multipliedReportingOverflow(by: 1000).0)
    }
}

/// A channel and a word from a bounded set: an event's kind, a status.
package struct ChannelWord: Hashable, Sendable {
    package let channel: String
    package let word: String

    package init(_ channel: String, _ word: String) {
        self.channel = channel
        self.word = word
    }
}
