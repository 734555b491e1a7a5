import ParleyCore
import Testing

@Suite struct JSONValueTests {
    static let values: [JSON] = [
        nil, true, false, 0, -1, .integer(.max), .integer(.min), 1.5, .number(1e-7), .number(1e300), "", "a\"b\\c/d",
        "\u{00}\u{1F}\u{7F}\u{2028}", "😀é中\u{FFFD}", "line\r\n\ttab", [], [:], [[], [:], [nil]], ["a": ["b": ["c": 1]]],
        ["": "", "\"": "\\"],
    ]

    @Test(arguments: values) func `what is written reads the same`(_ value: JSON) throws {
        #expect(try JSON(parsing: value.encoded()) == value)
    }

    @Test func `control characters are escaped, so that a line of JSON stays a line`() {
        let bytes = JSON.string("\u{00}\n\u{1B}\r").encoded()
        #expect(bytes.allSatisfy { $0 >= 0x20 })
        #expect(JSON.string("\u{1B}").description == "\"\\u001b\"")
    }

    @Test func `a number that JSON cannot spell is written as null`() {
        #expect(JSON.number(.nan).description == "null")
        #expect(JSON.number(.infinity).description == "null")
        #expect(JSON.array([.number(-.infinity)]).description == "[null]")
    }

    @Test func `a number is an integer only when it is whole and fits`() {
        #expect(JSON.number(3).int == 3)
        #expect(JSON.number(3.5).int == nil)
        #expect(JSON.number(1e19).int == nil)
        #expect(JSON.number(.nan).int == nil)
        #expect(JSON.number(.infinity).int == nil)
        #expect(JSON.string("3").int == nil)
    }

    @Test func `a number beyond the largest is read as infinity, which is no integer and is not written`() throws {
        let json = try JSON(parsing: "[1e400,-1e400]")
        #expect(json[0]?.double == .infinity)
        #expect(json[1]?.double == -.infinity)
        #expect(json[0]?.int == nil)
        #expect(json.description == "[null,null]")
    }

    @Test func `asking the wrong kind of value gives nothing, and never traps`() {
        let json: JSON = ["a": [1]]
        #expect(json["b"] == nil)
        #expect(json["a"]?["x"] == nil)
        #expect(json["a"]?[1] == nil)
        #expect(json["a"]?[-1] == nil)
        #expect(json[0] == nil)
        #expect(json["a"]?[0]?.int == 1)
    }

    @Test func `a member is set, replaced and taken away`() {
        var json: JSON = ["a": 1, "b": 2]
        json["a"] = 3
        json["c"] = 4
        json["b"] = JSON?.none
        #expect(json == ["a": 3, "c": 4])
    }
}
