import Ingress
import ParleyCore
import ServiceLifecycle
import Synchronization

/// Says goodbye before the door is closed: after SIGTERM `/readyz` answers 503 for a while, and webhooks are still taken,
/// until whatever balances between nodes sends the next ones elsewhere. The last service to start, so the first to end.
final class Leaving: Service, Readiness {
    private let grace: Duration
    private let others: any Readiness
    private let clock: any Clockwork
    private let hasBegun = Atomic(false)

    /// - Parameters:
    ///   - grace: how long a balancer needs to notice; none has it end at once.
    ///   - others: whoever else has a say in whether this node is ready.
    init(grace: Duration, others: any Readiness, clock: any Clockwork) {
        self.grace = grace
        self.others = others
        self.clock = clock
    }

    func run() async throws {
        try? await gracefulShutdown()
        hasBegun.store(true, ordering: .relaxed)
        guard grace > .zero, !Task.isCancelled else { return }
        try? await clock.sleep(for: grace)
    }

    func problems() async -> [String] {
        hasBegun.load(ordering: .relaxed) ? ["this node is being shut down"] : await others.problems()
    }

    func losses() async -> [String] { await others.losses() }
}
