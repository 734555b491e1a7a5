import ParleyCore

extension [ModelMessage] {
    /// About half as long, for a model that found the conversation too long.
    ///
    /// The oldest messages go, a tool call always together with its results, and never the last question or what
    /// followed it. When there is nothing older, the tools' results are cut instead.
    func shortened() -> [ModelMessage] {
        let question = lastIndex { if case .user = $0 { true } else { false } } ?? 0
        guard question > 0 else { return map { $0.cut(toUTF8: Limits.toolResultBytes / 16) } }
        let budget = reduce(0) { $0 + $1.estimatedTokens } / 2
        var left = reduce(0) { $0 + $1.estimatedTokens }
        var start = 0
        // Ends only in front of a user's message: providers want one first, and no pair is torn that way.
        while start < question, left > budget || !self[start].isFromUser || start == 0 {
            left -= self[start].estimatedTokens
            start += 1
        }
        return Array(self[start...])
    }
}

extension ModelMessage {
    fileprivate var isFromUser: Bool { if case .user = self { true } else { false } }

    fileprivate var estimatedTokens: Int {
        switch self {
        case .user(let text, let name): text.estimatedTokens + (name?.estimatedTokens ?? 0)
        case .assistant(let text, let calls):
            calls.reduce(text.estimatedTokens) { $0 + $1.name.estimatedTokens + $1.arguments.estimatedTokens }
        case .toolResult(_, _, let content): content.estimatedTokens
        }
    }

    fileprivate func cut(toUTF8 bytes: Int) -> ModelMessage {
        guard case .toolResult(let id, let name, let content) = self else { return self }
        return .toolResult(callID: id, name: name, content: content.clipped(toUTF8: bytes))
    }
}
