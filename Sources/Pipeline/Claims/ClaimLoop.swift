import CoordinationKit
import Logging
import ParleyCore
import ServiceLifecycle
import Storage
import Synchronization

/// Claims lanes of one act and works on them, many at once, until the process shuts down.
///
/// A bell only makes it look sooner; looking every ``Limits/poll`` is what correctness rests on.
package struct ClaimLoop: Service {
    private let act: Claim.Act
    private let bell: Bell
    private let atOnce: Int
    private let pipeline: Pipeline
    private let running = Running()
    private let fair = FairShare()

    /// Claims conversations with waiting events, answers them and delivers the replies.
    package static func answering(_ pipeline: Pipeline) -> ClaimLoop {
        ClaimLoop(act: .answer, bell: .answer, atOnce: pipeline.parts.settings.turnsAtOnce, pipeline: pipeline)
    }

    /// Claims conversations with waiting deliveries: what a restart, a retry or a platform's wait has left.
    package static func delivering(_ pipeline: Pipeline) -> ClaimLoop {
        ClaimLoop(act: .deliver, bell: .deliver, atOnce: pipeline.parts.settings.deliveriesAtOnce, pipeline: pipeline)
    }

    private init(act: Claim.Act, bell: Bell, atOnce: Int, pipeline: Pipeline) {
        self.act = act
        self.bell = bell
        self.atOnce = atOnce
        self.pipeline = pipeline
    }

    private var parts: PipelineParts { pipeline.parts }

    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingDiscardingTaskGroup { group in
                while !running.isStopping, !Task.isCancelled {
                    let since = ContinuousClock.now
                    let look = await look()
                    for claim in look.claims {
                        let start = parts.clock.now
                        running.begin()
                        fair.begin(claim.businessID, at: start)
                        group.addTask {
                            await work(on: claim, since: since)
                            fair.end(claim.businessID, since: start, at: parts.clock.now)
                            running.end()
                            parts.doorbell.ringHere(bell)
                        }
                    }
                    try? await pause(after: look, since: since)
                }
                await finish()
                group.cancelAll()
            }
            await letGoOfAll()
        } onGracefulShutdown: {
            running.stop()
            parts.doorbell.ringHere(bell)
        }
    }

    /// What one look at the lanes brought.
    private struct Look {
        var claims: [Claim] = []
        /// There may be more to claim at once.
        var isMoreReady = false
        /// When the next lane's time comes.
        var next: Timestamp?
    }

    private func look() async -> Look {
        let room = min(atOnce - running.count, 64)
        guard room > 0 else { return Look() }
        do {
            try await settle()
            let now = parts.clock.now
            let perBusiness = parts.settings.turnsPerBusiness
            let (ready, next) = try await outlook(at: now)
            let shares = fair.shares(of: ready, room: room, perBusiness: perBusiness, at: now)
            let claims = try await parts.lanes.claim(
                act,
                shares,
                for: parts.settings.holder,
                perBusiness: perBusiness,
                lease: parts.settings.lease,
                at: now
            )
            if running.recover() { parts.logger.notice("work is claimed again", metadata: ["act": "\(act.rawValue)"]) }
            // Whose share was used up may have more.
            let counts = Dictionary(claims.map { ($0.businessID, 1) }, uniquingKeysWith: +)
            let isMoreReady = running.lastSeen != nil || shares.contains { counts[$0.business] == $0.count }
            return Look(claims: claims, isMoreReady: !claims.isEmpty && isMoreReady, next: next)
        } catch is CancellationError {
            return Look()
        } catch {
            // Looked for four times a second, said once for each reason.
            if running.fail("\(error)") {
                parts.logger.error(
                    "cannot claim work; trying again",
                    metadata: ["act": "\(act.rawValue)", "error": "\(error)"]
                )
            }
            return Look()
        }
    }

    // One page of businesses at a time: where more than that wait, the next look goes on behind them.
    private func outlook(at now: Timestamp) async throws -> (ready: [ID<Business>], next: Timestamp?) {
        let page = 256
        let wasFirstPage = running.lastSeen == nil
        let outlook = try await parts.lanes.outlook(act, after: running.lastSeen, upTo: page, at: now)
        running.lastSeen = outlook.ready.count == page ? outlook.ready.last : nil
        guard outlook.ready.isEmpty, !wasFirstPage else { return outlook }
        return try await parts.lanes.outlook(act, upTo: page, at: now)
    }

    // Until the bell rings, the next lane's time comes, or the poll is due. Lanes that are due and were not claimed
    // belong to a business that has enough under way: the bell rings when one of those is done.
    private func pause(after look: Look, since start: ContinuousClock.Instant) async throws {
        if !look.isMoreReady {
            var wait = Limits.poll
            if let next = look.next {
                wait = min(wait, max(next.since(parts.clock.now), .milliseconds(1)))
            }
            try await parts.doorbell.wait(for: bell, atMost: wait)
        }
        // Bells ring all the time where much is under way. Looking again a moment later finds several lanes at once, and
        // delays none of them by what anybody would notice.
        let rest = Limits.claimInterval - (ContinuousClock.now - start)
        if running.count >= Limits.turnsOfALoadedNode, rest > .zero, !running.isStopping {
            try await Task.sleep(for: rest)
        }
    }

    private func work(on claim: Claim, since: ContinuousClock.Instant) async {
        do {
            switch act {
            case .answer:
                let handover = try await parts.leases.holding(claim, since: since) { try await pipeline.answer(claim) }
                guard let handover else { return }
                await deliver(handover)
            case .deliver:
                await deliver(Handover(claim: claim, since: since, first: nil))
            }
        } catch {
            await letGo(of: claim, because: error)
        }
    }

    private func deliver(_ handover: Handover) async {
        do {
            try await parts.leases.holding(handover.claim, since: handover.since) {
                try await pipeline.deliver(handover)
            }
        } catch {
            await letGo(of: handover.claim, because: error)
        }
    }

    // Nothing is lost by failing here: the events and deliveries are committed, and their lane is claimed again.
    private func letGo(of claim: Claim, because error: any Error) async {
        var wait = Duration.seconds(1)
        switch error {
        case is ClaimLost:
            parts.logger.notice("somebody else took over", metadata: claim.logged)
        case is CancellationError: wait = .zero
        case is Orphaned: wait = Limits.releaseMaximum
        default:
            parts.logger.error(
                "work failed and will be tried again",
                metadata: ["act": "\(claim.act.rawValue)", "error": "\(error)"]
            )
        }
        let undone = UndoneClaim(
            claim,
            claimableAt: parts.clock.now.advanced(by: wait),
            isInnocent: isNoFaultOfTheEvents(error)
        )
        do {
            try await parts.lanes.release([undone])
        } catch {
            parts.logger.warning(
                "a claim could not be released yet",
                metadata: ["error": "\(error)"]
            )
            running.owe(undone)
        }
    }

    // A lost lease, a shutdown, a database that was away: counted, many of them would make a culprit of an innocent event.
    private func isNoFaultOfTheEvents(_ error: any Error) -> Bool {
        switch error {
        case is ClaimLost, is CancellationError: true
        case SQLError.busy, SQLError.disconnected, SQLError.cannotWrite: true
        default: false
        }
    }

    // A database that was away did not hear what had to be given back; nothing new is taken before it has.
    private func settle() async throws {
        let owed = running.takeOwed()
        do {
            try await parts.lanes.release(owed)
        } catch {
            for undone in owed { running.owe(undone) }
            throw error
        }
    }

    // What is under way may finish, but not for longer than a shutdown takes.
    private func finish() async {
        let deadline = parts.clock.now.advanced(
            by: act == .answer ? Limits.shutdownOfTurns : Limits.shutdownOfDeliveries
        )
        while running.count > 0, parts.clock.now < deadline, !Task.isCancelled {
            try? await parts.doorbell.wait(for: bell, atMost: .milliseconds(50))
        }
    }
}

