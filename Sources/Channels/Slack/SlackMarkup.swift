import ChannelKit

/// Slack's mrkdwn, for the `text` of a message.
///
/// `&`, `<` and `>` are escaped everywhere, code included; there is no other escape, so that markers are kept apart from
/// letters, and literal markers from their text, by zero-width spaces. Length is counted in UTF-16 units after escaping.
package struct SlackMarkup: TextMarkup {
    package init() {}

    package func text(_ text: String, startsLine: Bool) -> String {
        // A `>` at the start of a line quotes, even as an entity.
        let guarded = startsLine && text.drop(while: { $0 == " " }).first == ">" ? "\u{200B}" : ""
        return guarded + escaped(MarkerText.neutralised(text))
    }

    package func code(_ text: String) -> String {
        // Code that holds a backtick cannot be marked as code.
        text.contains("`") || text.allSatisfy(\.isWhitespace)
            ? escaped(MarkerText.neutralised(text)) : "`\(escaped(text))`"
    }

    package func styled(_ inner: String, as style: ReplyStyles) -> String {
        let marker = style == .strong ? "*" : style == .emphasis ? "_" : "~"
        return marker + inner + marker
    }

    package func link(_ inner: String, label: String, url: String) -> String {
        guard let url = ReplyLink.safe(url) else { return inner }
        let target = escaped(url)
        if ReplyLink.isBare(label: label, url: url), ReplyLink.isWeb(url) { return "<\(target)>" }
        // No styles work inside a label, and a second bar would end it.
        let shown = String((label.isEmpty ? ReplyLink.readable(url) : label).map { $0 == "|" ? "¦" : $0 })
        return "<\(target)|\(escaped(shown))>"
    }

    package func image(url: String, alt: String) -> String { link(escaped(alt), label: alt, url: url) }

    package func codeBlock(language: String?, text: String) -> String { escaped(MarkerText.fence(text)) }

    package func indent(under marker: String) -> String { "    " }

    /// Styles do not reach over lines.
    package func prepared(_ runs: [ReplyRun]) -> [ReplyRun] {
        runs.map { $0.content == .lineBreak ? ReplyRun(.lineBreak) : $0 }
    }

    package var rule: String { "———" }
    package var tableWidth: Int { 80 }
    package var markerGuard: MarkerGuard { .words }

    private func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x26 || $0 == 0x3C || $0 == 0x3E }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
