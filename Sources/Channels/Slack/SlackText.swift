import ParleyCore

/// How Slack writes text: `&`, `<` and `>` escaped, and mentions and links between angle brackets.
enum SlackText {
    /// The text as a person reads it, without the bot's own mention.
    ///
    /// `<@U2>` becomes `@U2`, `<#C1|general>` `#general`, `<!here>` `@here`, `<https://x.org|label>`
    /// `label (https://x.org)`; everything else between brackets becomes its label.
    static func readable(_ text: String, without botUserID: String?) -> String {
        guard contains(UInt8(ascii: "<"), text) || contains(UInt8(ascii: "&"), text) else { return text.trimmed }
        var readable = ""
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "<") {
            readable += unescaped(rest[..<open])
            guard let close = rest[open...].firstIndex(of: ">") else {
                rest = rest[open...]
                break
            }
            let token = rest[rest.index(after: open)..<close]
            rest = rest[rest.index(after: close)...]
            if let botUserID, isMention(token, of: botUserID) {
                // "hi <@U1> there" keeps one space, "hi <@U1>, help" none, "<@U1>: help" loses what belonged to the name.
                if readable.isEmpty { rest = rest.drop { $0 == "," || $0 == ":" } }
                if rest.first.map(",.;:!?".contains) ?? false {
                    while readable.last?.isWhitespace ?? false { readable.removeLast() }
                } else if readable.last?.isWhitespace ?? true {
                    rest = rest.drop(while: \.isWhitespace)
                }
            } else {
                readable += self.readable(token: token)
            }
        }
        return (readable + unescaped(rest)).trimmed
    }

    /// Whether the text mentions that user.
    static func mentions(_ userID: String, in text: String) -> Bool {
        // Hardly any text mentions somebody, and looking for a string costs more than all the rest of reading.
        contains(UInt8(ascii: "<"), text) && (text.contains("<@\(userID)>") || text.contains("<@\(userID)|"))
    }

    private static func contains(_ byte: UInt8, _ text: String) -> Bool { text.withUTF8Bytes { $0.contains(byte) } }

    /// `&`, `<` and `>` as Slack wants them; an unescaped `<!channel>` would call everyone.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    /// A kind in the platform's words, fit to be a counter's label.
    static func label(_ kind: String?) -> String {
        guard let kind, (1...48).contains(kind.utf8.count),
            kind.utf8.allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || $0 == UInt8(ascii: "_") })
        else { return "unrecognised" }
        return kind
    }

    private static func isMention(_ token: Substring, of userID: String) -> Bool {
        token == "@\(userID)" || token.hasPrefix("@\(userID)|")
    }

    private static func readable(token: Substring) -> String {
        let parts = token.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        let target = parts.first ?? token
        let label = parts.count > 1 && !parts[1].isEmpty ? parts[1] : nil
        switch target.first {
        case "@": return "@" + unescaped(label ?? target.dropFirst())
        case "#": return "#" + unescaped(label ?? target.dropFirst())
        case "!":
            if let label { return unescaped(label) }
            return "@"
                + unescaped(target.split(separator: "^").last.map { $0.first == "!" ? $0.dropFirst() : $0 } ?? "")
        default: return link(to: unescaped(target), label: label.map(unescaped))
        }
    }

    private static func link(to url: String, label: String?) -> String {
        guard let label else { return url }
        let bare = url.hasPrefix("mailto:") ? url.dropFirst(7) : url.hasPrefix("tel:") ? url.dropFirst(4) : url[...]
        if label == url || label == bare { return label }
        if url == "http://\(label)" || url == "https://\(label)" { return url }
        return "\(label) (\(url))"
    }

    /// One pass, so that `&amp;lt;` becomes `&lt;` and not `<`.
    private static func unescaped(_ text: Substring) -> String {
        guard text.utf8.contains(UInt8(ascii: "&")) else { return String(text) }
        var readable = ""
        var rest = text
        while let ampersand = rest.firstIndex(of: "&") {
            readable += rest[..<ampersand]
            rest = rest[ampersand...]
            if let (entity, character) = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")].first(where: { entity, _ in
                rest.hasPrefix(entity)
            }) {
                readable += character
                rest = rest.dropFirst(entity.count)
            } else {
                readable += "&"
                rest = rest.dropFirst()
            }
        }
        return readable + rest
    }
}
