import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

@Suite struct OpenAIErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let status: Int
        let body: String
        let error: ModelError
        var headers: [(name: String, value: String)] = []
        var testDescription: String { "\(status) \(body.prefix(60)) \(headers.map(\.value))" }
    }

    static let cases = [
        Case(
            status: 400,
            body: #"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#,
            error: .contextTooLong
        ),
        Case(
            status: 400,
            body:
                #"{"error":{"message":"This model's maximum context length is 4096 tokens","type":"BadRequestError","code":400}}"#,
            error: .contextTooLong
        ),
        Case(
            status: 400,
            body:
                #"{"error":{"code":400,"message":"request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            error: .contextTooLong
        ),
        Case(
            status: 400,
            body:
                #"[{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum","status":"INVALID_ARGUMENT"}}]"#,
            error: .contextTooLong
        ),
        Case(status: 413, body: "", error: .contextTooLong),
        Case(
            status: 400,
            body:
                #"{"error":{"message":"Ann wrote this","type":"invalid_request_error","param":"messages","code":"invalid_prompt"}}"#,
            error: .refused(status: 400, reason: "invalid_prompt.invalid_request_error")
        ),
        Case(
            status: 400,
            body: #"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#,
            error: .unauthorised(status: 400)
        ),
        Case(
            status: 401,
            body: #"{"error":{"message":"Incorrect API key provided: sk-very-secret","code":"invalid_api_key"}}"#,
            error: .unauthorised(status: 401)
        ),
        Case(status: 403, body: "<html>", error: .unauthorised(status: 403)),
        Case(status: 402, body: #"{"error":{"message":"Insufficient Balance"}}"#, error: .quotaExhausted),
        Case(
            status: 404,
            body: #"{"error":{"message":"model 'x' not found","type":"not_found_error","code":null}}"#,
            error: .refused(status: 404, reason: "not_found_error")
        ),
        Case(status: 404, body: #"{"error":"model 'x' not found"}"#, error: .refused(status: 404, reason: "http_404")),
        Case(
            status: 422,
            body: #"{"detail":[{"loc":["body","x"],"msg":"bad"}]}"#,
            error: .refused(status: 422, reason: "http_422")
        ),
        Case(status: 301, body: "", error: .refused(status: 301, reason: "http_301")),
        Case(status: 408, body: "", error: .unavailable(reason: "http_408", retryAfter: nil)),
        Case(status: 409, body: "", error: .unavailable(reason: "http_409", retryAfter: nil)),
        Case(status: 500, body: "<html>oops", error: .unavailable(reason: "http_500", retryAfter: nil)),
        Case(
            status: 503,
            body: #"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#,
            error: .unavailable(reason: "unavailable", retryAfter: nil)
        ),
        Case(status: 529, body: "", error: .unavailable(reason: "http_529", retryAfter: nil)),
        Case(
            status: 429,
            body: #"{"error":{"message":"quota","type":"insufficient_quota","code":"credit_balance_exhausted"}}"#,
            error: .quotaExhausted,
            headers: [("retry-after", "5"), ("x-should-retry", "true")]
        ),
        Case(status: 429, body: #"{"error":{"code":"rate_limit_exceeded"}}"#, error: .rateLimited(retryAfter: nil)),
        Case(
            status: 429,
            body:
                #"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"17.5s"}]}}]"#,
            error: .rateLimited(retryAfter: .milliseconds(17_500))
        ),
        Case(
            status: 429,
            body: "",
            error: .rateLimited(retryAfter: .milliseconds(250)),
            headers: [("Retry-After-Ms", "250"), ("Retry-After", "9")]
        ),
        Case(
            status: 429,
            body: "",
            error: .rateLimited(retryAfter: .milliseconds(1500)),
            headers: [("retry-after", "1.5")]
        ),
        Case(status: 429, body: "", error: .rateLimited(retryAfter: nil), headers: [("retry-after", "soon")]),
        Case(status: 429, body: "", error: .rateLimited(retryAfter: nil), headers: [("retry-after", "-3")]),
        Case(status: 429, body: "", error: .rateLimited(retryAfter: nil), headers: [("retry-after", "nan")]),
        Case(
            status: 429,
            body: "",
            error: .rateLimited(retryAfter: .seconds(86_400)),
            headers: [("retry-after", "1e300")]
        ),
        Case(
            // The clock says 2026-11-21T12:04:05Z.
            status: 503,
            body: "",
            error: .unavailable(reason: "http_503", retryAfter: .seconds(25)),
            headers: [("retry-after", "Sat, 21 Nov 2026 12:04:30 GMT")]
        ),
        Case(
            status: 503,
            body: "",
            error: .unavailable(reason: "http_503", retryAfter: .zero),
            headers: [("retry-after", "Sat, 21 Nov 2020 12:04:30 GMT")]
        ),
        Case(
            status: 500,
            body: "",
            error: .refused(status: 500, reason: "http_500"),
            headers: [("x-should-retry", "false")]
        ),
        Case(
            status: 400,
            body: "",
            error: .unavailable(reason: "http_400", retryAfter: .seconds(2)),
            headers: [("x-should-retry", "true"), ("retry-after", "2")]
        ),
        // Words that are sentences, keys or too long are not told.
        Case(
            status: 404,
            body: #"{"error":{"code":"Ann said hello","type":"sk-very-secret"}}"#,
            error: .refused(status: 404, reason: "http_404")
        ),
        Case(
            status: 404,
            body: "{\"error\":{\"code\":\"\(String(repeating: "x", count: 65))\",\"type\":\"some.type-1\"}}",
            error: .refused(status: 404, reason: "some.type-1")
        ),
    ]

    @Test(arguments: cases)
    func `an error is told as what to do about it`(example: Case) async throws {
        let stage = OpenAIStage(.refusal(example.status, example.body, headers: example.headers))
        let error = try await stage.failure()
        #expect(error == example.error)
        #expect(!"\(error)".contains("secret"))
        #expect(stage.transport.calls.count == 1)
    }

    @Test(arguments: [
        #"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#,
        #"{"error":{"message":"Unknown field"}}"#,
        #"{"detail":[{"loc":["body","stream_options"],"msg":"extra fields not permitted"}]}"#,
    ])
    func `a server that refuses stream_options is asked without, from then on`(body: String) async throws {
        let stage = OpenAIStage(.refusal(400, body), Self.answer, Self.answer)
        #expect(try await stage.respond().text == "Hi")
        var other = ModelRequest.question
        other.model = "another"
        #expect(try await stage.respond(to: other).text == "Hi")
        #expect(stage.sent.map { $0["stream_options"] != nil } == [true, false, false])
    }

    @Test func `a model that refuses a temperature is asked without, from then on`() async throws {
        let stage = OpenAIStage(
            .refusal(
                400,
                #"{"error":{"message":"Unsupported value","param":"temperature","code":"unsupported_value"}}"#
            ),
            Self.answer,
            Self.answer,
            Self.answer
        )
        var request = ModelRequest.question
        request.temperature = 0.5
        _ = try await stage.respond(to: request)
        _ = try await stage.respond(to: request)
        request.model = "another"
        _ = try await stage.respond(to: request)
        #expect(stage.sent.map { $0["temperature"] != nil } == [true, false, false, true])
    }

    @Test func `a server that wants the other token limit gets it`() async throws {
        let stage = OpenAIStage(
            .refusal(
                400,
                #"{"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#
            ),
            Self.answer
        )
        var request = ModelRequest.question
        request.maximumOutputTokens = 300
        _ = try await stage.respond(to: request)
        #expect(stage.sent.map { $0["max_tokens"] } == [300, nil])
        #expect(stage.sent.map { $0["max_completion_tokens"] } == [nil, 300])
    }

    @Test func `a reasoning model that takes tools only without reasoning is asked so`() async throws {
        let stage = OpenAIStage(
            .refusal(
                400,
                #"{"error":{"message":"Function tools with reasoning_effort are not supported; set reasoning_effort to 'none'.","param":"reasoning_effort"}}"#
            ),
            Self.answer
        )
        var request = ModelRequest.question
        request.tools = [ToolDefinition(name: "stock", description: "", parameters: ["type": "object"])]
        _ = try await stage.respond(to: request)
        #expect(stage.sent.map { $0["reasoning_effort"] } == [nil, "none"])
    }

    @Test func `a server that refuses everything is not asked for ever`() async throws {
        let refusal =
            #"{"error":{"message":"temperature max_tokens max_completion_tokens stream_options not supported"}}"#
        let answers = Array(repeating: Result<HTTPAnswer, TransportError>.refusal(400, refusal), count: 50)
        let transport = RecordingTransport(answers)
        let model = OpenAICompatibleModel(
            baseURL: "http://localhost/v1",
            apiKey: nil,
            transport: transport,
            clock: ManualClock()
        )
        var request = ModelRequest.question
        request.temperature = 1
        request.maximumOutputTokens = 300
        await #expect(throws: ModelError.refused(status: 400, reason: "http_400")) {
            try await model.respond(to: request)
        }
        #expect(transport.calls.count == 4)
    }

    private static let answer = Result<HTTPAnswer, TransportError>.stream(
        #"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#
    )
}
