import ChannelKit

/// Markdown as models write it, and worse; the same seed gives the same text.
package struct RandomMarkdown {
    private var state: UInt64

    package init(seed: UInt64) { state = seed &* seed &* 0x0123_4567_89AB_CDEF &+ seed }

    /// A document of a few blocks of every kind.
    package mutating func document() -> String {
        (0..<number(2...7)).map { _ in block() }.joined(separator: "\n\n")
    }

    /// Nothing but markers, brackets and a few letters.
    package mutating func noise(_ length: Int) -> String {
        let alphabet = Array("**__~~``[]()<>#|\\-+\n\n  !&;:.1ab\"'é中😀")
        return String((0..<length).map { _ in pick(alphabet) })
    }

    private mutating func block() -> String {
        switch number(0...11) {
        case 0: String(repeating: "#", count: number(1...6)) + " " + inline(3)
        case 1: (0..<number(1...8)).map { _ in "- " + inline(6) }.joined(separator: "\n")
        case 2: (0..<number(1...12)).map { "\($0 + 7). " + inline(9) }.joined(separator: "\n")
        case 3:
            "- " + inline(4) + "\n  - " + inline(5) + "\n    1. " + inline(9) + "\n\n       > " + inline(4) + "\n- [x] "
                + inline(2)
        case 4: "```swift\n" + (0..<number(1...30)).map { _ in code() }.joined(separator: "\n") + "\n```"
        case 5: "> " + inline(30) + "\n>\n> > " + inline(9) + "\n>\n> ```\n> " + code() + "\n> ```"
        case 6:
            "Name\(number(1...999)) | Nr | *Text*\n---|:-:|--:\n"
                + (0..<number(1...9)).map { _ in "\(word()) | `\(word())` | \(inline(4))" }.joined(separator: "\n")
        case 7: "---"
        case 8: "<script>alert('\(word())')</script>\n<div>& &amp; **\(word())**</div>"
        case 9: String(repeating: word(), count: number(10...200))
        case 10: "```\n" + code() + "\nnever closed"
        default: (0..<number(1...5)).map { _ in inline(25) }.joined(separator: "\n")
        }
    }

    private mutating func inline(_ words: Int) -> String {
        (0..<words).map { _ in
            switch number(0...15) {
            case 0: "**\(word()) *\(word())* \(word())**"
            case 1: "*\(word())*"
            case 2: "~~\(word())~~"
            case 3: "`\(word())`"
            case 4: "[\(word()) **\(word())**](https://ex.am/p)"
            case 5: "***\(word()) `\(word())`***"
            case 6: "![\(word())](https://ex.am/i)"
            case 7: "https://ex.am/\(number(0...9))"
            case 8: word() + "."
            default: word()
            }
        }.joined(separator: " ")
    }

    private mutating func code() -> String {
        String(repeating: " ", count: number(0...8))
            + "let \(word()) = a[\(number(0...99))] < b && \"\(word())\" // \(word())"
    }

    private mutating func word() -> String {
        pick([
            "tea", "snake_case_name", "2*3*4", "Grüße", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "👍🏽", "שלום", "مرحبا", "你好，世界。", "日本語のテキスト", "a<b>&c",
            "@everyone",
            "it's", "(so)", "*", "_x_", "~", "price:", "€5", "e\u{301}\u{302}", "extraordinarily", "1.", "#", ">", "`",
            "|x", "\\",
            "ไทยแลนด์", "&lt;", "x_", "-", "!",
        ])
    }

    private mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next() % UInt64(range.count))
    }

    private mutating func pick<T>(_ choices: [T]) -> T { choices[Int(next() % UInt64(choices.count))] }

    /// SplitMix64.
    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What must hold of every split on every channel.
package enum SplitCheck {
    /// What is wrong with the split of `markdown`, a sentence each; `malformed` judges one rendered part.
    package static func problems(
        _ markdown: String,
        as markup: some Markup,
        limit: Int,
        malformed: (String) -> String?
    ) -> [String] {
        let document = ReplyDocument(markdown: markdown)
        let parts = ReplySplitter.split(document, as: markup, limit: limit)
        var problems: [String] = []
        for part in parts {
            let rendered = markup.render(part)
            let length = markup.length(of: rendered)
            if length > limit { problems.append("\(length) units: \(rendered)") }
            if length == 0 { problems.append("an empty part") }
            if let problem = malformed(rendered) { problems.append("\(problem): \(rendered)") }
        }
        let whole = letters(of: [document])
        let found = letters(of: parts)
        if whole != found {
            let same = zip(whole, found).prefix { $0 == $1 }.count
            problems.append(
                "text differs after \(String(whole.prefix(same).suffix(20))): "
                    + "\(String(whole.dropFirst(same).prefix(20))) became \(String(found.dropFirst(same).prefix(20)))"
            )
        }
        return problems
    }

    /// Whether every code fence that opens also closes.
    package static func hasOpenFence(_ rendered: String) -> String? {
        (rendered.split(separator: "```", omittingEmptySubsequences: false).count - 1).isMultiple(of: 2)
            ? nil : "an open fence"
    }

    /// The graphemes of the text, each part's on its own, without white space, cell separators and repeated headers.
    private static func letters(of parts: [ReplyDocument]) -> [Character] {
        var result: [Character] = []
        var lastHeader: [[ReplyInline]]?
        for part in parts {
            for (index, block) in part.blocks.enumerated() {
                if case .table(let header, let rows) = block, index == 0, header == lastHeader {
                    result += rows.flatMap { $0 }.flatMap(text)
                } else {
                    result += text(of: block)
                }
            }
            if case .table(let header, _)? = part.blocks.last { lastHeader = header } else { lastHeader = nil }
        }
        return result.filter { !$0.isWhitespace && $0 != "|" }
    }

    private static func text(of block: ReplyBlock) -> String {
        switch block {
        case .paragraph(let inlines), .heading(_, let inlines): text(of: inlines)
        case .list(_, let items): items.flatMap { $0 }.map(text).joined(separator: "\n")
        case .code(_, let text): text
        case .quote(let blocks): blocks.map(text).joined(separator: "\n")
        case .table(let header, let rows): ([header] + rows).flatMap { $0 }.map { text(of: $0) }.joined(separator: "\n")
        case .rule: "———"
        }
    }

    private static func text(of inlines: [ReplyInline]) -> String {
        inlines.map { inline in
            switch inline {
            case .text(let text), .code(let text): text
            case .strong(let inside), .emphasis(let inside), .strikethrough(let inside), .link(_, let inside):
                text(of: inside)
            case .image(let url, let alt): ReplyLink.spelledOut(label: alt, shown: alt, url: url)
            case .lineBreak: "\n"
            }
        }.joined()
    }
}
