import Logging
import ParleyCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One line per event on standard error, as text for people or as JSON for machines. Control characters are escaped,
/// so that nothing that came from outside can forge a line.
package struct LineLogHandler: LogHandler {
    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let writesJSON: Bool

    package init(label: String, level: Logger.Level, json: Bool) {
        self.label = label
        logLevel = level
        writesJSON = json
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        let all =
            metadata
            .merging(metadataProvider?.get() ?? [:]) { _, new in new }
            .merging(event.metadata ?? [:]) { _, new in new }
            .sorted { $0.key < $1.key }
        let time = SystemClock().now.description
        let line: String
        if writesJSON {
            var object = JSONObject([
                .init(key: "time", value: .string(time)),
                .init(key: "level", value: .string(event.level.rawValue)),
                .init(key: "message", value: .string(event.message.description)),
            ])
            for (key, value) in all { object[key] = .string(value.description) }
            line = JSON.object(object).description
        } else {
            let pairs = all.map { " \($0.key)=\(LineLogHandler.quoted($0.value.description))" }.joined()
            line = "\(time) \(event.level.rawValue) \(LineLogHandler.escaped(event.message.description))\(pairs)"
        }
        let bytes = Array((line + "\n").utf8)
        // One write per line: lines of concurrent tasks do not mix.
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func quoted(_ text: String) -> String {
        text.contains(" ") || text.isEmpty ? "\"\(escaped(text))\"" : escaped(text)
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            if scalar.value < 0x20 || scalar.value == 0x7F || (0x80..<0xA0).contains(scalar.value) {
                escaped += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
