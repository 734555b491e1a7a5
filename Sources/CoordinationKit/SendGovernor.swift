import ParleyCore
import Synchronization

/// When a platform has told us to wait, until when: for one conversation, or for a whole integration.
///
/// A 429 is the platform's word and outlives the attempt that met it; every other send of the same scope waits too.
package protocol SendGovernor: Sendable {
    /// Until when nothing may be sent there; nil when now is fine.
    func heldUntil(
        _ integrationID: ID<Integration>,
        conversation: ID<Conversation>,
        at now: Timestamp
    ) async -> Timestamp?
    func hold(_ integrationID: ID<Integration>, conversation: ID<Conversation>?, until time: Timestamp) async
}

/// The governor of a single process.
package final class LocalSendGovernor: SendGovernor {
    private struct State {
        var integrations: [ID<Integration>: Timestamp] = [:]
        var conversations: [ID<Conversation>: Timestamp] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func heldUntil(
        _ integrationID: ID<Integration>,
        conversation: ID<Conversation>,
        at now: Timestamp
    ) async -> Timestamp? {
        state.withLock { state in
            let holds = [state.integrations[integrationID], state.conversations[conversation]].compactMap(\.self)
            guard let latest = holds.max(), latest > now else { return nil }
            return latest
        }
    }

    package func hold(_ integrationID: ID<Integration>, conversation: ID<Conversation>?, until time: Timestamp) async {
        state.withLock { state in
            if let conversation {
                state.conversations = state.conversations.count > 10_000 ? [:] : state.conversations
                state.conversations[conversation] = max(time, state.conversations[conversation] ?? time)
            } else {
                state.integrations[integrationID] = max(time, state.integrations[integrationID] ?? time)
            }
        }
    }
}