extension ClaimLoop {
    // What was cut short is claimed by the next process at once, instead of when its lease has run out.
    private func letGoOfAll() async {
        do {
            try await settle()
            try await parts.lanes.releaseAll(act, of: parts.settings.holder, at: parts.clock.now)
        } catch {
            parts.logger.warning(
                "claims could not be released; their leases will run out",
                metadata: ["error": "\(error)"]
            )
        }
    }
}

extension ClaimLoop: CustomStringConvertible {
    package var description: String { "ClaimLoop(\(act.rawValue))" }
}

/// How much a loop has under way, and where it is.
private final class Running: Sendable {
    private struct State {
        var count = 0
        var isStopping = false
        var lastSeen: ID<Business>?
        var owed: [UndoneClaim] = []
        var failure: String?
    }

    private let state = Mutex(State())

    var count: Int { state.withLock(\.count) }
    var isStopping: Bool { state.withLock(\.isStopping) }
    /// Where the last page of waiting businesses ended.
    var lastSeen: ID<Business>? {
        get { state.withLock(\.lastSeen) }
        set { state.withLock { $0.lastSeen = newValue } }
    }
    /// Claims that are to be given back as soon as the database can be reached.
    func owe(_ undone: UndoneClaim) { state.withLock { $0.owed.append(undone) } }
    func takeOwed() -> [UndoneClaim] {
        state.withLock { state in
            defer { state.owed = [] }
            return state.owed
        }
    }
    /// Whether this failure is another one than the last.
    func fail(_ failure: String) -> Bool {
        state.withLock { state in
            defer { state.failure = failure }
            return state.failure != failure
        }
    }
    /// Whether there was a failure.
    func recover() -> Bool {
        state.withLock { state in
            defer { state.failure = nil }
            return state.failure != nil
        }
    }
    func begin() { state.withLock { $0.count += 1 } }
    func end() { state.withLock { $0.count -= 1 } }
    func stop() { state.withLock { $0.isStopping = true } }
}
