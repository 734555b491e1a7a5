import ChannelKit

/// Discord's Markdown: backslash escapes, three heading levels, no tables, images or rules.
///
/// Mentions are not escaped: `allowed_mentions` keeps them from pinging.
package struct DiscordMarkup: TextMarkup {
    package init() {}

    package func text(_ text: String, startsLine: Bool) -> String {
        var result = ""
        var rest = Substring(text)
        if startsLine {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            if digits.count <= 9, !digits.isEmpty, rest.dropFirst(digits.count).hasPrefix(".") {
                result += digits + "\\."
                rest = rest.dropFirst(digits.count + 1)
            } else if let first = rest.first, "#>-+".contains(first) {
                result += "\\" + String(first)
                rest = rest.dropFirst()
            }
        }
        let scalars = rest.unicodeScalars
        var index = scalars.startIndex
        while index < scalars.endIndex {
            let scalar = scalars[index]
            index = scalars.index(after: index)
            switch scalar {
            case "\\", "*", "_", "~", "`", "|", "[", "]": result += "\\"
            // Only where a token or a link could begin.
            case "<" where index < scalars.endIndex && isTokenStart(scalars[index]): result += "\\"
            default: break
            }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    package func code(_ text: String) -> String {
        guard text.contains("`") else {
            return text.allSatisfy(\.isWhitespace) ? text : "`\(text)`"
        }
        // Two backticks hold single ones; pairs inside are kept apart.
        var inner = ""
        for character in text {
            if character == "`", inner.last == "`" { inner += "\u{200B}" }
            inner.append(character)
        }
        return "`` \(inner) ``"
    }

    package func styled(_ inner: String, as style: ReplyStyles) -> String {
        let marker = style == .strong ? "**" : style == .emphasis ? "*" : "~~"
        return marker + inner + marker
    }

    package func link(_ inner: String, label: String, url: String) -> String {
        guard let url = ReplyLink.safe(url) else { return inner }
        guard ReplyLink.isWeb(url) else { return ReplyLink.spelledOut(label: label, shown: inner, url: url) }
        if ReplyLink.isBare(label: label, url: url) { return url }
        // Discord shows no masked link whose label is itself a URL.
        guard !label.contains("://") else { return "\(inner) (\(masked(url)))" }
        return "[\(inner)](\(masked(url)))"
    }

    package func image(url: String, alt: String) -> String { link(text(alt, startsLine: false), label: alt, url: url) }

    package func heading(level: Int, _ inlines: [ReplyInline], nested: Bool) -> String {
        guard level <= 3, !nested else { return inline(ReplyRun.runs(of: inlines, adding: .strong)) }
        let runs = ReplyRun.runs(of: inlines).map { run in
            var run = run
            run.styles.remove(.strong)
            if run.content == .lineBreak { run.content = .text(" ") }
            run.startsLine = false
            return run
        }
        let title = inline(runs)
        return title.isEmpty ? "" : String(repeating: "#", count: max(1, level)) + " " + title
    }

    package func codeBlock(language: String?, text: String) -> String {
        MarkerText.fence(text, language: MarkerText.language(language))
    }

    package func marker(number: Int?, depth: Int) -> String { number.map { "\($0). " } ?? "- " }

    package func indent(under marker: String) -> String { String(repeating: " ", count: marker.utf8.count) }

    package var rule: String { "──────" }
    package var tableWidth: Int { 80 }
    package var quotesHoldCode: Bool { true }
    package var markerGuard: MarkerGuard { .markers }

    private func isTokenStart(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "@", "#", ":", "/", "a"..."z", "A"..."Z": true
        default: false
        }
    }

    private func masked(_ url: String) -> String {
        String(url.flatMap { $0 == "(" ? Array("%28") : $0 == ")" ? Array("%29") : [$0] })
    }
}
