import CoreMetrics
import ParleyCore
import Synchronization

/// All metrics of the process, in memory, written as the Prometheus text format 0.0.4.
package final class MetricsRegistry: Sendable {
    private let series = Mutex<[SeriesKey: Series]>([:])

    package init() {}

    /// Every series, sorted by name.
    package func text() -> String {
        let all = series.withLock { $0 }.sorted { $0.key < $1.key }
        var text = ""
        var family = ""
        for (key, series) in all {
            if key.label != family {
                family = key.label
                text += "# TYPE \(family) \(series.type)\n"
            }
            text += series.lines(key)
        }
        return text
    }

    fileprivate func series(_ label: String, _ dimensions: [(String, String)], _ type: Series.Kind) -> Series {
        let key = SeriesKey(label: label, dimensions: dimensions)
        return series.withLock { all in
            if let known = all[key] { return known }
            let made = Series(type)
            // Labels come from bounded sets; were one not, the process must not grow by it.
            if all.count < 10_000 { all[key] = made }
            return made
        }
    }
}

private struct SeriesKey: Hashable, Comparable {
    let label: String
    let labels: String

    init(label: String, dimensions: [(String, String)]) {
        self.label = label
        labels = dimensions.map { "\($0.0)=\"\(SeriesKey.escaped($0.1))\"" }.joined(separator: ",")
    }

    static func < (left: Self, right: Self) -> Bool {
        left.label != right.label ? left.label < right.label : left.labels < right.labels
    }

    private static func escaped(_ value: String) -> String {
        let special: [UInt8] = [0x5C, 0x22, 0x0A, 0x0D]
        guard value.utf8.contains(where: special.contains) else { return value }
        var escaped = ""
        for character in value {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n", "\r", "\r\n": escaped += "\\n"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

private final class Series: CounterHandler, FloatingPointCounterHandler, RecorderHandler, MeterHandler, TimerHandler {
    enum Kind { case counter, gauge, histogram }

    // Upper bounds in seconds: from a webhook's acknowledgement to a slow model's answer.
    private static let bounds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
    ]

    private struct State {
        var value = 0.0
        var sum = 0.0
        var counts: [UInt64]
    }

    private let kind: Kind
    private let state: Mutex<State>

    init(_ kind: Kind) {
        self.kind = kind
        state = Mutex(State(counts: kind == .histogram ? Array(repeating: 0, count: Series.bounds.count + 1) : []))
    }

    var type: String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    func lines(_ key: SeriesKey) -> String {
        let state = state.withLock { $0 }
        let braces = key.labels.isEmpty ? "" : "{\(key.labels)}"
        guard kind == .histogram else { return "\(key.label)\(braces) \(number(state.value))\n" }
        var text = ""
        var total: UInt64 = 0
        let prefix = key.labels.isEmpty ? "" : key.labels + ","
        for (index, count) in state.counts.enumerated() {
            total += count
            let bound = index < Series.bounds.count ? number(Series.bounds[index]) : "+Inf"
            text += "\(key.label)_bucket{\(prefix)le=\"\(bound)\"} \(total)\n"
        }
        return text + "\(key.label)_sum\(braces) \(number(state.sum))\n\(key.label)_count\(braces) \(total)\n"
    }

    private func number(_ value: Double) -> String {
        if let whole = Int64(exactly: value) { String(whole) } else { String(value) }
    }

    func increment(by amount: Int64) { state.withLock { $0.value += Double(amount) } }
    func increment(by amount: Double) { state.withLock { $0.value += amount } }
    func decrement(by amount: Double) { state.withLock { $0.value -= amount } }
    func reset() { state.withLock { $0.value = 0 } }
    func set(_ value: Int64) { state.withLock { $0.value = Double(value) } }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard kind == .histogram else { return set(value) }
        let index = Series.bounds.firstIndex { value <= $0 } ?? Series.bounds.count
        state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }
}

extension MetricsRegistry: MetricsFactory {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }

    package func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, aggregate ? .histogram : .gauge)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, .histogram)
    }

    // Series live as long as the process: a scrape must see a counter after its last increment.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}
