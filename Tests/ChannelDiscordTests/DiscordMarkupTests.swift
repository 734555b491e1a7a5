import ChannelDiscord
import ChannelKit
import ParleyTesting
import Testing

@Suite struct DiscordMarkupTests {
    private let markup = DiscordMarkup()

    @Test(arguments: [
        ("# A\n## B\n### C", "# A\n\n## B\n\n### C"),
        ("#### D", "**D**"),
        ("#### **D** e", "**D e**"),
        ("# **A**", "# A"),
        ("- # A", "- **A**"),
        ("__b__ **b** *i* ~~s~~", "**b** **b** *i* ~~s~~"),
        ("***x***", "***x***"),
        ("**a**b", "**a**b"),
        ("*a***b**", "*a*\u{200B}**b**"),
        ("\\*x\\* \\_y\\_ a|b ~ \\`", "\\*x\\* \\_y\\_ a\\|b \\~ \\`"),
        ("snake_case_name 2 * 3", "snake\\_case\\_name 2 \\* 3"),
        ("\\# no heading", "\\# no heading"),
        ("\\> no quote", "\\> no quote"),
        ("\\- no list", "\\- no list"),
        ("1\\. no list", "1\\. no list"),
        ("C:\\\\x", "C:\\\\x"),
        ("@everyone <@123> a < b <3", "@everyone \\<@123> a < b <3"),
        ("`a_b`", "`a_b`"),
        ("``a`b``", "`` a`b ``"),
        ("```` a```b ````", "`` a`\u{200B}`\u{200B}`b ``"),
        ("[Shop](https://a.example/x_(y))", "[Shop](https://a.example/x_%28y%29)"),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("https://a.example/a_b", "https://a.example/a_b"),
        ("[https://good.example](https://evil.example)", "https://good.example (https://evil.example)"),
        ("[us](mailto:a@b.example)", "us (a@b.example)"),
        ("![cat](https://a.example/c.png)", "[cat](https://a.example/c.png)"),
        ("![](https://a.example/c.png)", "https://a.example/c.png"),
        ("* a\n* b\n  * c", "- a\n- b\n  - c"),
        ("1. a\n   - b\n2. c", "1. a\n   - b\n2. c"),
        ("```swift\na < b\n```", "```swift\na < b\n```"),
        ("~~~\n```\n~~~", "```\n``\u{200B}`\n```"),
        ("> a\n>\n> ```\n> c\n> ```", "> a\n> \n> ```\n> c\n> ```"),
        ("a\n\n---\n\nb", "a\n\n──────\n\nb"),
        ("A | B\n--|--\n1 | **2**", "```\nA | B\n--|--\n1 | 2\n```"),
        ("<div>x</div>", "\\<div>x\\</div>"),
        ("a\nb", "a\nb"),
        ("", ""),
    ])
    func `Markdown becomes Discord's`(_ markdown: String, _ expected: String) {
        #expect(markup.render(ReplyDocument(markdown: markdown)) == expected)
    }

    @Test func `a long list goes on counting in the next part`() throws {
        let markdown = (1...60).map { "\($0). an item with some words" }.joined(separator: "\n")
        let parts = ReplySplitter.split(ReplyDocument(markdown: markdown), as: markup, limit: 300).map(markup.render)
        #expect(parts.count > 3)
        #expect(parts.joined(separator: "\n") == markdown)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `every part of a split is well formed and nothing is lost`(_ seed: UInt64) {
        var random = RandomMarkdown(seed: seed)
        for text in [random.document(), random.noise(400)] {
            for limit in [50, 117, 400, 2000] {
                #expect(SplitCheck.problems(text, as: markup, limit: limit, malformed: SplitCheck.hasOpenFence) == [])
            }
        }
    }
}
