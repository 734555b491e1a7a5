import AgentKit
import ParleyCore
import Synchronization

/// The three time limits of a streamed model call: first byte, next byte, whole.
package final class StreamWatch: Sendable {
    private struct State {
        var lastByte: Timestamp?
    }

    private let clock: any Clockwork
    private let start: Timestamp
    private let state = Mutex(State())

    private init(clock: any Clockwork) {
        self.clock = clock
        start = clock.now
    }

    /// Carries out the work, which reports each piece to the watch and heeds cancellation. Throws
    /// ``ModelError/timedOut(phase:)`` (`first_byte`, `idle`, `total`), or what the work throws.
    package static func guarding<Value: Sendable>(
        _ clock: any Clockwork,
        _ work: @escaping @Sendable (StreamWatch) async throws -> Value
    ) async throws -> Value {
        let watch = StreamWatch(clock: clock)
        return try await withThrowingTaskGroup(of: Value.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await work(watch) }
            group.addTask { throw await watch.expiry() }
            // Both children either have a value or throw.
            guard let value = try await group.next() else { throw ModelError.cancelled }
            return value
        }
    }

    package func sawBytes() {
        let now = clock.now
        state.withLock { $0.lastByte = now }
    }

    /// Returns when a limit has passed, or the watch is called off.
    private func expiry() async -> ModelError {
        while true {
            let (due, phase) = next()
            let left = due.since(clock.now)
            guard left > .zero else { return .timedOut(phase: phase) }
            do { try await clock.sleep(for: left) } catch { return .cancelled }
        }
    }

    private func next() -> (due: Timestamp, phase: String) {
        let total = start.advanced(by: Limits.modelTimeout)
        let lastByte = state.withLock { $0.lastByte }
        let next = lastByte?.advanced(by: Limits.modelIdle) ?? start.advanced(by: Limits.modelFirstByte)
        return total <= next ? (total, "total") : (next, lastByte == nil ? "first_byte" : "idle")
    }
}
