import ParleyCore
import Synchronization

/// Decides when something may be sent: within the rates of an integration and of a conversation, and not before the end
/// of a wait that the platform has asked for.
///
/// A 429 is the platform's word and outlives the attempt that met it; every other send of the same scope waits too.
package protocol SendGovernor: Sendable {
    /// Takes the right to one send, waiting for its turn up to ``SendPriority/patience``.
    ///
    /// - Returns: nil when it may be sent now; otherwise when to come again. Throws on cancellation alone.
    func admit(
        _ scope: SendScope,
        _ rates: SendRates,
        as priority: SendPriority,
        at now: Timestamp
    ) async throws -> Timestamp?

    /// Nothing is admitted before `time`: to the conversation, or to the whole integration.
    func hold(_ scope: SendScope, wholeIntegration: Bool, until time: Timestamp) async
}

/// Where something is sent.
package struct SendScope: Sendable, Hashable {
    package let businessID: ID<Business>
    package let integrationID: ID<Integration>
    package let conversationID: ID<Conversation>

    package init(_ businessID: ID<Business>, _ integrationID: ID<Integration>, _ conversationID: ID<Conversation>) {
        self.businessID = businessID
        self.integrationID = integrationID
        self.conversationID = conversationID
    }
}

package enum SendPriority: Sendable {
    /// Somebody waits for it.
    case reply
    /// Previews and typing: they take what is to spare, at once or not at all.
    case yielding

    /// The longest wait for a turn that is worth keeping a delivery in hand; a longer one goes back to the outbox.
    package var patience: Duration { self == .reply ? .seconds(1) : .zero }

    package func reserve(of rate: SendRate) -> Int { self == .reply ? 0 : rate.reserve }
}

/// The governor of a single process, and of each while there is no common one.
package final class LocalSendGovernor: SendGovernor {
    fileprivate struct State {
        var integrationHolds: [ID<Integration>: Timestamp] = [:]
        var conversationHolds: [ID<Conversation>: Timestamp] = [:]
        var integrations: [ID<Integration>: SendMeter] = [:]
        var conversations: [ID<Conversation>: SendMeter] = [:]
    }

    private let clock: any Clockwork
    private let state = Mutex(State())

    package init(clock: any Clockwork = SystemClock()) { self.clock = clock }

    package func admit(
        _ scope: SendScope,
        _ rates: SendRates,
        as priority: SendPriority,
        at now: Timestamp
    ) async throws -> Timestamp? {
        try await admit(scope, rates, as: priority, share: 1, at: now)
    }

    /// - Parameter share: how much of an integration's rate belongs to this process. A conversation is answered by one
    ///   process at a time, so its rate is not divided.
    package func admit(
        _ scope: SendScope,
        _ rates: SendRates,
        as priority: SendPriority,
        share: Double,
        at now: Timestamp
    ) async throws -> Timestamp? {
        if let until = heldUntil(scope, at: now) { return until }
        var now = now
        for part in [Part.conversation, .integration] {
            guard let rate = part.rate(of: rates) else { continue }
            let turn = state.withLock { state in
                state.take(part, scope, rate, share: part == .integration ? share : 1, priority, at: now)
            }
            switch turn {
            case .tooLate(let wait): return now.advanced(by: wait)
            case .after(.zero): continue
            case .after(let wait):
                try await clock.sleep(for: wait)
                now = clock.now
                // Somebody may have been told to wait in the meantime.
                if let until = heldUntil(scope, at: now) { return until }
            }
        }
        return nil
    }

    package func hold(_ scope: SendScope, wholeIntegration: Bool, until time: Timestamp) async {
        state.withLock { state in
            if wholeIntegration {
                let known = state.integrationHolds[scope.integrationID] ?? time
                state.integrationHolds[scope.integrationID] = max(time, known)
            } else {
                if state.conversationHolds.count > 10_000 {
                    let now = clock.now
                    state.conversationHolds = state.conversationHolds.filter { $0.value > now }
                }
                let known = state.conversationHolds[scope.conversationID] ?? time
                state.conversationHolds[scope.conversationID] = max(time, known)
            }
        }
    }

    /// Until when a platform has asked us to wait; nil when it has not.
    package func heldUntil(_ scope: SendScope, at now: Timestamp) -> Timestamp? {
        state.withLock { state in
            let holds = [
                state.integrationHolds[scope.integrationID], state.conversationHolds[scope.conversationID],
            ].compactMap(\.self)
            guard let latest = holds.max(), latest > now else { return nil }
            return latest
        }
    }

    fileprivate enum Part {
        case conversation, integration

        func rate(of rates: SendRates) -> SendRate? {
            self == .conversation ? rates.conversation : rates.integration
        }
    }
}

extension LocalSendGovernor.State {
    // Idle meters say nothing; what is beyond this many is swept.
    private static var capacity: Int { 20_000 }

    fileprivate mutating func take(
        _ part: LocalSendGovernor.Part,
        _ scope: SendScope,
        _ rate: SendRate,
        share: Double,
        _ priority: SendPriority,
        at now: Timestamp
    ) -> SendMeter.Turn {
        let reserve = priority.reserve(of: rate)
        switch part {
        case .conversation:
            if conversations.count > Self.capacity {
                conversations = conversations.filter { !$0.value.isIdle(at: now) }
            }
            return conversations[scope.conversationID, default: SendMeter()].take(
                rate,
                share: share,
                leaving: reserve,
                within: priority.patience,
                at: now
            )
        case .integration:
            if integrations.count > Self.capacity { integrations = integrations.filter { !$0.value.isIdle(at: now) } }
            return integrations[scope.integrationID, default: SendMeter()].take(
                rate,
                share: share,
                leaving: reserve,
                within: priority.patience,
                at: now
            )
        }
    }
}
