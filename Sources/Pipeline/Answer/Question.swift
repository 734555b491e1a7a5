import ChannelKit
import ParleyCore
import Storage

/// An inbox event with what its channel read from it.
struct WaitingEvent: Sendable {
    let record: InboxEvent
    let event: InboundEvent
}

/// What waits in a claimed conversation.
struct Waiting: Sendable {
    let entry: DirectoryEntry
    let channel: any Channel
    let events: [WaitingEvent]
    /// Events whose stored form cannot be read; they are closed and said aloud, never left to block the lane.
    let unreadable: [InboxEvent]
    let situation: TurnSituation
}

/// What one turn answers: one event that wants a reply of its own, or all that were written in one breath.
struct Question: Sendable {
    let waiting: Waiting
    let events: [WaitingEvent]
    /// What a closed gate says in place of the agent; nil when the agent answers.
    let notice: String?
    let conversation: ConversationRecord
    let remembered: [RememberedMessage]
    let steps: [JourneyStep]
    let startedAt: Timestamp

    var entry: DirectoryEntry { waiting.entry }
    var channel: any Channel { waiting.channel }

    /// All that was asked, for searching and for finding contact details.
    var text: String { events.map(\.event.text).joined(separator: "\n") }

    /// Where the reply goes: to the latest event.
    var replyAddress: JSON { events.last?.event.replyAddress ?? [:] }

    /// Several people may speak here.
    var isRoom: Bool { events.contains { !$0.event.isDirect } }
}
