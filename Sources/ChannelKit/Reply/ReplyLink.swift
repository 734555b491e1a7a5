/// What may stand behind a link in a reply.
package enum ReplyLink {
    private static let schemes = ["http", "https", "mailto", "tel"]
    private static let unsafe = Set("\"<>\\^`{|}".utf8)

    /// The URL with everything percent-encoded that could end a link early on some channel (white space, quotes, angle
    /// brackets, `|`); nil unless the scheme is http, https, mailto or tel.
    package static func safe(_ url: String) -> String? {
        let url = url.drop(while: \.isWhitespace)
        guard let colon = url.firstIndex(of: ":"), schemes.contains(url[..<colon].lowercased()) else { return nil }
        let rest = url[url.index(after: colon)...]
        guard rest.contains(where: { $0 != "/" && !$0.isWhitespace }) else { return nil }
        return encoded(String(url))
    }

    /// The same encoding without a judgement on the scheme.
    package static func encoded(_ url: String) -> String {
        guard url.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f || unsafe.contains($0) }) else { return url }
        var bytes: [UInt8] = []
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in url.utf8 {
            if byte <= 0x20 || byte == 0x7f || unsafe.contains(byte) {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether it is a page, and not an address to write to or a number to call.
    package static func isWeb(_ url: String) -> Bool {
        let start = url.prefix(8).lowercased()
        return start.hasPrefix("http://") || start.hasPrefix("https://")
    }

    /// What a person reads: an address or a number without its scheme, a page's URL as it is.
    package static func readable(_ url: String) -> String {
        if isWeb(url) { return url }
        guard let colon = url.firstIndex(of: ":") else { return url }
        return String(url[url.index(after: colon)...])
    }

    /// Whether the label says nothing more than the URL, so that the URL alone will do.
    package static func isBare(label: String, url: String) -> Bool {
        let label = bare(label)
        return label.isEmpty || label == bare(url)
    }

    /// A label and its URL for channels that cannot hide a URL behind text: `label (url)`, or just the URL.
    package static func spelledOut(label: String, shown: String, url: String) -> String {
        isBare(label: label, url: url) ? readable(url) : "\(shown) (\(readable(url)))"
    }

    private static func bare(_ url: String) -> Substring {
        var rest = Substring(url)
        for prefix in ["https://", "http://", "mailto:", "tel:"] where rest.hasPrefix(prefix) {
            rest = rest.dropFirst(prefix.count)
            break
        }
        return rest.hasSuffix("/") ? rest.dropLast() : rest
    }
}
