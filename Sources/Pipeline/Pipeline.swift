import AgentKit
import ChannelKit
import ParleyCore
import ServiceLifecycle
import Storage

/// The product's story in three acts. Each line is one verb, and each act hands over to the next through the database:
/// whatever happens to this process between two acts, the next one goes on from what was committed.
package struct Pipeline: Sendable {
    let parts: PipelineParts

    package init(_ parts: PipelineParts) { self.parts = parts }

    /// **Accept**: a webhook is answered with success only after its events are on disk.
    package func accept(
        _ request: WebhookRequest,
        on channelID: ChannelID,
        for integrationID: ID<Integration>
    ) async throws(AcceptRefusal) -> WebhookAnswer {
        let (channel, entry) = try await find(integrationID, on: channelID)
        let reading = try prove(request, by: channel, for: entry)
        try await keep(reading.events, for: entry, at: request.receivedAt)
        count(reading, on: channelID)
        return reading.answer
    }

    /// The same act for an event loop, which must not wait: `done` is called, from any thread, with the answer that
    /// ``accept(_:on:for:)`` would have returned.
    ///
    /// - Returns: false when the integration has to be looked up first, or the webhook is to be refused; then nothing has
    ///   happened.
    package func accept(
        _ request: WebhookRequest,
        on channelID: ChannelID,
        for integrationID: ID<Integration>,
        done: @escaping @Sendable (Result<WebhookAnswer, AcceptRefusal>) -> Void
    ) -> Bool {
        guard let (channel, entry) = remembered(integrationID, on: channelID),
            let reading = try? prove(request, by: channel, for: entry)
        else { return false }
        keep(reading.events, for: entry, at: request.receivedAt) { outcome in
            if case .success = outcome { count(reading, on: channelID) }
            done(outcome.map { reading.answer })
        }
        return true
    }

    /// **Answer**: the events that wait in one conversation become one turn, committed together with its reply.
    ///
    /// - Returns: the deliveries that the turn put into the outbox, already claimed; nil when there are none, or when
    ///   older ones go first.
    func answer(_ claim: Claim) async throws -> Handover? {
        let waiting = try await gather(claim)
        guard try await isQuiet(waiting, claim: claim) else { return nil }
        guard let question = try await admit(waiting, claim: claim) else { return nil }
        let context = try await recall(question, claim: claim)
        let run = try await think(about: question, with: context)
        return try await commit(run, to: question, with: context, claim: claim)
    }

    /// **Deliver**: what waits for one conversation goes out in order, each send marked before and settled after.
    func deliver(_ handover: Handover) async throws {
        var next = try await take(handover)
        while let delivery = next {
            let outcome = try await send(delivery, claim: handover.claim)
            next = try await settle(delivery, outcome, claim: handover.claim)
        }
    }
}

/// A claim on a conversation's deliveries, and the first of them if it is marked as being sent already.
///
/// An object: a waiting turn's functions have room for it in their frames.
package final class Handover: Sendable {
    let claim: Claim
    /// Before the statement that made the claim.
    let since: ContinuousClock.Instant
    let first: DeliveryRecord?

    init(claim: Claim, since: ContinuousClock.Instant, first: DeliveryRecord?) {
        self.claim = claim
        self.since = since
        self.first = first
    }
}

extension Pipeline {
    /// The loops that drive the acts, in the order of starting.
    package var services: [any Service] {
        [parts.leases, parts.committer, ClaimLoop.delivering(self), ClaimLoop.answering(self)]
    }
}
