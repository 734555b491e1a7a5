import ChannelKit
import ChannelWhatsApp
import ParleyTesting
import Testing

@Suite struct WhatsAppMarkupTests {
    private let markup = WhatsAppMarkup()

    @Test(arguments: [
        ("# Hours\n\nnine", "*Hours*\n\nnine"),
        ("## **Bold** x", "*Bold x*"),
        ("**b** *i* ~~s~~ `c`", "*b* _i_ ~s~ `c`"),
        ("***x***", "*_x_*"),
        ("un**bel**ievable", "un\u{200B}*bel*\u{200B}ievable"),
        ("**a\nb**", "*a*\n*b*"),
        ("\\*x\\*", "*\u{200B}x*"),
        ("snake_case_name, 2 * 3", "snake_case_name, 2 * 3"),
        ("\\> x", "\u{200B}> x"),
        ("a < b & c", "a < b & c"),
        ("[Shop](https://a.example/x)", "Shop (https://a.example/x)"),
        ("[**Shop**](https://a.example/x)", "*Shop* (https://a.example/x)"),
        ("https://a.example/a_b_c", "https://a.example/a_b_c"),
        ("www.a.example", "http://www.a.example"),
        ("[call](tel:+4912345)", "call (+4912345)"),
        ("![cat](https://a.example/c.png)", "cat (https://a.example/c.png)"),
        ("* a\n* b\n  * c", "- a\n- b\n  - c"),
        ("1. a\n2. b", "1. a\n2. b"),
        ("```swift\na < b\n```", "```\na < b\n```"),
        ("> a\n> b", "> a\n> b"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("A | B\n--|--\n1 | 2", "```\nA | B\n--|--\n1 | 2\n```"),
        (
            "Product | Description\n--|--\nTea | a very fine tea from the hills\nRum | x",
            "*Product*: Tea\n*Description*: a very fine tea from the hills\n\n*Product*: Rum\n*Description*: x"
        ),
        ("``a`b``", "```\u{200B}a`b\u{200B}```"),
        ("", ""),
    ])
    func `Markdown becomes WhatsApp's`(_ markdown: String, _ expected: String) {
        #expect(markup.render(ReplyDocument(markdown: markdown)) == expected)
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func `every part of a split is well formed and nothing is lost`(_ seed: UInt64) {
        var random = RandomMarkdown(seed: seed)
        for text in [random.document(), random.noise(400)] {
            for limit in [50, 117, 400, 4096] {
                #expect(SplitCheck.problems(text, as: markup, limit: limit, malformed: SplitCheck.hasOpenFence) == [])
            }
        }
    }
}
