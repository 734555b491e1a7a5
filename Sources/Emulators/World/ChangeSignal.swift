import Synchronization

/// Wakes whoever waits for something new in the transcript or the exchanges.
final class ChangeSignal: Sendable {
    private struct State {
        var next = 0
        var waiters: [Int: AsyncStream<Void>.Continuation] = [:]
    }
    private let state = Mutex(State())

    func raise() {
        let waiters = state.withLock { Array($0.waiters.values) }
        for waiter in waiters { waiter.yield() }
    }

    /// Asks `found` now and after every change, until it answers or the time is over.
    func wait<Found: Sendable>(upTo limit: Duration, for found: @escaping @Sendable () -> Found?) async -> Found? {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.next += 1
            state.waiters[state.next] = continuation
            return state.next
        }
        defer { _ = state.withLock { $0.waiters.removeValue(forKey: id) } }
        if let now = found() { return now }
        guard limit > .zero else { return nil }
        return await withTaskGroup(of: Found?.self) { group in
            group.addTask {
                for await _ in stream { if let value = found() { return value } }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}
