import ParleyCore

/// Slack's `ts`: seconds with six decimals, as text. It names a message within its channel and orders it.
enum SlackTime {
    /// Microseconds since 1970, read as decimal text: a float would lose the last digits. Nil when it is no time.
    static func microseconds(_ ts: String) -> Int64? {
        ts.withUTF8Bytes { bytes in
            let point = bytes.firstIndex(of: UInt8(ascii: ".")) ?? bytes.count
            guard (1...11).contains(point), let seconds = number(bytes[..<point], digits: point) else { return nil }
            let decimals = bytes[min(point + 1, bytes.count)...]
            // Digits beyond the sixth must be digits too.
            guard decimals.allSatisfy(isDigit), let micro = number(decimals.prefix(6), digits: 6) else { return nil }
            return seconds * 1_000_000 + micro
        }
    }

    /// A moment in Slack's spelling.
    static func text(_ moment: Timestamp) -> String {
        let micro = String(max(0, moment.microseconds) % 1_000_000)
        return "\(max(0, moment.seconds)).\(String(repeating: "0", count: 6 - micro.utf8.count))\(micro)"
    }

    /// A number of up to 11 digits, filled up with zeros behind to so many digits.
    private static func number(_ text: Slice<UnsafeBufferPointer<UInt8>>, digits: Int) -> Int64? {
        var number: Int64 = 0
        for byte in text {
            guard isDigit(byte) else { return nil }
            number = number * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        for _ in text.count..<digits { number *= 10 }
        return number
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
