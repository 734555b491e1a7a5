import ParleyCore

/// Telegram's HTML, read as its server reads it: a few tags, closed in order; four named entities and numeric ones.
enum TelegramHTML {
    struct Failure: Error, Equatable {
        let reason: String
    }

    private static let tags: Set<String> = [
        "a", "b", "strong", "i", "em", "s", "strike", "del", "u", "ins", "tg-spoiler", "tg-emoji", "tg-time", "span",
        "pre", "code", "blockquote",
    ]

    /// The text without mark-up; throws what Telegram would say after "can't parse entities: ".
    static func plainText(of html: String) throws(Failure) -> String {
        let bytes = Array(html.utf8)
        var plain: [UInt8] = []
        var open: [String] = []
        var offset = 0
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "&"):
                if let (scalar, length) = entity(bytes[offset...]) {
                    plain.append(contentsOf: Array(String(Character(scalar)).utf8))
                    offset += length
                } else {
                    // An unknown entity is shown as it is written.
                    plain.append(bytes[offset])
                    offset += 1
                }
            case UInt8(ascii: "<"):
                let start = offset
                guard let end = closingBracket(bytes, from: offset) else {
                    throw Failure(reason: "Unclosed start tag at byte offset \(start)")
                }
                let inside = String(decoding: bytes[(start + 1)..<end], as: UTF8.self)
                offset = end + 1
                if inside.hasPrefix("/") {
                    let name = inside.dropFirst().trimmingWhitespace().lowercased()
                    guard let expected = open.popLast() else {
                        throw Failure(reason: "Unexpected end tag at byte offset \(start)")
                    }
                    guard name.isEmpty || name == expected else {
                        throw Failure(
                            reason: "Unmatched end tag at byte offset \(start), expected \"</\(expected)>\", "
                                + "found \"</\(name)>\""
                        )
                    }
                } else {
                    open.append(try startTag(inside, at: start))
                }
            default:
                plain.append(bytes[offset])
                offset += 1
            }
        }
        if let unclosed = open.last {
            throw Failure(reason: "Can't find end tag corresponding to start tag \"\(unclosed)\"")
        }
        return String(decoding: plain, as: UTF8.self)
    }

    private static func startTag(_ inside: String, at start: Int) throws(Failure) -> String {
        let name = String(inside.prefix { !$0.isWhitespace }).lowercased()
        let rest = inside.dropFirst(name.count).trimmingWhitespace()
        guard tags.contains(name) else {
            throw Failure(reason: "Unsupported start tag \"\(name)\" at byte offset \(start)")
        }
        switch name {
        case "span" where rest != "class=\"tg-spoiler\"" && rest != "class='tg-spoiler'":
            throw Failure(reason: "Tag \"span\" must have class \"tg-spoiler\" at byte offset \(start)")
        case "a" where !rest.isEmpty && !rest.lowercased().hasPrefix("href="):
            throw Failure(reason: "Unexpected attribute in the tag \"a\" at byte offset \(start)")
        default: return name
        }
    }

    /// The `>` that ends a tag; those in quoted attribute values do not.
    private static func closingBracket(_ bytes: [UInt8], from start: Int) -> Int? {
        var quote: UInt8?
        for index in bytes.indices.dropFirst(start + 1) {
            let byte = bytes[index]
            if let open = quote {
                if byte == open { quote = nil }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            } else if byte == UInt8(ascii: ">") {
                return index
            }
        }
        return nil
    }

    private static func entity(_ bytes: ArraySlice<UInt8>) -> (Unicode.Scalar, length: Int)? {
        let text = String(decoding: bytes.prefix(12), as: UTF8.self)
        for (name, scalar) in [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("&quot;", "\"")]
            as [(String, Unicode.Scalar)]
        where text.hasPrefix(name) {
            return (scalar, name.utf8.count)
        }
        guard text.hasPrefix("&#"), let semicolon = text.firstIndex(of: ";") else { return nil }
        let digits = text[..<semicolon].dropFirst(2)
        let value =
            digits.first == "x" || digits.first == "X"
            ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
        guard let value, value > 0, let scalar = Unicode.Scalar(value) else { return nil }
        return (scalar, digits.utf8.count + 3)
    }
}

/// Telegram's MarkdownV2: what has a meaning must be escaped or paired.
enum TelegramMarkdown {
    static func plainText(of markdown: String) throws(TelegramHTML.Failure) -> String {
        var plain = ""
        var open: [Character] = []
        var isCode = false
        var isEscaped = false
        var offset = 0
        for character in markdown {
            defer { offset += character.utf8.count }
            if isEscaped {
                plain.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "`" {
                isCode.toggle()
            } else if isCode {
                plain.append(character)
            } else if "*_~|".contains(character) {
                if open.last == character { open.removeLast() } else { open.append(character) }
            } else if "#+-={}.!".contains(character) {
                throw TelegramHTML.Failure(
                    reason: "Character '\(character)' is reserved and must be escaped with the preceding '\\'"
                )
            } else {
                plain.append(character)
            }
        }
        guard open.isEmpty, !isCode else {
            throw TelegramHTML.Failure(reason: "Can't find end of the entity starting at byte offset \(offset)")
        }
        return plain
    }
}

extension StringProtocol {
    fileprivate func trimmingWhitespace() -> String { String(self).trimmed }
}
