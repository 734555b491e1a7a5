import Metrics
import ParleyCore
import ServiceLifecycle
import Storage
import Synchronization

/// Puts the events of many webhooks into one durable commit.
///
/// While one batch is being committed the next one gathers, so that the disk decides how large batches are: one event
/// on a quiet day, hundreds under load.
package final class GroupCommitter: Service {
    private struct Submission {
        let entries: [InboxEntry]
        let done: Completion
    }

    /// For each entry whether it is new, or why none of them is kept.
    package typealias Completion = @Sendable (Result<[Bool], any Error>) -> Void

    private struct State {
        var waiting: [Submission] = []
        var waitingEvents = 0
        var loop: CheckedContinuation<Void, Never>?
        var isClosing = false
    }

    private let inbox: InboxStore
    private let clock: any Clockwork
    private let state = Mutex(State())

    package init(_ inbox: InboxStore, clock: any Clockwork) {
        self.inbox = inbox
        self.clock = clock
    }

    /// Returns at once; `done` is called, from any thread, when the entries are on disk or when they are not to be.
    package func keep(_ entries: [InboxEntry], done: @escaping Completion) {
        let (loop, isRefused) = state.withLock { state -> (CheckedContinuation<Void, Never>?, Bool) in
            guard !state.isClosing, state.waitingEvents + entries.count <= Limits.eventsAwaitingCommit else {
                return (nil, true)
            }
            state.waiting.append(Submission(entries: entries, done: done))
            state.waitingEvents += entries.count
            let loop = state.loop
            state.loop = nil
            return (loop, false)
        }
        if isRefused { done(.failure(Overloaded())) }
        loop?.resume()
    }

    /// Too many events wait for a commit, or the process is going down.
    struct Overloaded: Error, CustomStringConvertible {
        var description: String { "too many events wait to be committed" }
    }

    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            while let batch = await nextBatch() { await commit(batch) }
        } onCancelOrGracefulShutdown: {
            let loop = self.state.withLock { state in
                state.isClosing = true
                let loop = state.loop
                state.loop = nil
                return loop
            }
            loop?.resume()
        }
    }

    private func nextBatch() async -> [Submission]? {
        while true {
            let (batch, isClosing) = state.withLock { state -> ([Submission], Bool) in
                var count = 0
                var events = 0
                while count < state.waiting.count, events < Limits.eventsPerCommit {
                    events += state.waiting[count].entries.count
                    count += 1
                }
                let batch = Array(state.waiting.prefix(count))
                state.waiting.removeFirst(count)
                state.waitingEvents -= events
                return (batch, state.isClosing)
            }
            if !batch.isEmpty { return batch }
            if isClosing { return nil }
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    if !state.waiting.isEmpty || state.isClosing { return true }
                    state.loop = continuation
                    return false
                }
                if isDue { continuation.resume() }
            }
        }
    }

    private func commit(_ batch: [Submission]) async {
        do {
            let isNew = try await inbox.keep(batch.flatMap(\.entries), at: clock.now)
            CrashPoint.afterCommit.pass()
            var offset = 0
            for submission in batch {
                submission.done(.success(Array(isNew[offset..<offset + submission.entries.count])))
                offset += submission.entries.count
            }
            Counter(label: "parley_inbox_commits_total").increment()
        } catch {
            // What the database refuses of one webhook is no reason to put off all others.
            if batch.count > 1, Self.isOfTheEvents(error) {
                for submission in batch { await commit([submission]) }
            } else {
                for submission in batch { submission.done(.failure(error)) }
            }
        }
    }

    private static func isOfTheEvents(_ error: any Error) -> Bool {
        switch error {
        case SQLError.busy, SQLError.disconnected, SQLError.cannotWrite: false
        default: !(error is CancellationError)
        }
    }
}
