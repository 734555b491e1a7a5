import ParleyCore

/// One step: asks the model until it answers, within its attempts and the turn's deadline.
struct ModelCaller: Sendable {
    enum Answer {
        case text(String)
        case toolCalls([ToolCall], text: String)
        /// For good: another attempt would not help, or there is none left.
        case failed
        case outOfTime
    }

    let model: any LanguageModel
    let clock: any Clockwork

    func ask(_ turn: inout AgentTurn) async throws(CancellationError) -> Answer {
        var attempt = 1
        while true {
            let start = clock.now
            guard let result = await ModelWatch.ask(model, turn.request, until: turn.deadline, on: clock) else {
                return outOfTime(&turn, since: start)
            }
            switch result {
            case .success(let response):
                turn.usage = turn.usage + response.usage
                turn.answeredBy = response.model.isEmpty ? turn.answeredBy : response.model
                let text = response.text.withoutThinking.trimmed
                if !text.isEmpty || !response.toolCalls.isEmpty {
                    turn.note("model", "ok", turn.answeredBy ?? turn.request.model, response.usage.line, since(start))
                    guard !response.toolCalls.isEmpty else { return .text(text) }
                    if !text.isEmpty { turn.lastText = text }
                    return .toolCalls(response.toolCalls, text: text)
                }
                // Out of tokens or censored: it would be so again. An empty stop happens, and seldom twice.
                guard response.finish == .stop, attempt < Limits.modelAttempts else {
                    turn.note("model", "failed", "empty_\(response.finish.rawValue)", response.usage.line, since(start))
                    return .failed
                }
                turn.note("model", "retry", "empty_stop", response.usage.line, since(start))

            case .failure(.contextTooLong) where !turn.hasTrimmed:
                turn.hasTrimmed = true
                let before = turn.request.messages
                turn.request.messages = before.shortened()
                guard turn.request.messages != before else {
                    turn.note("model", "failed", "context_too_long", "nothing to leave out", since(start))
                    return .failed
                }
                let value = "\(before.count) → \(turn.request.messages.count) messages"
                turn.note("model", "shortened", "context_too_long", value, since(start))
                continue

            case .failure(let error):
                if error == .cancelled, Task.isCancelled { throw CancellationError() }
                guard error.mayRetry, attempt < Limits.modelAttempts else {
                    turn.note("model", "failed", error.word, error.detail, since(start))
                    return .failed
                }
                let wait = max(
                    .zero,
                    error.retryAfter
                        ?? Backoff.wait(
                            after: attempt,
                            first: Limits.modelBackoff,
                            maximum: Limits.modelBackoffMaximum
                        )
                )
                guard clock.now.advanced(by: wait) < turn.deadline else {
                    turn.note("model", "failed", error.word, "retry after the turn's deadline", since(start))
                    return .failed
                }
                let value = [error.detail, "wait \(wait.milliseconds) ms"].filter { !$0.isEmpty }.joined(
                    separator: ", "
                )
                turn.note("model", "retry", error.word, value, since(start))
                do { try await clock.sleep(for: wait) } catch { throw CancellationError() }
            }
            attempt += 1
        }
    }

    private func outOfTime(_ turn: inout AgentTurn, since start: Timestamp) -> Answer {
        turn.note("limit", "limited", "turnDeadline", "\(Limits.turnDeadline.milliseconds) ms", since(start))
        return .outOfTime
    }

    private func since(_ start: Timestamp) -> Duration { clock.now.since(start) }
}

extension ModelUsage {
    /// `input/cached/output`, as the journey has it.
    var line: String { "\(input)/\(cached)/\(output)" }
}

extension ModelError {
    /// What the journey may tell beside the ``word``; providers' own words, never their messages.
    var detail: String {
        switch self {
        case .unavailable(let reason, _), .malformed(let reason): reason
        case .refused(let status, let reason): "\(status) \(reason)"
        case .unauthorised(let status): "\(status)"
        case .timedOut(let phase): phase
        case .rateLimited, .connection, .contextTooLong, .quotaExhausted, .cancelled: ""
        }
    }
}
