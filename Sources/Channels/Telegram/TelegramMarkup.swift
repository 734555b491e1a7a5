import ChannelKit

/// Telegram's `parse_mode` HTML: only the tags that the Bot API knows, only `&`, `<`, `>` and `"` escaped.
///
/// Code stands in no other style (Bot API, formatting options: `pre` and `code` can't be combined with others), and
/// quotes do not nest.
package struct TelegramMarkup: TextMarkup {
    package init() {}

    /// UTF-16 units of the text after entities are parsed, which is what the Bot API's 4096 is about.
    package func length(of rendered: String) -> Int {
        var count = 0
        var rest = Substring(rendered).utf16
        while let unit = rest.popFirst() {
            if unit == 0x3C, let close = rest.firstIndex(of: 0x3E) {
                rest = rest[rest.index(after: close)...]
            } else if unit == 0x26, let close = rest.prefix(10).firstIndex(of: 0x3B) {
                count += units(ofEntity: Substring(rest[..<close]))
                rest = rest[rest.index(after: close)...]
            } else {
                count += 1
            }
        }
        return count
    }

    package func text(_ text: String, startsLine: Bool) -> String { escaped(text) }

    package func code(_ text: String) -> String { "<code>\(escaped(text))</code>" }

    package func styled(_ inner: String, as style: ReplyStyles) -> String {
        let tag = style == .strong ? "b" : style == .emphasis ? "i" : "s"
        return "<\(tag)>\(inner)</\(tag)>"
    }

    package func link(_ inner: String, label: String, url: String) -> String {
        guard let url = ReplyLink.safe(url) else { return inner }
        // Telegram finds addresses and numbers by itself and drops links to them.
        guard ReplyLink.isWeb(url) else {
            return ReplyLink.spelledOut(label: label, shown: inner, url: escaped(url))
        }
        return "<a href=\"\(attribute(url))\">\(inner)</a>"
    }

    package func image(url: String, alt: String) -> String {
        link(escaped(alt.isEmpty ? url : alt), label: alt, url: url)
    }

    package func codeBlock(language: String?, text: String) -> String {
        let language = MarkerText.language(language)
        let code = escaped(text)
        return language.isEmpty
            ? "<pre>\(code)</pre>" : "<pre><code class=\"language-\(language)\">\(code)</code></pre>"
    }

    package func quoted(_ lines: String) -> String { "<blockquote>\(lines)</blockquote>" }

    package func prepared(_ runs: [ReplyRun]) -> [ReplyRun] {
        runs.map { run in
            guard case .code(let text) = run.content else { return run }
            guard run.link != nil else { return ReplyRun(.code(text)) }
            var plain = run
            plain.content = .text(text)
            return plain
        }
    }

    package var rule: String { "——————" }
    package var tableWidth: Int { 40 }

    private func attribute(_ url: String) -> String {
        escaped(url).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "&quot;")
    }

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

    private func units(ofEntity name: Substring) -> Int {
        if ["amp", "lt", "gt", "quot"].contains(name) { return 1 }
        if name.hasPrefix("#x"), let value = UInt32(name.dropFirst(2), radix: 16) { return value > 0xFFFF ? 2 : 1 }
        if name.hasPrefix("#"), let value = UInt32(name.dropFirst()) { return value > 0xFFFF ? 2 : 1 }
        return name.utf16.count + 2
    }
}
