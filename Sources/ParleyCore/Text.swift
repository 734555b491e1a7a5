/// Helpers for text that came from outside.
extension String {
    /// At most `count` UTF-8 bytes, never cutting a character; with an ellipsis when something was cut.
    package func clipped(toUTF8 count: Int) -> String {
        guard utf8.count > count else { return self }
        guard count >= 3 else { return "" }
        var used = 0
        var end = startIndex
        for index in indices {
            let width = self[index].utf8.count
            guard used + width <= count - 3 else { break }
            used += width
            end = self.index(after: index)
        }
        return String(self[..<end]) + "…"
    }

    /// At most `count` UTF-16 code units, never cutting a character; with an ellipsis when something was cut.
    package func clipped(toUTF16 count: Int) -> String {
        guard utf16.count > count else { return self }
        guard count >= 1 else { return "" }
        var used = 1
        let kept = prefix { character in
            used += character.utf16.count
            return used <= count
        }
        return kept + "…"
    }

    /// Without white space at both ends.
    package var trimmed: String {
        // Nearly always there is nothing to take away, which two bytes tell.
        if let first = utf8.first, let last = utf8.last, Self.isPlain(first), Self.isPlain(last) { return self }
        var slice = Substring(self)
        while let first = slice.first, first.isWhitespace { slice.removeFirst() }
        while let last = slice.last, last.isWhitespace { slice.removeLast() }
        return String(slice)
    }

    /// ASCII, and neither white space nor a control character.
    private static func isPlain(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }

    /// An estimate for budgets: UTF-8 bytes ÷ 3.5, a middle that holds for English, code and CJK.
    package var estimatedTokens: Int { (utf8.count * 2 + 6) / 7 }
}

extension StringProtocol {
    /// Lends the UTF-8 bytes. Code that reads bytes one by one is many times quicker on these than on a view of a
    /// string whose type it does not know.
    package func withUTF8Bytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        return Array(utf8).withUnsafeBufferPointer(body)
    }
}
