import ParleyCore
import Synchronization

/// A clock that moves only when a test says so.
package final class ManualClock: Clockwork {
    private struct State {
        var now: Timestamp
        var sleepers: [(wakesAt: Timestamp, continuation: CheckedContinuation<Void, Never>)] = []
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

    package func sleep(for duration: Duration) async throws {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                let wakesAt = state.now.advanced(by: duration)
                guard wakesAt > state.now else { return true }
                state.sleepers.append((wakesAt, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
        try Task.checkCancellation()
    }
}
