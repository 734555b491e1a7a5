import ChannelKit
import ParleyCore
import Storage

/// A claim without its integration or channel: the row was removed, or this process does not speak the channel.
struct Orphaned: Error, CustomStringConvertible {
    var description: String {
        "the channel integration of a waiting conversation is gone, or its channel is not spoken"
    }
}

// The first verb of the second act.
extension Pipeline {
    /// Reads what waits in the claim's conversation.
    func gather(_ claim: Claim) async throws -> Waiting {
        guard let entry = try await parts.directory.integration(claim.integrationID),
            let channel = parts.channels[entry.integration.channel]
        else { throw Orphaned() }
        let hint = await parts.recollection.hint(for: claim)
        let situation = try await parts.turns.situation(claim, channel: channel.id, hint: hint) { events in
            events.compactMap { InboundEvent(json: $0.event)?.sender?.channelUserID }.last
        }
        parts.recollection.count(hint, in: situation)
        var events: [WaitingEvent] = []
        var unreadable: [InboxEvent] = []
        for record in situation.events {
            if let event = InboundEvent(json: record.event) {
                events.append(WaitingEvent(record: record, event: event))
            } else {
                unreadable.append(record)
            }
        }
        return Waiting(entry: entry, channel: channel, events: events, unreadable: unreadable, situation: situation)
    }

    /// Whether nobody seems to be still writing. If somebody is, the claim has been given back until they are done: one
    /// thought that is sent as four messages gets one answer.
    func isQuiet(_ waiting: Waiting, claim: Claim) async throws -> Bool {
        let now = parts.clock.now
        // Somebody who opens the chat to write makes WhatsApp report what they have read.
        let said = waiting.events.filter { $0.event.kind != .status }
        let received = said.map(\.record.receivedAt)
        guard let first = received.min(), let latest = received.max(), said.allSatisfy({ $0.event.isHeldBack })
        else { return true }
        let quietAt = latest.advanced(by: waiting.entry.debounce)
        // A claim is never on the dot; what is a moment early is not worth another round.
        guard min(quietAt, first.advanced(by: Limits.debounceMaximum)) > now.advanced(by: .milliseconds(10)) else {
            return true
        }
        try await parts.turns.putOff(claim, debounce: waiting.entry.debounce, at: now)
        return false
    }
}
