import ParleyCore
import Synchronization

/// A hint that there is work. It may be lost, late or false: polling is what correctness rests on.
package protocol Doorbell: Sendable {
    /// Tells every listener of `bell`, on every node, that work may be waiting.
    func ring(_ bell: Bell)

    /// Tells the listeners of this process alone: room has become free here, which is no news to others.
    func ringHere(_ bell: Bell)

    /// Returns when `bell` has rung since the last wait, or after `duration`. Throws on cancellation.
    func wait(for bell: Bell, atMost duration: Duration) async throws
}

package enum Bell: String, Sendable, CaseIterable {
    /// A conversation may be claimable.
    case answer
    /// A delivery may be claimable.
    case deliver
}

/// The doorbell of a single process.
package final class LocalDoorbell: Doorbell {
    private struct State {
        var hasRung: [Bell: Bool] = [:]
        var waiting: [Bell: [UInt64: CheckedContinuation<Void, Never>]] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    package func ring(_ bell: Bell) {
        let waiting = state.withLock { state in
            let waiting = state.waiting.removeValue(forKey: bell) ?? [:]
            if waiting.isEmpty { state.hasRung[bell] = true }
            return waiting
        }
        for continuation in waiting.values { continuation.resume() }
    }

    package func ringHere(_ bell: Bell) { ring(bell) }

    package func wait(for bell: Bell, atMost duration: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Task.sleep(for: duration) }
            group.addTask { await self.rung(bell) }
            try await group.next()
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    private func rung(_ bell: Bell) async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.hasRung.removeValue(forKey: bell) != nil || Task.isCancelled { return true }
                    state.waiting[bell, default: [:]][waiter] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting[bell]?.removeValue(forKey: waiter) }?.resume()
        }
    }
}
