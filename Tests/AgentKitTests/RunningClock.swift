import ParleyCore
import ParleyTesting
import Synchronization

/// A clock on which the waits between attempts pass at once, and the time limits beside running work never pass.
///
/// The two are told apart by their length: a tool's limit is ``Limits/toolTimeout``, a model call's watch looks again after
/// ``Limits/modelFirstByte``, and no test here waits for just as long between attempts.
final class RunningClock: Clockwork {
    private struct State {
        var now = Timestamp(seconds: 1_760_000_000)
        var waits: [Duration] = []
    }

    private let state = Mutex(State())
    private let still = ManualClock()

    var now: Timestamp { state.withLock(\.now) }

    /// What the loop waited for, in order.
    var waits: [Duration] { state.withLock(\.waits) }

    func sleep(for duration: Duration) async throws {
        if duration == Limits.toolTimeout || duration == Limits.modelFirstByte || duration > .seconds(60) {
            return try await still.sleep(for: duration)
        }
        state.withLock { state in
            state.now = state.now.advanced(by: duration)
            state.waits.append(duration)
        }
    }
}
