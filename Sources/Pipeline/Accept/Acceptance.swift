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

    /// The same without a query; nil when nothing is remembered, which says nothing about whether it exists.
    func remembered(_ id: ID<Integration>, on channelID: ChannelID) -> (any Channel, DirectoryEntry)? {
        guard let channel = parts.channels[channelID], let entry = parts.directory.remembered(id),
            entry.integration.channel == channelID
        else { return nil }
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
        let outcome = await withCheckedContinuation { continuation in
            keep(events, for: entry, at: now) { continuation.resume(returning: $0) }
        }
        try outcome.get()
    }

    /// Returns at once; `done` is called, from any thread, when the events are on disk or when they are not to be.
    func keep(
        _ events: [InboundEvent],
        for entry: DirectoryEntry,
        at now: Timestamp,
        done: @escaping @Sendable (Result<Void, AcceptRefusal>) -> Void
    ) {
        guard !events.isEmpty else { return done(.success(())) }
        parts.committer.keep(inboxEntries(of: events, for: entry, at: now)) { outcome in
            switch outcome {
            case .success(let isNew):
                parts.doorbell.ring(.answer)
                countRepeated(isNew, on: entry.integration.channel)
                done(.success(()))
            case .failure(let error):
                parts.logger.error("cannot keep a webhook; answered 503", metadata: ["error": "\(error)"])
                done(.failure(.cannotKeep))
            }
        }
    }

    private func inboxEntries(
        of events: [InboundEvent],
        for entry: DirectoryEntry,
        at now: Timestamp
    ) -> [InboxEntry] {
        // Ids of one moment are random: sorted, they keep the order in which the webhook has its events.
        let ids = events.map { _ in ID<Inbound>(at: now) }.sorted()
        return zip(ids, events).map { id, event in
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
    }

    private func countRepeated(_ isNew: [Bool], on channel: ChannelID) {
        let repeated = isNew.count { !$0 }
        guard repeated > 0 else { return }
        Counter(label: "parley_webhook_events_repeated_total", dimensions: [("channel", channel.name)])
            .increment(by: repeated)
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
