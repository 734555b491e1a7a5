import ChannelKit
import CoordinationKit
import Logging
import Metrics
import ParleyCore
import Storage

/// Why a webhook is not accepted, with the HTTP status that says so.
package enum AcceptRefusal: Error, Sendable, Equatable {
    /// 404: no such integration on this channel.
    case unknownIntegration
    case refused(WebhookRefusal)
    /// 503: nothing was stored; the platform will post again.
    case cannotKeep

    package var status: Int {
        switch self {
        case .unknownIntegration: 404
        case .refused(let refusal): refusal.status
        case .cannotKeep: 503
        }
    }

    /// One word for the counters.
    package var reason: String {
        switch self {
        case .unknownIntegration: "unknown_integration"
        case .refused(let refusal): refusal.reason
        case .cannotKeep: "cannot_keep"
        }
    }
}

// The verbs of the first act.
extension Pipeline {
    func find(
        _ id: ID<Integration>,
        on channelID: ChannelID
    ) async throws(AcceptRefusal) -> (any Channel, DirectoryEntry) {
        guard let channel = parts.channels[channelID] else { throw .unknownIntegration }
        let entry: DirectoryEntry?
        do {
            entry = try await parts.directory.integration(id)
        } catch {
            throw .cannotKeep
        }
        guard let entry, entry.integration.channel == channelID else { throw .unknownIntegration }
        return (channel, entry)
    }

    func prove(
        _ request: WebhookRequest,
        by channel: any Channel,
        for entry: DirectoryEntry
    ) throws(AcceptRefusal) -> WebhookReading {
        do throws(WebhookRefusal) {
            return try channel.read(request, for: entry.integration)
        } catch {
            throw .refused(error)
        }
    }

    func keep(
        _ events: [InboundEvent],
        for entry: DirectoryEntry,
        at now: Timestamp
    ) async throws(AcceptRefusal) {
        guard !events.isEmpty else { return }
        // Ids of one moment are random: sorted, they keep the order in which the webhook has its events.
        let ids = events.map { _ in ID<Inbound>(at: now) }.sorted()
        let entries = zip(ids, events).map { id, event in
            InboxEntry(
                id: id,
                businessID: entry.integration.businessID,
                integrationID: entry.integration.id,
                dedupeKey: event.dedupeKey,
                conversationKey: event.conversationKey,
                kind: event.kind.rawValue,
                position: event.position,
                event: event.json.description,
                receivedAt: now,
                debounce: event.isHeldBack ? entry.debounce : .zero
            )
        }
        do {
            let isNew = try await parts.committer.keep(entries)
            parts.doorbell.ring(.answer)
            let repeated = isNew.count { !$0 }
            if repeated > 0 {
                Counter(
                    label: "parley_webhook_events_repeated_total",
                    dimensions: [("channel", entry.integration.channel.name)]
                ).increment(by: repeated)
            }
        } catch {
            parts.logger.error("cannot keep a webhook; answered 503", metadata: ["error": "\(error)"])
            throw .cannotKeep
        }
    }

    func count(_ reading: WebhookReading, on channel: ChannelID) {
        for event in reading.events { AcceptMetrics.events.increment(ChannelWord(channel.name, event.kind.rawValue)) }
        for kind in reading.ignored {
            // The kind is the platform's word: bounded, so that nobody can fill the registry with names.
            AcceptMetrics.ignored.increment(ChannelWord(channel.name, String(kind.prefix(40))))
        }
    }
}

private enum AcceptMetrics {
    static let events = CounterFamily<ChannelWord>("parley_webhook_events_total") {
        [("channel", $0.channel), ("kind", $0.word)]
    }

    static let ignored = CounterFamily<ChannelWord>("parley_webhook_events_ignored_total") {
        [("channel", $0.channel), ("kind", $0.word)]
    }
}

extension InboundEvent {
    /// Whether more may follow that belongs to the same thought.
    var isHeldBack: Bool { kind == .message && !answersAlone }
}

extension Pipeline {
    /// Whether this process speaks a channel.
    package func speaks(_ channel: ChannelID) -> Bool { parts.channels[channel] != nil }
}
