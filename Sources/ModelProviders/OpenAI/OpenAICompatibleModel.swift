import AgentKit
import ParleyCore

/// Chat completions at OpenAI, Ollama, Gemini's OpenAI layer, vLLM, OpenRouter, or anything that speaks like them.
package struct OpenAICompatibleModel: LanguageModel {
    private let baseURL: String
    private let apiKey: Secret<String>?
    private let transport: any HTTPTransport
    private let clock: any Clockwork
    private let dialects = OpenAIDialects()

    /// - Parameter baseURL: up to the version, `https://api.openai.com/v1`.
    package init(baseURL: String, apiKey: Secret<String>?, transport: any HTTPTransport, clock: any Clockwork) {
        var baseURL = baseURL.trimmed
        while baseURL.hasSuffix("/") { baseURL.removeLast() }
        self.baseURL = baseURL
        self.apiKey = apiKey
        self.transport = transport
        self.clock = clock
    }

    package func respond(
        to request: ModelRequest,
        watchedBy watch: ModelWatch
    ) async throws(ModelError) -> ModelResponse {
        guard baseURL.hasPrefix("https://") || baseURL.hasPrefix("http://") else {
            throw .refused(status: 0, reason: "base_url_without_scheme")
        }
        var dialect = dialects[request.model]
        while true {
            // The call is made anew where it is needed: as JSON it would fill memory while the model thinks.
            let asked = OpenAIRequest(request: request, isOpenAI: isOpenAI, dialect: dialect)
            switch try await exchange(call(asked.json), watch) {
            case .answer(let answer, let promptBytes):
                return answer.response(to: request, promptBytes: promptBytes)
            case .rejected(let rejection):
                // Each thing is learned once, so this ends.
                guard rejection.status == 400 || rejection.status == 422,
                    let learned = dialect.learning(from: ProviderComplaint(rejection.json), about: asked.json)
                else { throw error(rejection) }
                dialect = learned
                dialects.remember(learned, of: request.model)
            }
        }
    }

    private enum Exchange: Sendable {
        case answer(ChatAnswer, promptBytes: Int)
        case rejected(HTTPAnswer)
    }

    private func exchange(_ call: HTTPCall, _ watch: ModelWatch) async throws(ModelError) -> Exchange {
        do {
            watch.callBegins()
            return try await transport.stream(call) { [apiKey] stream in
                watch.sawBytes()
                guard (200..<300).contains(stream.status) else {
                    return .rejected(try await Self.rejection(stream, watch))
                }
                let answer = try await ChatReader(key: apiKey).read(stream, watch)
                return .answer(answer, promptBytes: call.body.count)
            }
        } catch let error as ModelError {
            throw error
        } catch TransportError.answerTooLarge {
            throw .malformed(reason: "answer_too_large")
        } catch TransportError.invalidURL {
            throw .refused(status: 0, reason: "invalid_url")
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .connection
        }
    }

    private func call(_ body: JSON) -> HTTPCall {
        var headers = [(name: "accept", value: "text/event-stream")]
        apiKey?.reveal { key in
            if !key.isEmpty { headers.append((name: "authorization", value: "Bearer \(key)")) }
        }
        var call = HTTPCall.json(
            .post,
            "\(baseURL)/chat/completions",
            headers: headers,
            body,
            timeout: Limits.modelTimeout
        )
        call.maximumAnswerBytes = Limits.modelAnswerBytes
        return call
    }

    /// What was refused, as far as 64 KiB say why.
    private static func rejection(_ stream: HTTPStream, _ watch: ModelWatch) async throws -> HTTPAnswer {
        var body: [UInt8] = []
        while body.count < 64 << 10, let piece = try await stream.next() {
            watch.sawBytes()
            body += piece
        }
        return HTTPAnswer(status: stream.status, headers: stream.headers, body: body)
    }

    private func error(_ rejection: HTTPAnswer) -> ModelError {
        OpenAIErrors.error(
            status: rejection.status,
            header: rejection.header,
            body: rejection.json,
            now: clock.now,
            key: apiKey
        )
    }

    private var isOpenAI: Bool {
        let host = baseURL.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" && $0 != ":" }
        return host.lowercased() == "api.openai.com"
    }
}
