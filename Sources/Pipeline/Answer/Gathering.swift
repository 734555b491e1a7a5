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
        let situation = try await parts.turns.situation(claim, channel: channel.id) { events in
            events.compactMap { InboundEvent(json: $0.event)?.sender?.channelUserID }.last
        }
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
}
