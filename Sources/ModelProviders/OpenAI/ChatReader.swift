import AgentKit
import ParleyCore

/// Reads the body of a successful answer to its end: a stream of events, or one JSON object from a server that does not
/// stream.
struct ChatReader: Sendable {
    let key: Secret<String>?

    func read(_ stream: HTTPStream, _ watch: ModelWatch) async throws -> ChatAnswer {
        var answer = ChatAnswer()
        var parser = ServerSentEventParser()
        var whole: [UInt8]?
        var received = 0
        do {
            while let piece = try await stream.next() {
                watch.sawBytes()
                received += piece.count
                guard received <= Limits.modelAnswerBytes else {
                    throw ModelError.malformed(reason: "answer_too_large")
                }
                // No event begins like JSON, whatever the content type says.
                if received == piece.count, let first = piece.first(where: { $0 > 0x20 }),
                    first == UInt8(ascii: "{") || first == UInt8(ascii: "[")
                {
                    whole = []
                }
                if whole != nil {
                    whole?.append(contentsOf: piece)
                } else {
                    for event in try parser.feed(piece) where try take(event, into: &answer) { return answer }
                }
            }
        } catch let error as TransportError {
            // All was said but the usage: asking again would cost a second time.
            guard answer.finishReason != nil else { throw error }
            return answer
        }
        if let whole { return try read(whole) }
        if let event = parser.finish(), try take(event, into: &answer) { return answer }
        guard answer.finishReason != nil else { throw ModelError.malformed(reason: "truncated") }
        return answer
    }

    /// Whether the stream has said that it is done.
    private func take(_ event: ServerSentEvent, into answer: inout ChatAnswer) throws(ModelError) -> Bool {
        let data = event.data.trimmed
        if data.isEmpty { return false }
        if data == "[DONE]" { return true }
        guard let chunk = try? JSON(parsing: data) else { throw .malformed(reason: "not_json") }
        if event.name == "error" { throw OpenAIErrors.error(inStream: chunk, key: key) }
        try answer.absorb(chunk, key: key)
        return false
    }

    private func read(_ whole: [UInt8]) throws(ModelError) -> ChatAnswer {
        guard let parsed = try? JSON(parsing: whole) else { throw .malformed(reason: "truncated") }
        let completion = parsed.array?.first ?? parsed
        var answer = ChatAnswer()
        try answer.absorb(completion, key: key)
        guard completion["choices"]?[0] != nil else { throw .malformed(reason: "no_choices") }
        return answer
    }
}
