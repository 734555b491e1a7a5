import ModelProviders
import ParleyCore
import Testing

@Suite struct OpenAIServerSentEventsTests {
    static let stream = Array(
        ("\u{FEFF}: hello\ndata: {\"a\":\"ü😀\"}\n\nevent: error\r\ndata:one\r\ndata: two\r\n\r\nid: 7\rdata\rdata:  x\r\r"
            + ":keep-alive\n\nretry: 5\nnonsense\n\ndata: [DONE]\n\n").utf8
    )

    static let events = [
        ServerSentEvent(data: #"{"a":"ü😀"}"#),
        ServerSentEvent(name: "error", data: "one\ntwo"),
        ServerSentEvent(data: "\n x"),
        ServerSentEvent(data: "[DONE]"),
    ]

    @Test(arguments: 0...stream.count)
    func `a stream cut anywhere gives the same events`(position: Int) throws {
        var parser = ServerSentEventParser()
        let events =
            try parser.feed(Self.stream[..<position]) + parser.feed(Self.stream[position...])
        #expect(events == Self.events)
        #expect(parser.finish() == nil)
    }

    @Test(arguments: 1...9)
    func `a stream in small pieces gives the same events`(size: Int) throws {
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        for start in stride(from: 0, to: Self.stream.count, by: size) {
            events += try parser.feed(Self.stream[start..<min(start + size, Self.stream.count)])
        }
        #expect(events == Self.events)
    }

    @Test(arguments: ["data: x", "data: x\n", "data: x\r\n", "data: x\r"])
    func `the last event needs no blank line`(text: String) throws {
        var parser = ServerSentEventParser()
        #expect(try parser.feed(text.utf8) == [])
        #expect(parser.finish() == ServerSentEvent(data: "x"))
        #expect(parser.finish() == nil)
    }

    @Test func `bytes that are not UTF-8 do no harm`() throws {
        var parser = ServerSentEventParser()
        let events = try parser.feed(Array("data: ".utf8) + [0xFF, 0xC3] + Array("\n\n".utf8))
        #expect(events == [ServerSentEvent(data: "\u{FFFD}\u{FFFD}")])
    }
}
