import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

@Suite struct OpenAIToolCallTests {
    struct Style: Sendable, CustomTestStringConvertible {
        let server: String
        /// The elements of `delta.tool_calls`, a chunk each.
        let fragments: [String]
        /// `name(arguments)`, and the id where the server gave one.
        let calls: [String]
        var ids: [String] = []
        var testDescription: String { server }
    }

    static let styles = [
        Style(
            server: "OpenAI: fragments by index, interleaved",
            fragments: [
                #"{"index":0,"id":"c1","type":"function","function":{"name":"a","arguments":""}}"#,
                #"{"index":0,"function":{"arguments":"{\"q\":"}}"#,
                #"{"index":1,"id":"c2","type":"function","function":{"name":"b","arguments":""}}"#,
                #"{"index":1,"function":{"arguments":"{\"r\":2}"}}"#,
                #"{"index":0,"function":{"arguments":"1}"}}"#,
            ],
            calls: [#"a({"q":1})"#, #"b({"r":2})"#],
            ids: ["c1", "c2"]
        ),
        Style(
            server: "Ollama: index 0 for every call",
            fragments: [
                #"{"index":0,"id":"c1","type":"function","function":{"name":"a","arguments":"{\"q\":1}"}}"#,
                #"{"index":0,"id":"c2","type":"function","function":{"name":"a","arguments":"{\"q\":2}"}}"#,
            ],
            calls: [#"a({"q":1})"#, #"a({"q":2})"#],
            ids: ["c1", "c2"]
        ),
        Style(
            server: "Ollama, older: index 0 and no ids",
            fragments: [
                #"{"index":0,"function":{"name":"a","arguments":"{\"q\":1}"}}"#,
                #"{"index":0,"function":{"name":"b","arguments":"{\"q\":1}"}}"#,
                #"{"index":0,"function":{"name":"b","arguments":"{\"q\":2}"}}"#,
            ],
            calls: [#"a({"q":1})"#, #"b({"q":1})"#, #"b({"q":2})"#]
        ),
        Style(
            server: "Gemini: no index, empty ids",
            fragments: [
                #"{"id":"","type":"function","function":{"name":"a","arguments":"{\"q\":1}"}}"#,
                #"{"id":"","type":"function","function":{"name":"b","arguments":"{}"}}"#,
            ],
            calls: [#"a({"q":1})"#, "b({})"]
        ),
        Style(
            server: "Gemini: one id for two calls",
            fragments: [
                #"{"id":"f","function":{"name":"a","arguments":"{\"q\":1}"}}"#,
                #"{"id":"f","function":{"name":"b","arguments":"{\"q\":1}"}}"#,
            ],
            calls: [#"a({"q":1})"#, #"b({"q":1})"#]
        ),
        Style(
            server: "a new call's head with a taken index, then its fragments",
            fragments: [
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":"{\"q\":1}"}}"#,
                #"{"index":0,"id":"c2","function":{"name":"b","arguments":""}}"#,
                #"{"index":0,"function":{"arguments":"{\"r\":"}}"#,
                #"{"index":0,"function":{"arguments":"2}"}}"#,
            ],
            calls: [#"a({"q":1})"#, #"b({"r":2})"#],
            ids: ["c1", "c2"]
        ),
        Style(
            server: "neither id nor index after the head",
            fragments: [
                #"{"id":"c1","function":{"name":"a","arguments":"{\"q\""}}"#,
                #"{"function":{"arguments":":1}"}}"#,
            ],
            calls: [#"a({"q":1})"#],
            ids: ["c1"]
        ),
        Style(
            server: "id and name in every fragment",
            fragments: [
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":"{\"q\""}}"#,
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":":1}"}}"#,
            ],
            calls: [#"a({"q":1})"#],
            ids: ["c1"]
        ),
        Style(
            server: "another id in every fragment",
            fragments: [
                #"{"index":0,"id":"x1","function":{"name":"a","arguments":""}}"#,
                #"{"index":0,"id":"x2","function":{"arguments":"{\"q\":1}"}}"#,
            ],
            calls: [#"a({"q":1})"#],
            ids: ["x1"]
        ),
        Style(
            server: "the whole arguments again at the end",
            fragments: [
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":"{\"q\""}}"#,
                #"{"index":0,"function":{"arguments":":1}"}}"#,
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":"{\"q\":1}"}}"#,
            ],
            calls: [#"a({"q":1})"#],
            ids: ["c1"]
        ),
        Style(
            server: "{} ahead of the arguments",
            fragments: [
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":"{}"}}"#,
                #"{"index":0,"function":{"arguments":"{\"q\":"}}"#,
                #"{"index":0,"function":{"arguments":"1}"}}"#,
            ],
            calls: [#"a({"q":1})"#],
            ids: ["c1"]
        ),
        Style(
            server: "arguments as an object, or none",
            fragments: [
                #"{"index":0,"id":"c1","function":{"name":"a","arguments":{"q":1}}}"#,
                #"{"index":1,"id":"c2","function":{"name":"b"}}"#,
                #"{"index":2,"id":"c3","function":{"name":"c","arguments":null}}"#,
            ],
            calls: [#"a({"q":1})"#, "b({})", "c({})"],
            ids: ["c1", "c2", "c3"]
        ),
        Style(
            server: "a name in pieces",
            fragments: [
                #"{"index":0,"id":"c1","function":{"name":"look"}}"#,
                #"{"index":0,"function":{"name":"up","arguments":""}}"#,
                #"{"index":0,"function":{"arguments":"{}"}}"#,
            ],
            calls: ["lookup({})"],
            ids: ["c1"]
        ),
        Style(
            server: "arguments that are no JSON are left for the loop to refuse",
            fragments: [#"{"index":0,"id":"c1","function":{"name":"a","arguments":"{\"q\":"}}"#],
            calls: [#"a({"q":)"#],
            ids: ["c1"]
        ),
    ]

    @Test(arguments: styles, ["tool_calls", "stop"])
    func `tool calls are put together`(style: Style, finish: String) async throws {
        let chunks = style.fragments.map { #"{"choices":[{"index":0,"delta":{"tool_calls":[\#($0)]}}]}"# }
        let end = #"{"choices":[{"index":0,"delta":{},"finish_reason":"\#(finish)"}]}"#
        let stream = (chunks + [end, "[DONE]"]).map { "data: \($0)\n\n" }.joined()
        let response = try await OpenAIStage(.body(stream)).respond()
        #expect(response.toolCalls.map { "\($0.name)(\($0.arguments))" } == style.calls)
        #expect(response.finish == .toolCalls)
        let ids = response.toolCalls.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { !$0.isEmpty })
        if !style.ids.isEmpty { #expect(ids == style.ids) }
    }

    @Test func `all calls in one chunk, or in one message, are found`() async throws {
        let calls =
            #"[{"id":"c1","function":{"name":"a","arguments":"{}"}},{"id":"c2","function":{"name":"b","arguments":"{}"}}]"#
        let bodies = [
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":\(calls)},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
            "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":\(calls)},\"finish_reason\":\"tool_calls\"}]}",
        ]
        for body in bodies {
            #expect(try await OpenAIStage(.body(body)).respond().toolCalls.map(\.id) == ["c1", "c2"])
        }
    }

    @Test func `Gemini's thought signature comes back with the call, also from a chunk of its own`() async throws {
        let stage = OpenAIStage(
            .stream(
                #"{"choices":[{"delta":{"tool_calls":[{"id":"c1","function":{"name":"a","arguments":"{}"}}]}}]}"#,
                #"{"choices":[{"delta":{"tool_calls":[{"extra_content":{"google":{"thought_signature":"sig"}}}]},"finish_reason":"stop"}]}"#
            ),
            .stream(#"{"choices":[{"delta":{"content":"Done"},"finish_reason":"stop"}]}"#)
        )
        let response = try await stage.respond()
        var next = ModelRequest.question
        next.messages += [
            .assistant(text: "", toolCalls: response.toolCalls),
            .toolResult(callID: "c1", name: "a", content: "5"),
        ]
        _ = try await stage.respond(to: next)
        let call = try #require(stage.sent.last?["messages"]?[2]?["tool_calls"]?[0])
        #expect(call["extra_content"]?["google"]?["thought_signature"] == "sig")
    }

    @Test func `an endless list of calls is refused`() async throws {
        let chunks = (0...Limits.toolCallsPerAnswer).map {
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":\($0),\"id\":\"c\($0)\",\"function\":{\"name\":\"a\"}}]}}]}\n\n"
        }
        let error = try await OpenAIStage(.body(chunks.joined())).failure()
        #expect(error == .malformed(reason: "too_many_tool_calls"))
    }
}
