import ChannelKit
import Testing

@Suite struct ReplySplitterTests {
    private let markup = PlainMarkup()

    private func split(_ markdown: String, _ limit: Int) -> [ReplyDocument] {
        ReplySplitter.split(ReplyDocument(markdown: markdown), as: markup, limit: limit)
    }

    private func texts(_ markdown: String, _ limit: Int) -> [String] { split(markdown, limit).map(markup.render) }

    @Test(arguments: ["", " ", "\n\t \n", "\u{A0}", "\u{200B}", "```\n```", "```c\n \n```"])
    func `nothing to say has no parts`(_ markdown: String) {
        #expect(texts(markdown, 4096).isEmpty)
    }

    @Test func `what fits stays whole`() {
        let document = ReplyDocument(markdown: "# A\n\n- b\n- c **d**\n\n```\ne\n```")
        #expect(ReplySplitter.split(document, as: markup, limit: 4096) == [document])
    }

    @Test func `blocks are kept together`() {
        let paragraph = String(repeating: "word ", count: 7) + "end"
        #expect(
            texts("\(paragraph)\n\n\(paragraph)\n\n\(paragraph)", 90) == ["\(paragraph)\n\n\(paragraph)", paragraph]
        )
    }

    @Test func `a heading goes with what it heads`() {
        let text = "An introduction of some length, really.\n\n# Title\n\nAnd the text of the chapter."
        #expect(
            texts(text, 60) == ["An introduction of some length, really.", "Title\n\nAnd the text of the chapter."]
        )
    }

    @Test func `a paragraph is cut after a sentence, else after a word`() {
        let text =
            "This is the first sentence. Here is the second one. And a third, which is the longest of all of them."
        #expect(
            texts(text, 60) == [
                "This is the first sentence. Here is the second one.",
                "And a third, which is the longest of all of them.",
            ]
        )
        #expect(
            texts(String(repeating: "abcdefgh ", count: 12), 50) == [
                "abcdefgh abcdefgh abcdefgh abcdefgh abcdefgh", "abcdefgh abcdefgh abcdefgh abcdefgh abcdefgh",
                "abcdefgh abcdefgh",
            ]
        )
    }

    @Test func `styles are closed and opened again`() throws {
        let parts = split("**" + String(repeating: "bold ", count: 20) + "end**", 60)
        #expect(parts.count == 2)
        for part in parts {
            guard case .paragraph(let inlines)? = part.blocks.first, case .strong? = inlines.first else {
                Issue.record("\(part)")
                continue
            }
            #expect(inlines.count == 1)
        }
    }

    @Test func `an item that is cut goes on without its number`() {
        let long = String(repeating: "word ", count: 14) + "end"
        let parts = texts("1. a\n2. \(long)\n3. c", 60)
        #expect(
            parts == [
                "1. a\n2. word word word word word word word word word word",
                "word word word word end\n\n3. c",
            ]
        )
    }

    @Test func `a table repeats its header`() {
        let rows = (1...20).map { "tea\($0) | \($0)" }
        let parts = texts("Name | Nr\n--|--\n" + rows.joined(separator: "\n"), 100)
        #expect(parts.count > 2)
        #expect(parts.allSatisfy { $0.hasPrefix("Name") })
        #expect(parts.joined(separator: "\n").split(separator: "\n").filter { $0.hasPrefix("tea") }.count == 20)
    }

    @Test func `a quote stays a quote`() {
        let parts = split("> " + String(repeating: "word ", count: 40), 60)
        #expect(parts.count > 3)
        #expect(parts.allSatisfy { if case .quote? = $0.blocks.first { $0.blocks.count == 1 } else { false } })
    }

    @Test func `a URL that is too long for a link becomes text`() {
        let url = "https://x.example/" + String(repeating: "a", count: 200)
        let parts = texts("see [here](\(url)) now", 60)
        #expect(parts.allSatisfy { $0.utf16.count <= 60 })
        #expect(parts.joined().contains("here (https://x.example/"))
        #expect(parts.joined().filter { $0 == "a" }.count == 201)
    }

    @Test(arguments: ["👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "e\u{301}", "你", "ש", "1️⃣"])
    func `a grapheme is never cut`(_ grapheme: String) throws {
        let character = try #require(grapheme.first)
        let parts = texts(String(repeating: grapheme, count: 300), 53)
        #expect(parts.allSatisfy { $0.utf16.count <= 53 && $0.allSatisfy { $0 == character } })
        #expect(parts.joined().count == 300)
    }

    @Test func `a grapheme larger than a message is cut between scalars`() {
        let monster = "e" + String(repeating: "\u{301}", count: 500)
        let parts = texts(monster, 50)
        #expect(parts.allSatisfy { $0.utf16.count <= 50 })
        #expect(parts.map { $0.unicodeScalars.count }.reduce(0, +) == 501)
    }

    @Test(arguments: [50, 51, 1000, 4096])
    func `a hundred thousand letters without a space arrive`(_ limit: Int) {
        let parts = texts(String(repeating: "a", count: 100_000), limit)
        #expect(parts.allSatisfy { $0.utf16.count <= limit })
        #expect(parts.map(\.count).reduce(0, +) == 100_000)
        #expect(parts.count <= 100_000 / (limit - 16) + 1)
    }

    @Test func `nesting deeper than a part is wide comes out as text`() {
        let markdown = (0..<30).map { String(repeating: "  ", count: $0) + "- level\($0)" }.joined(separator: "\n")
        let parts = texts(markdown, 50)
        #expect(parts.allSatisfy { $0.utf16.count <= 50 })
        #expect((0..<30).allSatisfy { level in parts.contains { $0.contains("level\(level)") } })
    }

    @Test(arguments: ["", "---", "```\nx\n```", "> y", "[z](https://x.example)"])
    func `whatever is nested too deep still fits`(_ inside: String) {
        let markdown = (0..<30).map { String(repeating: "  ", count: $0) + "- \(inside)" }.joined(separator: "\n")
        #expect(texts(markdown, 50).allSatisfy { $0.utf16.count <= 50 })
        let empty = String(repeating: "- ", count: 31) + inside
        #expect(texts(empty, 50).allSatisfy { $0.utf16.count <= 50 })
    }

    @Test(arguments: [Int.min, -1, 0, 1, 49])
    func `a limit below 50 counts as 50`(_ limit: Int) {
        #expect(texts(String(repeating: "word ", count: 30), limit).allSatisfy { $0.utf16.count <= 50 })
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            String(repeating: "Some words of a sentence. ", count: 8000),
            String(repeating: "- an item of a list\n", count: 10_000), String(repeating: "a\n\n", count: 60_000),
            "```\n" + String(repeating: "    let code = true\n", count: 10_000) + "```",
            "a|b\n-|-\n" + String(repeating: "one | two\n", count: 20_000), String(repeating: "**a** ", count: 33_000),
        ]
    )
    func `200 KB are cut in moments`(_ markdown: String) {
        let parts = texts(markdown, 4096)
        #expect(parts.count >= 15)
        #expect(parts.allSatisfy { $0.utf16.count <= 4096 })
    }
}
