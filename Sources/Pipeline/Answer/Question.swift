import ChannelKit
import ParleyCore
import Storage

/// An inbox event with what its channel read from it.
final class WaitingEvent: Sendable {
    let record: InboxEvent
    let event: InboundEvent

    init(record: InboxEvent, event: InboundEvent) {
        self.record = record
        self.event = event
    }
}

/// What waits in a claimed conversation.
///
/// It, the question and its context are objects: as values they would lie, copied, in the frame of every function that a
/// turn waits in while its model thinks, some fifteen kilobytes a turn.
final class Waiting: Sendable {
    let entry: DirectoryEntry
    let channel: any Channel
    let events: [WaitingEvent]
    /// Events whose stored form cannot be read; they are closed and said aloud, never left to block the lane.
    let unreadable: [InboxEvent]
    let situation: TurnSituation

    init(
        entry: DirectoryEntry,
        channel: any Channel,
        events: [WaitingEvent],
        unreadable: [InboxEvent],
        situation: TurnSituation
    ) {
        self.entry = entry
        self.channel = channel
        self.events = events
        self.unreadable = unreadable
        self.situation = situation
    }
}

/// What a closed gate says.
struct Notice: Sendable, Equatable {
    let text: String
    /// The business has spent what it may: said once in a period.
    let isOfLimit: Bool
}

/// What one turn answers: one event that wants a reply of its own, or all that were written in one breath.
final class Question: Sendable {
    let waiting: Waiting
    let events: [WaitingEvent]
    /// What a closed gate says in place of the agent; nil when the agent answers.
    let notice: Notice?
    let conversation: ConversationRecord
    let remembered: [RememberedMessage]
    let steps: [JourneyStep]
    let startedAt: Timestamp

    init(
        waiting: Waiting,
        events: [WaitingEvent],
        notice: Notice?,
        conversation: ConversationRecord,
        remembered: [RememberedMessage],
        steps: [JourneyStep],
        startedAt: Timestamp
    ) {
        self.waiting = waiting
        self.events = events
        self.notice = notice
        self.conversation = conversation
        self.remembered = remembered
        self.steps = steps
        self.startedAt = startedAt
    }

    var entry: DirectoryEntry { waiting.entry }
    var channel: any Channel { waiting.channel }

    /// All that was asked, for searching and for finding contact details.
    var text: String { events.map(\.event.text).joined(separator: "\n") }

    /// Where the reply goes: to the latest event.
    var replyAddress: JSON { events.last?.event.replyAddress ?? [:] }

    /// Several people may speak here.
    var isRoom: Bool { events.contains { !$0.event.isDirect } }
}
