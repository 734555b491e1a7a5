import ChannelKit
import CoordinationKit
import Logging
import Metrics
import ParleyCore
import ServiceLifecycle
import Storage

// The verbs of the third act.
extension Pipeline {
    /// The first delivery of the claim that may be sent now, marked as being sent. Nil when the claim has been ended.
    func take(_ handover: Handover) async throws -> DeliveryRecord? {
        if let first = handover.first { return first }
        let claim = handover.claim
        let now = parts.clock.now
        guard let delivery = try await parts.deliveries.next(claim) else {
            try await parts.deliveries.rest(claim, until: nil, at: now)
            return nil
        }
        guard delivery.notBefore <= now else {
            try await parts.deliveries.rest(claim, until: delivery.notBefore, at: now)
            return nil
        }
        switch delivery.state {
        case .waiting:
            try await parts.deliveries.markSending(delivery, mayRepeat: false, claim: claim, at: now)
            return delivery
        case .sending, .uncertain:
            return try await reconcile(delivery, claim: claim)
        case .delivered, .dead:
            // Settled rows are not handed out; were one to be, letting go is the safe answer.
            try await parts.deliveries.rest(claim, until: now.advanced(by: Limits.deliveryBackoff), at: now)
            return nil
        }
    }

    /// Makes one attempt, unless the platform has told us to wait, and says what became of it.
    func send(_ delivery: DeliveryRecord, claim: Claim) async throws -> AttemptOutcome {
        let startedAt = parts.clock.now
        guard let entry = try await parts.directory.integration(delivery.integrationID),
            let channel = parts.channels[entry.integration.channel]
        else {
            return AttemptOutcome(.dead(reason: "the channel integration is gone"), verdict: "dead")
        }
        guard entry.integration.isActive else {
            let later = startedAt.advanced(by: Limits.disabledPause)
            return whileDisabled(delivery, .again(at: later, counts: false), at: startedAt)
        }
        if let held = entry.heldUntil, held > startedAt { return AttemptOutcome(.again(at: held, counts: false)) }
        let until: Timestamp?
        do {
            until = try await parts.governor.admit(
                delivery.scope,
                parts.settings.keepsSendRates ? SendRates(channel.manifest) : .unlimited,
                as: .reply,
                at: startedAt
            )
        } catch {
            // Going down while it waited for its turn: nothing was sent.
            until = startedAt
        }
        if let until { return AttemptOutcome(.again(at: until, counts: false)) }
        let sentAt = parts.clock.now
        let verdict = await channel.send(
            delivery.outgoing(at: sentAt),
            as: entry.integration,
            over: GuardedTransport(transport: parts.transport) { [leases = parts.leases] in leases.isSurelyHeld(claim) }
        )
        CrashPoint.afterSend.pass()
        let now = parts.clock.now
        let milliseconds = Int(clamping: now.since(sentAt).milliseconds)
        count(verdict, of: delivery, on: channel.id)
        await heed(verdict, of: delivery, on: channel.id, at: now)
        return AttemptOutcome(
            settlement(of: verdict, for: delivery, at: now),
            verdict: verdict.word,
            reason: verdict.reason,
            milliseconds: milliseconds,
            steps: [
                JourneyStep(
                    "send",
                    verdict.word,
                    rule: "attempt \(delivery.attempts + 1)",
                    value: verdict.reason ?? verdict.receiptID ?? "",
                    milliseconds: milliseconds,
                    at: now
                )
            ]
        )
    }

    /// Keeps the outcome; the next delivery of the conversation, if it may go out at once.
    func settle(
        _ delivery: DeliveryRecord,
        _ outcome: AttemptOutcome,
        claim: Claim
    ) async throws -> DeliveryRecord? {
        // A process that is going down marks nothing that it may not come to send: the next one could not know that.
        let next = try await parts.deliveries.settle(
            delivery,
            outcome,
            claim: claim,
            goesOn: !Task.isShuttingDownGracefully,
            at: parts.clock.now
        )
        if case .dead(let reason) = outcome.settlement {
            parts.logger.error(
                "a delivery is dead; see: parley dead list",
                metadata: ["delivery": "\(delivery.id)", "reason": "\(reason)"]
            )
        }
        return next
    }

    // Somebody switched the bot off, and may switch it on again: the platform is asked nothing meanwhile.
    private func whileDisabled(
        _ delivery: DeliveryRecord,
        _ rest: AttemptOutcome.Settlement,
        at now: Timestamp
    ) -> AttemptOutcome {
        now.since(delivery.createdAt) > Limits.deliverySpan
            ? AttemptOutcome(.dead(reason: "the channel integration was disabled for 24 h"), verdict: "dead")
            : AttemptOutcome(rest)
    }

    // MARK: Uncertain sends

