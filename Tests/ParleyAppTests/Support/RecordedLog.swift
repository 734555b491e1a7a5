import Logging
import Metrics
import ParleyApp
import Synchronization

/// Everything that a logger was told, from the most talkative level on.
final class RecordedLog: Sendable {
    struct Line: Sendable {
        let level: Logger.Level
        let text: String
    }

    private let state = Mutex<[Line]>([])

    var lines: [Line] { state.withLock { $0 } }
    var text: String { lines.map { "\($0.level) \($0.text)" }.joined(separator: "\n") }

    var logger: Logger {
        var logger = Logger(label: "parley.tests") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { _, new in new }
            let line = Line(level: event.level, text: "\(event.message) \(all)")
            log.state.withLock { $0.append(line) }
        }
    }
}

/// Metrics are bootstrapped once in a process, for all houses together.
enum TestMetrics {
    static let registry: MetricsRegistry = {
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }()
}
