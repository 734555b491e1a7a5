import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

/// A model at a server whose answers the test wrote down.
struct OpenAIStage: Sendable {
    static let key = "sk-very-secret"

    let transport: RecordingTransport
    let model: OpenAICompatibleModel

    init(
        _ answers: Result<HTTPAnswer, TransportError>...,
        baseURL: String = "http://localhost:11434/v1",
        clock: any Clockwork = ManualClock(Timestamp(seconds: 1_795_262_645))
    ) {
        transport = RecordingTransport(answers)
        model = OpenAICompatibleModel(
            baseURL: baseURL,
            apiKey: Secret(Self.key),
            transport: transport,
            clock: clock
        )
    }

    func respond(to request: ModelRequest = .question) async throws -> ModelResponse {
        try await model.respond(to: request)
    }

    /// The error of a request that must fail.
    func failure(of request: ModelRequest = .question) async throws -> ModelError {
        try #require(
            await #expect(throws: ModelError.self) { try await model.respond(to: request) }
        )
    }

    /// The bodies that were sent.
    var sent: [JSON] { transport.calls.compactMap { try? JSON(parsing: $0.body) } }
}

extension ModelRequest {
    static let question = ModelRequest(
        model: "small",
        instructions: "Be kind.",
        messages: [.user(text: "Hi", name: nil)],
        now: Timestamp(seconds: 1_795_262_645)
    )
}

extension Result where Success == HTTPAnswer, Failure == TransportError {
    /// A stream of these chunks, as OpenAI sends it, `[DONE]` included.
    static func stream(_ chunks: String...) -> Self {
        body((chunks + ["[DONE]"]).map { "data: \($0)\n\n" }.joined())
    }

    static func body(
        _ text: String,
        status: Int = 200,
        headers: [(name: String, value: String)] = [("content-type", "text/event-stream")]
    ) -> Self {
        .success(HTTPAnswer(status: status, headers: headers, body: Array(text.utf8)))
    }

    static func refusal(_ status: Int, _ body: String, headers: [(name: String, value: String)] = []) -> Self {
        .body(body, status: status, headers: headers)
    }
}
