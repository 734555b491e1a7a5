import ChannelKit
import ChannelTelegram
import ParleyTesting
import Testing

@Suite struct TelegramMarkupTests {
    private let markup = TelegramMarkup()

    @Test(arguments: [
        ("Hello", "Hello"),
        ("# Hours\n\nnine", "<b>Hours</b>\n\nnine"),
        ("## **Bold** x", "<b>Bold x</b>"),
        ("**b** *i* ~~s~~", "<b>b</b> <i>i</i> <s>s</s>"),
        ("***x***", "<b><i>x</i></b>"),
        ("un**bel**ievable", "un<b>bel</b>ievable"),
        ("**a `b` c**", "<b>a</b> <code>b</code> <b>c</b>"),
        ("a & b < c > d \"e\"", "a &amp; b &lt; c &gt; d \"e\""),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a <u>b</u><br>c", "a &lt;u&gt;b&lt;/u&gt;\nc"),
        ("`a<b`", "<code>a&lt;b</code>"),
        (
            "[Shop **now**](https://a.example/x?a=1&b=2)",
            "<a href=\"https://a.example/x?a=1&amp;b=2\">Shop <b>now</b></a>"
        ),
        ("[x](<https://a.example/\"onclick>)", "<a href=\"https://a.example/%22onclick\">x</a>"),
        ("[`x`](https://a.example)", "<a href=\"https://a.example\">x</a>"),
        ("[us](mailto:a@b.example)", "us (a@b.example)"),
        ("a@b.example", "a@b.example"),
        ("![a cat](https://a.example/c.png)", "<a href=\"https://a.example/c.png\">a cat</a>"),
        ("![](https://a.example/c.png)", "<a href=\"https://a.example/c.png\">https://a.example/c.png</a>"),
        ("- a\n- b\n  - c\n    - d", "• a\n• b\n  ◦ c\n    • d"),
        ("1. a\n2. b", "1. a\n2. b"),
        ("```swift\na < b\n```", "<pre><code class=\"language-swift\">a &lt; b</code></pre>"),
        ("```\na\n\nb\n```", "<pre>a\n\nb</pre>"),
        ("``` \"><b>\nx\n```", "<pre>x</pre>"),
        ("> a\n> b\n\nc", "<blockquote>a\nb</blockquote>\n\nc"),
        ("> a\n>\n> > b", "<blockquote>a\n\nb</blockquote>"),
        ("> a\n>\n> ```\n> c\n> ```", "<blockquote>a</blockquote>\n\n<pre>c</pre>"),
        ("a\n\n***\n\nb", "a\n\n——————\n\nb"),
        ("A | B\n--|--\n茶 | 1", "<pre>A  | B\n---|--\n茶 | 1</pre>"),
        ("A | B\n--|--\na\\|b | <x>", "<pre>A   | B\n----|----\na|b | &lt;x&gt;</pre>"),
        ("\\*x\\* _x", "*x* _x"),
        ("", ""),
    ])
    func `Markdown becomes HTML`(_ markdown: String, _ expected: String) {
        #expect(markup.render(ReplyDocument(markdown: markdown)) == expected)
    }

    @Test(arguments: [
        ("", 0), ("abc", 3), ("<b>a</b>", 1), ("&lt;&amp;&gt;&quot;", 4), ("😀", 2), ("&#128512;&#x1F600;", 4),
        ("<a href=\"https://a.example/?a=1&amp;b\">x</a>", 1), ("<pre><code class=\"language-c\">x\ny</code></pre>", 3),
        ("&nbsp", 5),
    ])
    func `length counts UTF-16 units after entities are parsed`(_ html: String, _ expected: Int) {
        #expect(markup.length(of: html) == expected)
    }

    @Test func `code is cut at lines and reopened in its language`() {
        let lines = (1...40).map { "let line\($0) = \($0)" }
        let document = ReplyDocument(markdown: "```swift\n\(lines.joined(separator: "\n"))\n```")
        let parts = ReplySplitter.split(document, as: markup, limit: 200).map(markup.render)
        #expect(parts.count > 2)
        let start = "<pre><code class=\"language-swift\">"
        let end = "</code></pre>"
        #expect(parts.allSatisfy { $0.hasPrefix(start) && $0.hasSuffix(end) })
        let bodies = parts.map { $0.dropFirst(start.count).dropLast(end.count) }
        #expect(bodies.joined(separator: "\n") == lines.joined(separator: "\n"))
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `every part of a split is well formed and nothing is lost`(_ seed: UInt64) {
        var random = RandomMarkdown(seed: seed)
        for text in [random.document(), random.noise(400)] {
            for limit in [50, 117, 400, 4096] {
                #expect(SplitCheck.problems(text, as: markup, limit: limit) { StrictHTML.problem(in: $0) } == [])
            }
        }
    }

    @Test(arguments: [
        "<b>x", "x</b>", "<b><i>x</b></i>", "<p>x</p>", "a < b", "a > b", "a & b", "&nbsp;", "<b><code>x</code></b>",
        "<blockquote><blockquote>x</blockquote></blockquote>", "<pre><b>x</b></pre>", "<b></b>",
        "<a href=\"a\"b\">x</a>",
    ])
    func `the checker of these tests refuses malformed HTML`(_ html: String) {
        #expect(StrictHTML.problem(in: html) != nil)
    }
}

/// Telegram's HTML, judged more strictly than Telegram does.
private enum StrictHTML {
    static func problem(in html: String) -> String? {
        var open: [String] = []
        var rest = Substring(html)
        while let character = rest.first {
            switch character {
            case ">": return "a bare >"
            case "&":
                guard let entity = ["&amp;", "&lt;", "&gt;", "&quot;"].first(where: rest.hasPrefix) else {
                    return "a bare &"
                }
                rest = rest.dropFirst(entity.count)
            case "<":
                guard let end = rest.firstIndex(of: ">") else { return "a bare <" }
                let tag = rest[rest.index(after: rest.startIndex)..<end]
                rest = rest[rest.index(after: end)...]
                if tag.hasPrefix("/") {
                    guard open.popLast() == String(tag.dropFirst()) else { return "wrongly closed \(tag)" }
                } else {
                    guard let name = name(of: tag) else { return "unknown tag \(tag)" }
                    if let problem = problem(opening: name, in: open) { return problem }
                    if rest.hasPrefix("</") { return "an empty \(name)" }
                    open.append(name)
                }
            default: rest = rest.dropFirst()
            }
        }
        return open.isEmpty ? nil : "open \(open)"
    }

    private static func name(of tag: Substring) -> String? {
        if ["b", "i", "s", "code", "pre", "blockquote"].contains(tag) { return String(tag) }
        let parts = tag.split(separator: "\"", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].isEmpty else { return nil }
        if parts[0] == "a href=" { return "a" }
        return parts[0] == "code class=" && parts[1].hasPrefix("language-") ? "code" : nil
    }

    private static func problem(opening name: String, in open: [String]) -> String? {
        if open.contains("code") || (open.contains("pre") && !(open.last == "pre" && name == "code")) {
            return "\(name) in code"
        }
        if open.contains(name) { return "\(name) in itself" }
        let styles = open.filter { $0 != "pre" && $0 != "blockquote" }
        return ["code", "pre"].contains(name) && !styles.isEmpty ? "\(name) in \(styles)" : nil
    }
}
