import AgentKit
import ParleyCore

/// A chat completion as it comes together, from a stream's chunks or from one whole object.
struct ChatAnswer: Sendable {
    private(set) var finishReason: String?
    private var text = ""
    private var refusal = ""
    private var calls = ToolCallAssembly()
    private var usage: ModelUsage?
    private var model = ""

    /// Takes a chunk (`delta`) or a whole completion (`message`). Throws what an `error` member says.
    mutating func absorb(_ chunk: JSON, key: Secret<String>?) throws(ModelError) {
        if let error = chunk["error"], !error.isNull { throw OpenAIErrors.error(inStream: chunk, key: key) }
        if let name = chunk["model"]?.string, !name.isEmpty { model = name }
        // Cumulative where it is repeated (Gemini, vLLM): the last one counts.
        if let usage = ModelUsage(openAI: chunk["usage"]) { self.usage = usage }
        // The chunk with the usage has no choice; of several only the first was asked for.
        guard let choice = chunk["choices"]?.array?.first(where: { ($0["index"]?.int ?? 0) == 0 }) else { return }
        let message = choice["delta"] ?? choice["message"]
        text += Self.text(of: message?["content"])
        refusal += message?["refusal"]?.string ?? ""
        for fragment in message?["tool_calls"]?.array ?? [] { try calls.absorb(fragment) }
        if let reason = choice["finish_reason"]?.string, !reason.isEmpty { finishReason = reason }
    }

    /// - Parameter promptBytes: the length of what was asked, to estimate from when the server told no usage.
    func response(to request: ModelRequest, promptBytes: Int) -> ModelResponse {
        let calls = calls.finished()
        let text = text.trimmed.isEmpty && !refusal.isEmpty ? refusal : text
        let written = calls.reduce(text.utf8.count) { $0 + $1.name.utf8.count + $1.arguments.utf8.count }
        return ModelResponse(
            text: text,
            toolCalls: calls,
            finish: calls.isEmpty ? finish : .toolCalls,
            usage: usage
                ?? ModelUsage(input: Self.tokens(promptBytes), output: Self.tokens(written), isEstimated: true),
            model: (model.isEmpty ? request.model : model).clipped(toUTF8: 128)
        )
    }

    /// Having calls decides whether tools are wanted: servers end with `stop` then, too.
    private var finish: ModelResponse.Finish {
        switch finishReason?.lowercased() {
        case "length", "max_tokens", "max_output_tokens": .length
        case "content_filter", "safety", "refusal", "prohibited_content", "blocklist", "recitation": .contentFilter
        default: .stop
        }
    }

    /// Content is a string, null, or an array of parts.
    private static func text(of content: JSON?) -> String {
        if let text = content?.string { return text }
        return (content?.array ?? []).map { $0.string ?? $0["text"]?.string ?? "" }.joined()
    }

    /// The measure of ``ParleyCore/Swift/String/estimatedTokens``.
    private static func tokens(_ bytes: Int) -> Int { (bytes * 2 + 6) / 7 }
}

extension ModelUsage {
    /// `usage` of a chat completion; nil when it is missing or says nothing.
    init?(openAI usage: JSON?) {
        guard let usage, usage.object != nil else { return nil }
        func count(_ value: JSON?) -> Int { min(max(0, Int(clamping: value?.int ?? 0)), 1_000_000_000) }
        let input = count(usage["prompt_tokens"])
        // Gemini leaves thinking out of completion_tokens but not out of the total, and bills it.
        let output = max(count(usage["completion_tokens"]), count(usage["total_tokens"]) - input)
        guard input > 0 || output > 0 else { return nil }
        let cached = count(usage["prompt_tokens_details"]?["cached_tokens"] ?? usage["prompt_cache_hit_tokens"])
        self.init(input: input, cached: min(cached, input), output: output)
    }
}
