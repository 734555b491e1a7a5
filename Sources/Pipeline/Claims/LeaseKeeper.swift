import Logging
import ParleyCore
import ServiceLifecycle
import Storage
import Synchronization

/// The heartbeat of every claim that this process holds: no lease is blind while a model or a platform is waited for.
package final class LeaseKeeper: Service {
    private struct State {
        var held: [Claim: CheckedContinuation<Void, Never>?] = [:]
    }

    private let lanes: LaneStore
    private let clock: any Clockwork
    private let logger: Logger
    private let state = Mutex(State())

    init(_ lanes: LaneStore, clock: any Clockwork, logger: Logger) {
        self.lanes = lanes
        self.clock = clock
        self.logger = logger
    }

    /// Runs `body` while the claim is kept alive. Cancels it and throws ``Storage/ClaimLost`` when it is lost.
    func holding<Result: Sendable>(
        _ claim: Claim,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        state.withLock { $0.held[claim] = .some(nil) }
        defer { state.withLock { _ = $0.held.removeValue(forKey: claim) } }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await self.loss(of: claim)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else { throw ClaimLost() }
            return result
        }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await self.clock.sleep(for: Limits.heartbeat) } catch { return }
                await self.beat()
            }
        }
    }

    private func beat() async {
        let claims = state.withLock { Array($0.held.keys) }
        do {
            for claim in try await lanes.renew(claims, lease: Limits.lease, at: clock.now) {
                logger.warning("a claim was lost", metadata: ["conversation": "\(claim.conversationKey)"])
                state.withLock { $0.held[claim].flatMap(\.self) }?.resume()
                state.withLock { if $0.held[claim] != nil { $0.held[claim] = .some(nil) } }
            }
        } catch {
            // The leases have not run out yet; the next beat may come through.
            logger.warning("a heartbeat failed", metadata: ["error": "\(error)"])
        }
    }

    // Suspends until the claim is lost, or the task is cancelled because the work is done.
    private func loss(of claim: Claim) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard !Task.isCancelled, state.held[claim] != nil else { return true }
                    state.held[claim] = .some(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                let waiting = state.held[claim].flatMap(\.self)
                if state.held[claim] != nil { state.held[claim] = .some(nil) }
                return waiting
            }
            waiting?.resume()
        }
    }
}