    /// Finds out what became of a send whose answer was lost, before anything is sent again.
    private func reconcile(_ delivery: DeliveryRecord, claim: Claim) async throws -> DeliveryRecord? {
        let now = parts.clock.now
        let found: Reconciliation
        let entry = try await parts.directory.integration(delivery.integrationID)
        if let entry, !entry.integration.isActive {
            let outcome = whileDisabled(delivery, .uncertain(until: now.advanced(by: Limits.disabledPause)), at: now)
            return try await parts.deliveries.settle(delivery, outcome, claim: claim, at: now)
        }
        if let entry, let channel = parts.channels[entry.integration.channel] as? any ReconcilingChannel {
            found = await channel.reconcile(delivery.outgoing(at: now), as: entry.integration, over: parts.transport)
        } else {
            found = .unknowable
        }
        let step = JourneyStep("reconcile", found.word, rule: "uncertain send", at: now)
        switch found {
        case .arrived(let receipt):
            let outcome = AttemptOutcome(.delivered(platformMessageID: receipt.platformMessageID), steps: [step])
            return try await parts.deliveries.settle(delivery, outcome, claim: claim, at: now)
        case .wait(let duration):
            let outcome = AttemptOutcome(.uncertain(until: now.advanced(by: duration)), steps: [step])
            return try await parts.deliveries.settle(delivery, outcome, claim: claim, at: now)
        case .didNotArrive:
            try await parts.deliveries.markSending(delivery, mayRepeat: false, claim: claim, at: now)
            return delivery
        case .unknowable:
            // Sent again rather than lost, and never in silence.
            try await parts.deliveries.markSending(delivery, mayRepeat: true, claim: claim, at: now)
            Counter(label: "parley_possible_duplicates_total").increment()
            parts.logger.warning("sending again what may have arrived", metadata: ["delivery": "\(delivery.id)"])
            return delivery.flaggedAsRepeat
        }
    }

    // MARK: Verdicts

    private func settlement(
        of verdict: Verdict,
        for delivery: DeliveryRecord,
        at now: Timestamp
    ) -> AttemptOutcome.Settlement {
        let isTooOld = now.since(delivery.createdAt) > Limits.deliverySpan
        let isLastAttempt = delivery.attempts + 1 >= Limits.deliveryAttempts
        let later = now.advanced(by: Backoff.wait(after: delivery.attempts + 1))
        switch verdict {
        case .delivered(let receipt): return .delivered(platformMessageID: receipt.platformMessageID)
        case .dead(let reason, _): return .dead(reason: reason)
        case .retry(let after, _, let reason):
            if isTooOld { return .dead(reason: "not delivered within 24 h: \(reason)") }
            // A wait that the platform asks for is obeyed for as long as the span allows.
            if let after { return .again(at: now.advanced(by: max(after, .milliseconds(50))), counts: false) }
            return isLastAttempt
                ? .dead(reason: "not delivered in \(Limits.deliveryAttempts) attempts: \(reason)") : .again(at: later)
        case .uncertain(let reason):
            // What may have reached somebody twice already is not sent a third time in the dark.
            let isRepeatedEnough = delivery.mayBeDuplicate && delivery.attempts + 1 >= Limits.attemptsInTheDark
            return isLastAttempt || isTooOld || isRepeatedEnough
                ? .dead(reason: "may have arrived; unknown after \(delivery.attempts + 1) attempts: \(reason)")
                : .uncertain(
                    until: now.advanced(by: Backoff.wait(after: delivery.attempts + 1, first: .milliseconds(500)))
                )
        case .formattingRejected(let reason):
            return delivery.usesPlainText
                ? .dead(reason: "rejected even as plain text: \(reason)") : .again(at: now, inPlainText: true)
        case .moved(let address, let reason):
            return isLastAttempt ? .dead(reason: "moved too often: \(reason)") : .again(at: now, address: address)
        }
    }

    // What a verdict means for others: everything in its scope waits, or the business is told.
    private func heed(_ verdict: Verdict, of delivery: DeliveryRecord, on channel: ChannelID, at now: Timestamp) async {
        switch verdict {
        case .retry(let after?, let scope, _):
            let until = now.advanced(by: after)
            await parts.governor.hold(delivery.scope, wholeIntegration: scope != .conversation, until: until)
            // What holds for one conversation is kept with its delivery.
            if scope != .conversation {
                await parts.directory.noteHold(of: delivery.integrationID, in: delivery.businessID, until: until)
            }
        case .dead(let reason, .integration):
            await parts.directory.noteRefusal(of: delivery.integrationID, in: delivery.businessID, reason: reason)
        default: break
        }
    }

    private func count(_ verdict: Verdict, of delivery: DeliveryRecord, on channel: ChannelID) {
        Counter(
            label: "parley_delivery_attempts_total",
            dimensions: [("channel", channel.name), ("verdict", verdict.word)]
        ).increment()
    }
}

extension DeliveryRecord {
    fileprivate var scope: SendScope { SendScope(businessID, integrationID, conversationID) }

    func outgoing(at now: Timestamp) -> OutgoingDelivery {
        OutgoingDelivery(
            id: id,
            payload: payload,
            address: address,
            attempt: attempts + 1,
            usesPlainText: usesPlainText,
            mayRepeat: mayBeDuplicate,
            createdAt: createdAt,
            now: now
        )
    }
}

extension Verdict {
    fileprivate var receiptID: String? {
        if case .delivered(let receipt) = self { receipt.platformMessageID } else { nil }
    }
}

extension Reconciliation {
    fileprivate var word: String {
        switch self {
        case .arrived: "arrived"
        case .didNotArrive: "did_not_arrive"
        case .wait: "waiting"
        case .unknowable: "unknowable"
        }
    }
}
