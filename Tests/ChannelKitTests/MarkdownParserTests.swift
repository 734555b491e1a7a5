import ChannelKit
import Testing

@Suite struct MarkdownParserTests {
    @Test(
        arguments: [
            ("", []),
            (" \n\t\n", []),
            ("a", [.paragraph([.text("a")])]),
            ("a\nb", [.paragraph([.text("a"), .lineBreak, .text("b")])]),
            ("# **a**", [.heading(level: 1, [.strong([.text("a")])])]),
            ("3. a\n4. b", [.list(start: 3, items: [[.paragraph([.text("a")])], [.paragraph([.text("b")])]])]),
            ("- [x] a", [.list(start: nil, items: [[.paragraph([.text("☑ a")])]])]),
            ("-", [.list(start: nil, items: [[]])]),
            ("```swift x\na\n\nb\n```", [.code(language: "swift", text: "a\n\nb")]),
            ("```\nunclosed", [.code(language: nil, text: "unclosed")]),
            ("    indented", [.code(language: nil, text: "indented")]),
            ("> a", [.quote([.paragraph([.text("a")])])]),
            ("a|b\n-|-\n1", [.table(header: [[.text("a")], [.text("b")]], rows: [[[.text("1")], []]])]),
            ("---", [.rule]),
            ("~~a~~ ~b~", [.paragraph([.strikethrough([.text("a")]), .text(" ~b~")])]),
            ("[a](HTTPS://x.example)", [.paragraph([.link(url: "HTTPS://x.example", [.text("a")])])]),
            ("[a](javascript:x) [b](/local) [c]()", [.paragraph([.text("a b c")])]),
            (
                "![a](data:x) ![b](https://x.example)",
                [.paragraph([.text("a "), .image(url: "https://x.example", alt: "b")])]
            ),
            ("<script>a</script>", [.paragraph([.text("<script>a</script>")])]),
            ("a <b>c</b>", [.paragraph([.text("a <b>c</b>")])]),
            ("a\u{0}b", [.paragraph([.text("a\u{FFFD}b")])]),
            ("&copy; &#x41;", [.paragraph([.text("© A")])]),
        ] as [(String, [ReplyBlock])]
    )
    func `Markdown becomes a document`(_ markdown: String, _ expected: [ReplyBlock]) {
        #expect(ReplyDocument(markdown: markdown).blocks == expected)
    }

    @Test(arguments: [
        String(repeating: ">", count: 20_000) + " deep", String(repeating: "- ", count: 2000) + "deep",
        String(repeating: "*a **a ", count: 5000) + "deep", String(repeating: "[", count: 20_000) + "deep",
        String(repeating: "**", count: 20_000) + "deep",
        String(repeating: "![", count: 5000) + "deep](https://x.example)",
    ])
    func `text survives any depth of nesting`(_ markdown: String) {
        let plain = PlainMarkup().render(ReplyDocument(markdown: markdown))
        #expect(plain.contains("deep"))
    }

    @Test func `parses at once do not disturb each other`() async {
        let expected = ReplyDocument(markdown: "~~a~~ | b")
        let all = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { ReplyDocument(markdown: "~~a~~ | b") == expected } }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(all)
    }
}
