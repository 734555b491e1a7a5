import ParleyCore
import Testing

/// What RFC 8259 allows and forbids, case by case, and what hostile senders try.
@Suite struct JSONParserTests {
    static let accepted: [(text: String, value: JSON)] = [
        ("null", .null), ("true", true), ("false", false), (" \t\r\n1 \n", 1), ("[]", []), ("{}", [:]), ("[[]]", [[]]),
        ("{\"a\":{}}", ["a": [:]]), ("[1,2 , 3]", [1, 2, 3]), ("{\"\":0}", ["": 0]), ("[null,true]", [nil, true]),
        ("0", 0), ("-0", 0), ("-1", -1), ("1.5", 1.5), ("-0.25", -0.25), ("1e3", .number(1000)), ("1E+2", .number(100)),
        ("25e-1", .number(2.5)), ("0e0", .number(0)), ("0.0", .number(0)), ("1.0", .number(1)),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1e308", .number(1e308)),
        ("5e-324", .number(.leastNonzeroMagnitude)), ("1e-400", .number(0)),
        ("\"\"", ""), ("\"a\"", "a"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{08}\u{0C}\n\r\t"), (#""\u0041""#, "A"),
        (#""\u00e9\u00E9""#, "éé"), (#""\u0000""#, "\u{00}"), (#""\ud83d\ude00""#, "😀"), (#""\uD834\uDD1E""#, "𝄞"),
        ("\"😀é中\"", "😀é中"), ("\"\u{7F}\"", "\u{7F}"), ("\"\u{2028}\"", "\u{2028}"), (#""\u2028""#, "\u{2028}"),
        (#""//""#, "//"), (#""/* */""#, "/* */"), (#""\\u0041""#, "\\u0041"), (#"{"\u0061":1}"#, ["a": 1]),
        // A lone surrogate has no character: it becomes U+FFFD, and what follows it is kept.
        (#""\ud83d""#, "\u{FFFD}"), (#""\ude00""#, "\u{FFFD}"), (#""\ud83dx""#, "\u{FFFD}x"),
        (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
        (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
    ]

    @Test(arguments: accepted) func `a JSON text is read as its value`(_ example: (text: String, value: JSON)) throws {
        #expect(try JSON(parsing: example.text) == example.value)
    }

    static let refused: [String] = [
        "", " ", "\n", "nul", "nulll", "NULL", "True", "tru", "undefined", "NaN", "Infinity", "-Infinity", "-",
        "[", "]", "{", "}", "[1", "[1,", "[,1]", "[1,]", "[1 2]", "[1,,2]", "[1}", "{1:2}", "{a:1}", "{'a':1}",
        "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{,}", "{\"a\":1]", "{\"a\"::1}", "[:]",
        "{\"a\":1}}", "1 2",
        "01", "-01", "00", "1.", ".5", "-.5", "+1", "1e", "1e+", "1.e1", "1.5.2", "0x10", "1_000", "１", "--1", "1-",
        "1a", "- 1", "0e", "1e1.5", "9e", "[1e]", "\"", "\"a", "'a'", "\"\\\"", #""\x41""#, #""\u""#, #""\u004""#,
        #""\u00G0""#,
        #""\u+041""#, #""\U0041""#, #""\ud83d\u""#, #""\ud83d\ude0""#, #""\'""#, #""\0""#, "\"a\nb\"", "\"\t\"",
        "\"\u{00}\"",
        "\"\u{1F}\"", "// c\n1", "1 // c", "/* c */ 1", "# c", "\u{FEFF}1", "\u{A0}1", "\u{2028}1", "[1]\u{00}", "1;",
        "<x>",
    ]

    @Test(arguments: refused) func `what is not a JSON text is refused`(_ text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text) }
    }

    static let notUTF8: [[UInt8]] = [
        [0xFF], [0x80], [0xC0, 0xAF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
        [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xE0, 0x80, 0xAF], [0xC3, 0x28],
    ]

    @Test(arguments: notUTF8) func `bytes that are not UTF-8 are refused wherever they stand`(_ bytes: [UInt8]) {
        let quote = [UInt8(ascii: "\"")]
        for text in [bytes, quote + bytes + quote, quote + Array(#"\n"#.utf8) + bytes + quote] {
            #expect(throws: JSONError.self) { try JSON(parsing: text) }
        }
        #expect(throws: JSONError.self) { try JSON(parsing: Array("{\"".utf8) + bytes + Array("\":1}".utf8)) }
    }

    @Test func `other encodings than UTF-8 are refused`() {
        for bytes: [UInt8] in [[0xFF, 0xFE, 0x31, 0x00], [0x31, 0x00], [0x00, 0x31], [0xEF, 0xBB, 0xBF, 0x31]] {
            #expect(throws: JSONError.self) { try JSON(parsing: bytes) }
        }
    }

    @Test func `nesting is read to the limit and refused beyond it, however deep`() throws {
        func arrays(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSON(parsing: arrays(Limits.jsonDepth))
        #expect(throws: JSONError.tooDeep) { try JSON(parsing: arrays(Limits.jsonDepth + 1)) }
        #expect(throws: JSONError.tooDeep) { try JSON(parsing: arrays(100_000)) }
        #expect(throws: JSONError.tooDeep) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
        #expect(throws: JSONError.tooDeep) { try JSON(parsing: String(repeating: "{\"a\":", count: 100_000)) }
        #expect(throws: JSONError.tooDeep) { try JSON(parsing: String(repeating: "[{\"\":", count: 50_000)) }
    }

    @Test func `the last of two members with one key is the one that counts`() throws {
        let json = try JSON(parsing: #"{"a":1,"b":2,"a":3,"\u0061":4}"#)
        #expect(json["a"] == 4)
        #expect(json["b"] == 2)
        #expect(json.object?.members.count == 4)
    }

    @Test func `no truncation of a document is read, and none traps`() throws {
        let whole = Array(#"{"a":[1,-2.5e+3,"x\ud83d\ude00\n",true,false,null,{}],"é😀":{"b":[]}}"#.utf8)
        _ = try JSON(parsing: whole)
        for length in 0..<whole.count {
            #expect(throws: JSONError.self, "the first \(length) bytes") { try JSON(parsing: whole.prefix(length)) }
        }
    }

    @Test
    func `a document with any one byte changed is read or refused, and what is read can be written and read again`() {
        let whole = Array(#"{"a":[1,-2.5e+3,"x\ud83d\ude00\n",true],"é":{"b":[]}}"#.utf8)
        var read = 0
        for offset in whole.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = whole
                changed[offset] = byte
                guard let json = try? JSON(parsing: changed) else { continue }
                read += 1
                #expect((try? JSON(parsing: json.encoded())) == json)
            }
        }
        #expect(read > whole.count)
    }

    @Test func `an error tells where`() {
        #expect(throws: JSONError.unexpected(offset: 3)) { try JSON(parsing: "[1,]") }
        #expect(throws: JSONError.unexpected(offset: 2)) { try JSON(parsing: "1 2") }
        #expect(throws: JSONError.unexpected(offset: 0)) { try JSON(parsing: "") }
    }

    @Test func `bytes that do not lie in one piece are read as well`() throws {
        let pieces = [Array("{\"a\"".utf8), Array(":[1,".utf8), Array("2]}".utf8)].joined()
        #expect(try JSON(parsing: AnyCollection(Array(pieces))) == ["a": [1, 2]])
        #expect(try JSON(parsing: Array("xx[1]yy".utf8)[2..<5]) == [1])
    }
}
