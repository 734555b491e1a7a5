import Logging
import ParleyCore
import ServiceLifecycle
import Storage
import Synchronization

/// The heartbeat of every claim that this process holds: no lease is blind while a model or a platform is waited for.
package final class LeaseKeeper: Service {
    private enum Watch {
        /// The work has not ended, and nobody waits for that yet.
        case kept
        case watched(CheckedContinuation<Void, Never>)
        case over
        case lost
    }

    private struct Hold {
        var watch = Watch.kept
        /// Until then nobody can have taken over; counted from before the statement that said so.
        var end: ContinuousClock.Instant
    }

    private let lanes: LaneStore
    private let lease: Duration
    private let clock: any Clockwork
    private let logger: Logger
    private let holds = Mutex<[Claim: Hold]>([:])

    init(_ lanes: LaneStore, lease: Duration, clock: any Clockwork, logger: Logger) {
        self.lanes = lanes
        self.lease = lease
        self.clock = clock
        self.logger = logger
    }

    /// Whether the claim's lease cannot have run out yet.
    ///
    /// A process may stand still at any moment, and go on long after another took over: whoever is about to do what cannot
    /// be undone asks here last. The clock that it asks by does not stand still.
    func isSurelyHeld(_ claim: Claim) -> Bool {
        holds.withLock { holds in
            guard let hold = holds[claim] else { return false }
            if case .lost = hold.watch { return false }
            return ContinuousClock.now < hold.end
        }
    }

    /// Runs `body` while the claim is kept alive. When it is lost, `body` is cancelled and ``Storage/ClaimLost`` thrown,
    /// unless `body` gets its last fenced commit through: then the claim had only just been ended by it.
    ///
    /// - Parameter since: before the statement that made the claim.
    func holding<Result: Sendable>(
        _ claim: Claim,
        since: ContinuousClock.Instant,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        holds.withLock { $0[claim] = Hold(end: since + lease) }
        defer { holds.withLock { _ = $0.removeValue(forKey: claim) } }
        do {
            return try await withThrowingTaskGroup(of: Result.self) { group in
                group.addTask {
                    defer { self.end(claim) }
                    return try await body()
                }
                await self.endOrLoss(of: claim)
                group.cancelAll()
                guard let result = try await group.next() else { throw CancellationError() }
                return result
            }
        } catch {
            if isLost(claim) {
                logger.warning("a claim was lost", metadata: claim.logged)
                throw ClaimLost()
            }
            throw error
        }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await self.clock.sleep(for: self.lease / Limits.heartbeatsPerLease) } catch { return }
                await self.beat()
            }
        }
    }

    private func beat() async {
        let claims = holds.withLock { Array($0.keys) }
        let began = ContinuousClock.now
        do {
            let lost = try await lanes.renew(claims, lease: lease, at: clock.now)
            let watchers = holds.withLock { holds in
                for claim in claims { holds[claim]?.end = began + lease }
                return lost.compactMap { claim -> CheckedContinuation<Void, Never>? in
                    guard let hold = holds[claim] else { return nil }
                    holds[claim]?.watch = .lost
                    return if case .watched(let continuation) = hold.watch { continuation } else { nil }
                }
            }
            for watcher in watchers { watcher.resume() }
        } catch {
            // The leases have not run out yet; the next beat may come through.
            logger.warning("a heartbeat failed", metadata: ["error": "\(error)"])
        }
    }

    private func isLost(_ claim: Claim) -> Bool {
        holds.withLock { if case .lost = $0[claim]?.watch { true } else { false } }
    }

    // Suspends until the work has ended, by itself or because it was cancelled with us, or the claim is lost.
    private func endOrLoss(of claim: Claim) async {
        await withCheckedContinuation { continuation in
            let isOver = holds.withLock { holds in
                guard case .kept = holds[claim]?.watch else { return true }
                holds[claim]?.watch = .watched(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    private func end(_ claim: Claim) {
        let watcher = holds.withLock { holds -> CheckedContinuation<Void, Never>? in
            let watch = holds[claim]?.watch
            if case .lost = watch { return nil }
            holds[claim]?.watch = .over
            return if case .watched(let continuation) = watch { continuation } else { nil }
        }
        watcher?.resume()
    }
}

extension Claim {
    /// For the log. Not the conversation's key, which on WhatsApp is a phone number.
    var logged: Logger.Metadata { ["act": "\(act.rawValue)", "integration": "\(integrationID)", "fence": "\(fence)"] }
}
