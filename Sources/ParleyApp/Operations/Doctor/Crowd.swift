import ParleyCore

/// Many questions at once, a bounded number in flight, all of them before one deadline.
package enum Crowd {
    /// The answers in the order of the questions; nil for each that was not there in time. What is late is cancelled and
    /// waited for, so it must heed cancellation.
    package static func answers<Answer: Sendable>(
        to questions: [@Sendable () async -> Answer],
        atOnce: Int,
        within limit: Duration,
        on clock: any Clockwork
    ) async -> [Answer?] {
        await withTaskGroup(of: Outcome<Answer>.self) { group in
            var answers = [Answer?](repeating: nil, count: questions.count)
            var left = questions.count
            var next = 0
            func askNext() {
                guard next < questions.count else { return }
                let (index, question) = (next, questions[next])
                next += 1
                group.addTask { .answer(index, await question()) }
            }
            guard left > 0 else { return answers }
            group.addTask {
                try? await clock.sleep(for: limit)
                return .deadline
            }
            for _ in 0..<max(1, atOnce) { askNext() }
            while left > 0, let outcome = await group.next() {
                guard case .answer(let index, let answer) = outcome else { break }
                answers[index] = answer
                left -= 1
                askNext()
            }
            group.cancelAll()
            return answers
        }
    }

    private enum Outcome<Answer: Sendable>: Sendable {
        case answer(Int, Answer)
        case deadline
    }
}
