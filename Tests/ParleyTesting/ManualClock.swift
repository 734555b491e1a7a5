import ParleyCore
import Synchronization

/// A clock that moves only when a test says so.
package final class ManualClock: Clockwork {
    private struct Sleeper {
        let number: Int
        let wakesAt: Timestamp
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now: Timestamp
        var nextNumber = 0
        var sleepers: [Sleeper] = []
        /// Sleepers that were cancelled before they lay down.
        var cancelled: Set<Int> = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    package init(_ now: Timestamp = Timestamp(seconds: 1_760_000_000)) { state = Mutex(State(now: now)) }

    package var now: Timestamp { state.withLock(\.now) }

    package func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let now = state.now
            let woken = state.sleepers.filter { $0.wakesAt <= now }
            state.sleepers.removeAll { $0.wakesAt <= now }
            return woken
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }

    /// Returns when at least `count` tasks sleep on this clock, so that a test knows that advancing it will be felt.
    package func untilSleeping(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                guard state.sleepers.count < count else { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    package func sleep(for duration: Duration) async throws {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { lieDown(number, for: duration, $0) }
        } onCancel: {
            wake(number)
        }
        try Task.checkCancellation()
    }

    private func lieDown(_ number: Int, for duration: Duration, _ continuation: CheckedContinuation<Void, Never>) {
        let resumed = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            let wakesAt = state.now.advanced(by: duration)
            guard wakesAt > state.now, state.cancelled.remove(number) == nil else { return [continuation] }
            state.sleepers.append(Sleeper(number: number, wakesAt: wakesAt, continuation: continuation))
            let count = state.sleepers.count
            let satisfied = state.watchers.filter { $0.count <= count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= count }
            return satisfied
        }
        for continuation in resumed { continuation.resume() }
    }

    private func wake(_ number: Int) {
        let sleeper = state.withLock { state -> Sleeper? in
            guard let index = state.sleepers.firstIndex(where: { $0.number == number }) else {
                state.cancelled.insert(number)
                return nil
            }
            return state.sleepers.remove(at: index)
        }
        sleeper?.continuation.resume()
    }
}
