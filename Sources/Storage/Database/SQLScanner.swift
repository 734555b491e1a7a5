/// Cuts SQL into the few pieces that matter when it is split or rewritten; joined, they are the text again.
package struct SQLScanner {
    package struct Token {
        package enum Kind: Sendable {
            /// A keyword, a name, a number or a `$n`.
            case word
            /// One character of punctuation.
            case symbol
            case space
            /// A string literal, or a quoted name.
            case quoted
            case comment
        }

        package let kind: Kind
        package let bytes: ArraySlice<UInt8>

        /// Whether the engine reads it as SQL: neither data nor a remark.
        package var isCode: Bool { kind == .word || kind == .symbol }
        package var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    private let bytes: [UInt8]
    private var position = 0

    package init(_ sql: String) { bytes = Array(sql.utf8) }

    package mutating func next() -> Token? {
        guard let first = byte(at: position) else { return nil }
        let start = position
        let kind: Token.Kind
        switch first {
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "`"):
            kind = .quoted
            skipQuoted(by: first)
        case UInt8(ascii: "-") where byte(at: position + 1) == UInt8(ascii: "-"):
            kind = .comment
            while let next = byte(at: position), next != UInt8(ascii: "\n") { position += 1 }
        case UInt8(ascii: "/") where byte(at: position + 1) == UInt8(ascii: "*"):
            kind = .comment
            position += 2
            while position < bytes.count, !isCommentEnd { position += 1 }
            position = min(position + 2, bytes.count)
        case UInt8(ascii: "$") where byte(at: position + 1).map(Self.isDigit) != true:
            kind = skipDollarQuoted() ? .quoted : .symbol
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            kind = .space
            while let next = byte(at: position), Self.isSpace(next) { position += 1 }
        case _ where Self.isWord(first):
            kind = .word
            position += 1
            while let next = byte(at: position), Self.isWord(next), next != UInt8(ascii: "$") { position += 1 }
        default:
            kind = .symbol
            position += 1
        }
        return Token(kind: kind, bytes: bytes[start..<position])
    }

    private func byte(at index: Int) -> UInt8? { bytes.indices.contains(index) ? bytes[index] : nil }

    private var isCommentEnd: Bool {
        byte(at: position) == UInt8(ascii: "*") && byte(at: position + 1) == UInt8(ascii: "/")
    }

    /// A doubled quote stands for itself.
    private mutating func skipQuoted(by quote: UInt8) {
        position += 1
        while let next = byte(at: position) {
            position += 1
            guard next == quote else { continue }
            guard byte(at: position) == quote else { return }
            position += 1
        }
    }

    /// PostgreSQL's `$$ … $$` and `$name$ … $name$`; false, one byte on, when it is none.
    private mutating func skipDollarQuoted() -> Bool {
        let start = position
        position += 1
        while let next = byte(at: position), Self.isWord(next), next != UInt8(ascii: "$") { position += 1 }
        guard byte(at: position) == UInt8(ascii: "$") else {
            position = start + 1
            return false
        }
        let mark = bytes[start...position]
        position += 1
        while position < bytes.count, !bytes[position...].starts(with: mark) { position += 1 }
        position = min(position + mark.count, bytes.count)
        return true
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isWord(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z") || byte >= 0x80
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$")
    }
}
