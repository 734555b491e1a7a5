import ChannelKit
import ChannelSlack
import ParleyTesting
import Testing

@Suite struct SlackMarkupTests {
    private let markup = SlackMarkup()

    @Test(arguments: [
        ("Hello", "Hello"),
        ("# Hours", "*Hours*"),
        ("### **Bold** *title*", "*Bold _title_*"),
        ("# A\n\ntext", "*A*\n\ntext"),
        ("**b** __b__ *i* _i_ ~~s~~", "*b* *b* _i_ _i_ ~s~"),
        ("***x***", "*_x_*"),
        ("**a __b__ c**", "*a b c*"),
        ("**a `b` c**", "*a `b` c*"),
        ("un**bel**ievable", "un\u{200B}*bel*\u{200B}ievable"),
        ("你**好**吗", "你\u{200B}*好*\u{200B}吗"),
        ("(**b**).", "(*b*)."),
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("&amp;lt;", "&amp;lt;"),
        ("<!channel> hi", "&lt;!channel&gt; hi"),
        ("`a<b`", "`a&lt;b`"),
        ("``a`b``", "a`b"),
        ("[Shop](https://a.example/x?a=1&b=2)", "<https://a.example/x?a=1&amp;b=2|Shop>"),
        ("[a|b>c](https://a.example/p|q)", "<https://a.example/p%7Cq|a¦b&gt;c>"),
        ("https://a.example/x", "<https://a.example/x>"),
        ("a@b.example", "<mailto:a@b.example|a@b.example>"),
        ("[click](javascript:alert)", "click"),
        ("![a cat](https://a.example/c.png)", "<https://a.example/c.png|a cat>"),
        ("- a\n- b\n  - c", "• a\n• b\n    ◦ c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- a\n\n  b", "• a\n    b"),
        ("- [x] done\n- [ ] open", "• ☑ done\n• ☐ open"),
        ("```swift\nlet a = b<c>\n```", "```\nlet a = b&lt;c&gt;\n```"),
        ("- a\n  ```\n  x\n  ```\n- b", "• a\n```\nx\n```\n• b"),
        ("> a\n> b", "> a\n> b"),
        ("> a\n>\n> > b", "> a\n> \n> b"),
        ("> a\n>\n> ```\n> c\n> ```\n>\n> b", "> a\n\n```\nc\n```\n\n> b"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("A | B\n--|--\n1 | two\nthree | 4", "```\nA     | B\n------|----\n1     | two\nthree | 4\n```"),
        ("A\nB", "A\nB"),
        ("**A\nB**", "*A*\n*B*"),
        ("**bold **text", "*\u{200B}*\u{200B}bold *\u{200B}*\u{200B}text"),
        ("\\> x", "\u{200B}&gt; x"),
        ("\\*x\\*", "*\u{200B}x*"),
        ("2 * 3 * 4, snake_case_name", "2 * 3 * 4, snake_case_name"),
        ("\\`\\`\\`", "`\u{200B}`\u{200B}`\u{200B}"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        (" \n\t", ""),
    ])
    func `Markdown becomes mrkdwn`(_ markdown: String, _ expected: String) {
        #expect(markup.render(ReplyDocument(markdown: markdown)) == expected)
    }

    @Test func `a wide table becomes key and value lines`() {
        let long = String(repeating: "long ", count: 20)
        let markdown = "Item | Text\n--|--\nTea | \(long)\nRum | x"
        let expected = "*Item*: Tea\n*Text*: \(long.dropLast())\n\n*Item*: Rum\n*Text*: x"
        #expect(markup.render(ReplyDocument(markdown: markdown)) == expected)
    }

    @Test func `length is counted after escaping`() {
        #expect(markup.length(of: markup.render(ReplyDocument(markdown: "a & 😀"))) == 10)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `every part of a split is well formed and nothing is lost`(_ seed: UInt64) {
        var random = RandomMarkdown(seed: seed)
        for text in [random.document(), random.noise(400)] {
            for limit in [50, 117, 400, 3500] {
                #expect(SplitCheck.problems(text, as: markup, limit: limit, malformed: malformed) == [])
            }
        }
    }

    /// Angle brackets only around links; ampersands only before the three entities; fences in pairs.
    private func malformed(_ rendered: String) -> String? {
        var rest = Substring(rendered)
        while let index = rest.firstIndex(where: { "<&".contains($0) }) {
            let known = ["&amp;", "&lt;", "&gt;", "<https://", "<http://", "<mailto:"]
            guard known.contains(where: rest[index...].hasPrefix) else {
                return "unescaped at \(rest[index...].prefix(9))"
            }
            rest = rest[rest.index(after: index)...]
        }
        return SplitCheck.hasOpenFence(rendered)
    }
}
