import ChannelKit
import Testing

@Suite struct PlainMarkupTests {
    @Test(arguments: [
        ("# A\n\n**b** *c* `d`", "A\n\nb c d"),
        ("- a\n  - b\n- c", "• a\n  ◦ b\n• c"),
        ("1. a\n2. b", "1. a\n2. b"),
        ("[a](https://x.example) https://y.example", "a (https://x.example) https://y.example"),
        ("> a\n> b", "> a\n> b"),
        ("```c\n  x\n```", "  x"),
        ("Item | Nr\n--|--\nTea | 1\n烏龍茶 | 20", "Item   | Nr\n-------|---\nTea    | 1\n烏龍茶 | 20"),
        ("---", "———"),
    ])
    func `Markdown becomes readable text`(_ markdown: String, _ expected: String) {
        #expect(PlainMarkup().render(ReplyDocument(markdown: markdown)) == expected)
    }
}
