import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

@Suite struct OpenAIStreamTests {
    @Test func `a stream becomes one answer`() async throws {
        let stage = OpenAIStage(
            .stream(
                #"{"model":"small-2","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
                #"{"choices":[{"index":0,"delta":{"content":"Grüß "},"finish_reason":null}],"obfuscation":"x1"}"#,
                #"{"choices":[{"index":0,"delta":{"content":"Gött 😀"},"finish_reason":null}]}"#,
                #"{"choices":[{"index":0,"delta":{"content":null,"reasoning_content":"hm"},"finish_reason":"stop"}]}"#,
                #"{"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":64}}}"#
            )
        )
        let response = try await stage.respond()
        #expect(
            response
                == ModelResponse(
                    text: "Grüß Gött 😀",
                    finish: .stop,
                    usage: ModelUsage(input: 100, cached: 64, output: 20),
                    model: "small-2"
                )
        )
        let call = try #require(stage.transport.calls.first)
        #expect(call.url == "http://localhost:11434/v1/chat/completions")
        #expect(call.headers.contains { $0.name == "authorization" && $0.value == "Bearer \(OpenAIStage.key)" })
    }

    @Test(arguments: [
        // An array of parts, keep-alives, no [DONE], CRLF, usage in the last chunk.
        ": OPENROUTER PROCESSING\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]},\"finish_reason\":\"eos\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\r\n\r\n",
        // Usage in every chunk: the last counts. No blank line at the end.
        "data: {\"choices\":[{\"delta\":{\"content\":\"H\"}}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"i\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]",
        // Thinking is in the total only (Gemini); several data lines; CR alone.
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\r data: ignored\rdata: \"finish_reason\":\"stop\"}],\rdata: \"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1,\"total_tokens\":9}}\r\r",
        // A server that does not stream.
        "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}",
        // A refusal is a text.
        "data: {\"choices\":[{\"delta\":{\"content\":null,\"refusal\":\"Hi\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
    ])
    func `compatible servers' ways are understood`(body: String) async throws {
        let response = try await OpenAIStage(.body(body)).respond()
        #expect(response.text == "Hi")
        #expect(response.finish == .stop)
        #expect(response.usage == ModelUsage(input: 7, cached: 0, output: 2))
    }

    @Test(arguments: [
        ("length", ModelResponse.Finish.length), ("content_filter", .contentFilter), ("end_turn", .stop), ("", .stop),
    ])
    func `an empty answer is an answer, with its reason`(reason: String, finish: ModelResponse.Finish) async throws {
        let stage = OpenAIStage(.stream(#"{"choices":[{"delta":{},"finish_reason":"\#(reason)"}]}"#))
        let response = try await stage.respond()
        #expect(response.text.isEmpty)
        #expect(response.finish == finish)
    }

    @Test func `usage that was not told is estimated and marked`() async throws {
        let usage = try await OpenAIStage(
            .stream(#"{"choices":[{"delta":{"content":"Hello there, Ann"},"finish_reason":"stop"}]}"#)
        ).respond().usage
        #expect(usage.isEstimated)
        #expect(usage.output == "Hello there, Ann".estimatedTokens)
        #expect(usage.input > 10)
    }

    @Test(arguments: [
        (#"{"prompt_tokens":-5,"completion_tokens":3}"#, ModelUsage(input: 0, output: 3)),
        (
            #"{"prompt_tokens":5,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":9}}"#,
            ModelUsage(input: 5, cached: 5, output: 3)
        ),
        (#"{"prompt_tokens":9223372036854775807,"completion_tokens":3}"#, ModelUsage(input: 1_000_000_000, output: 3)),
        (#"{"prompt_tokens":5,"completion_tokens":3,"prompt_tokens_details":null}"#, ModelUsage(input: 5, output: 3)),
        (
            #"{"prompt_tokens":5,"completion_tokens":3,"prompt_cache_hit_tokens":4}"#,
            ModelUsage(input: 5, cached: 4, output: 3)
        ),
    ])
    func `usage is never negative, never more cached than asked, never overflowing`(
        json: String,
        usage: ModelUsage
    ) async throws {
        let stage = OpenAIStage(
            .stream(#"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":\#(json)}"#)
        )
        #expect(try await stage.respond().usage == usage)
    }

    @Test(arguments: [
        ("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n", ModelError.malformed(reason: "truncated")),
        ("", .malformed(reason: "truncated")),
        ("data: {\"choices\":[{\"del\n\n", .malformed(reason: "not_json")),
        ("{\"choices\":[", .malformed(reason: "truncated")),
        ("{\"object\":\"list\"}", .malformed(reason: "no_choices")),
        ("<html>Bad gateway</html>", .malformed(reason: "truncated")),
        (
            "data: {\"error\":{\"message\":\"secret text\",\"type\":\"server_error\",\"code\":null}}\n\ndata: [DONE]\n\n",
            .unavailable(reason: "server_error", retryAfter: nil)
        ),
        (
            "event: error\ndata: {\"message\":\"boom\",\"code\":\"overloaded\"}\n\n",
            .unavailable(reason: "overloaded", retryAfter: nil)
        ),
        ("data: {\"error\":{\"code\":429,\"message\":\"slow\"}}\n\n", .rateLimited(retryAfter: nil)),
        ("data: {\"error\":\"out of memory\"}\n\n", .unavailable(reason: "http_503", retryAfter: nil)),
        ("data: {\"error\":{\"code\":\"insufficient_quota\"}}\n\n", .quotaExhausted),
        ("data: {\"error\":{\"code\":\"context_length_exceeded\"}}\n\n", .contextTooLong),
        (
            "data: {\"error\":{\"type\":\"invalid_request_error\"}}\n\n",
            .refused(status: 400, reason: "invalid_request_error")
        ),
        (
            "[{\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}]",
            .unavailable(reason: "unavailable", retryAfter: nil)
        ),
    ])
    func `a stream that breaks or tells an error after 200 is a failure`(body: String, error: ModelError) async throws {
        #expect(try await OpenAIStage(.body(body)).failure() == error)
    }

    @Test func `an answer or a line that never ends is refused`() async throws {
        let line = "data: " + String(repeating: "x", count: Limits.modelLineBytes + 1)
        #expect(try await OpenAIStage(.body(line)).failure() == .malformed(reason: "line_too_long"))
        let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"\(String(repeating: "x", count: 1 << 20))\"}}]}\n\n"
        let answer = String(repeating: chunk, count: 9)
        #expect(try await OpenAIStage(.body(answer)).failure() == .malformed(reason: "answer_too_large"))
    }

    @Test(arguments: [
        (TransportError.notConnected, ModelError.connection), (.noAnswer, .connection),
        (.answerTooLarge, .malformed(reason: "answer_too_large")),
        (.invalidURL, .refused(status: 0, reason: "invalid_url")),
    ])
    func `a transport's failure is told as the model's`(failure: TransportError, error: ModelError) async throws {
        #expect(try await OpenAIStage(.failure(failure)).failure() == error)
    }

    @Test func `a base URL without a scheme is refused before anything is sent`() async throws {
        let stage = OpenAIStage(baseURL: "api.openai.com/v1")
        #expect(try await stage.failure() == .refused(status: 0, reason: "base_url_without_scheme"))
        #expect(stage.transport.calls.isEmpty)
    }
}
