import ParleyCore
import Testing

@Suite struct TextTests {
    static let texts = [
        "", "a", "hello", "héllo wörld", "中文字符测试", "👨‍👩‍👧‍👦 family 👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "e\u{301}e\u{301}", "a\r\nb",
        String(repeating: "x", count: 50),
    ]

    @Test(arguments: texts) func `a clipped text keeps within its limit and cuts no character`(_ text: String) {
        for limit in 0...60 {
            for (clipped, size) in [
                (text.clipped(toUTF8: limit), text.clipped(toUTF8: limit).utf8.count),
                (text.clipped(toUTF16: limit), text.clipped(toUTF16: limit).utf16.count),
            ] {
                #expect(size <= limit)
                guard clipped != text else { continue }
                let kept = clipped.hasSuffix("…") ? clipped.dropLast() : Substring(clipped)
                #expect(text.hasPrefix(kept))
            }
        }
    }

    @Test func `a text that fits is left as it is`() {
        #expect("hello".clipped(toUTF8: 5) == "hello")
        #expect("héllo".clipped(toUTF8: 6) == "héllo")
        #expect("😀".clipped(toUTF16: 2) == "😀")
    }

    @Test func `what was cut is marked`() {
        #expect("hello world".clipped(toUTF8: 8) == "hello…")
        #expect("hello world".clipped(toUTF16: 6) == "hello…")
        #expect("ab👨‍👩‍👧‍👦".clipped(toUTF8: 10) == "ab…")
        #expect("😀😀".clipped(toUTF16: 3) == "😀…")
    }

    @Test func `white space is taken from both ends and not from within`() {
        #expect(" \t\r\n a b \u{2003}\n".trimmed == "a b")
        #expect("   ".trimmed == "")
        #expect("".trimmed == "")
    }

    @Test func `tokens are estimated upwards`() {
        #expect("".estimatedTokens == 0)
        #expect("a".estimatedTokens == 1)
        #expect(String(repeating: "x", count: 7).estimatedTokens == 2)
        #expect(String(repeating: "x", count: 3500).estimatedTokens == 1000)
    }
}
