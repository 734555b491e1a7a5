import ParleyCore

/// Slack's `ts`: seconds with six decimals, as text. It names a message within its channel and orders it.
enum SlackTime {
    /// Microseconds since 1970, read as decimal text: a float would lose the last digits. Nil when it is no time.
    static func microseconds(_ ts: String) -> Int64? {
        let parts = ts.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, (1...11).contains(whole.utf8.count), isDigits(whole), let seconds = Int64(whole)
        else { return nil }
        let decimals = parts.count > 1 ? parts[1] : ""
        guard isDigits(decimals) else { return nil }
        var fraction = String(decimals.prefix(6))
        while fraction.utf8.count < 6 { fraction += "0" }
        guard let micro = Int64(fraction) else { return nil }
        return seconds * 1_000_000 + micro
    }

    /// A moment in Slack's spelling.
    static func text(_ moment: Timestamp) -> String {
        let micro = String(max(0, moment.microseconds) % 1_000_000)
        return "\(max(0, moment.seconds)).\(String(repeating: "0", count: 6 - micro.utf8.count))\(micro)"
    }

    private static func isDigits(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
