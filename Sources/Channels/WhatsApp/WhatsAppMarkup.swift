import ChannelKit

/// WhatsApp's formatting: `*bold*`, `_italic_`, `~strike~`, monospace, quotes and lists; no links behind text, no headings,
/// no tables, no escape character.
package struct WhatsAppMarkup: TextMarkup {
    package init() {}

    package func text(_ text: String, startsLine: Bool) -> String {
        let guarded = startsLine && text.drop(while: { $0 == " " }).first == ">" ? "\u{200B}" : ""
        return guarded + MarkerText.neutralised(text)
    }

    package func code(_ text: String) -> String {
        if text.allSatisfy(\.isWhitespace) { return text }
        return text.contains("`") ? "```\(MarkerText.unfenced("\u{200B}" + text + "\u{200B}"))```" : "`\(text)`"
    }

    package func styled(_ inner: String, as style: ReplyStyles) -> String {
        let marker = style == .strong ? "*" : style == .emphasis ? "_" : "~"
        return marker + inner + marker
    }

    package func link(_ inner: String, label: String, url: String) -> String {
        guard let url = ReplyLink.safe(url) else { return inner }
        return ReplyLink.spelledOut(label: label, shown: inner, url: url)
    }

    package func image(url: String, alt: String) -> String { link(text(alt, startsLine: false), label: alt, url: url) }

    package func codeBlock(language: String?, text: String) -> String { MarkerText.fence(text) }

    package func marker(number: Int?, depth: Int) -> String { number.map { "\($0). " } ?? "- " }

    /// A marker's pair must stand on one line.
    package func prepared(_ runs: [ReplyRun]) -> [ReplyRun] {
        runs.map { $0.content == .lineBreak ? ReplyRun(.lineBreak) : $0 }
    }

    package var rule: String { "———" }
    package var tableWidth: Int { 30 }
    /// A URL would take the marker behind it in.
    package var linksHoldStyles: Bool { true }
    package var markerGuard: MarkerGuard { .words }
}
