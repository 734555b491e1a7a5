import ParleyCore
import Synchronization

/// Remembers what time the other sides say it is.
final class DateNoting: HTTPTransport {
    private let inner: any HTTPTransport
    private let clock: any Clockwork
    private let noted = Mutex<Duration?>(nil)

    init(_ inner: any HTTPTransport, clock: any Clockwork) {
        self.inner = inner
        self.clock = clock
    }

    /// How far this machine's clock is ahead; nil when nobody told the time.
    var skew: Duration? { noted.withLock { $0 } }

    func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        let answer = try await inner.send(call)
        if let date = answer.header("date").flatMap(HTTPDate.parse) {
            let skew = clock.now.since(date)
            noted.withLock { $0 = skew }
        }
        return answer
    }

    func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result {
        try await inner.stream(call, body)
    }
}

/// RFC 9110 §5.6.7, the preferred form: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func parse(_ text: String) -> Timestamp? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int64(parts[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = Int64(parts[3]),
            (1970...9999).contains(year)
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard time.count == 3, (0...23).contains(time[0]), (0...59).contains(time[1]), (0...60).contains(time[2]) else {
            return nil
        }
        // Days since 1970 by counting years from March, so that the leap day is the last (proleptic Gregorian).
        let monthFromMarch = Int64((month + 10) % 12)
        let shifted = month < 2 ? year - 1 : year
        let days =
            shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
            - 719_468
        return Timestamp(seconds: days * 86_400 + time[0] * 3600 + time[1] * 60 + time[2])
    }
}
