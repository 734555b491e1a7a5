import ChannelKit
import CoordinationKit
import Logging
import Metrics
import ParleyCore
import Storage

// The second verb of the second act.
extension Pipeline {
    /// Passes the waiting events through the gates, closes those that are not answered, and picks what one turn answers.
    ///
    /// Nil ends the claim: there was nothing to answer.
    func admit(_ waiting: Waiting, claim: Claim) async throws -> Question? {
        let now = parts.clock.now
        let askable = waiting.events.filter { $0.event.kind.isAsked }
        let taken = waiting.events.last { $0.event.kind == .takeover }
        var situation = waiting.situation
        if situation.conversation == nil, let sender = (askable.last ?? taken)?.event.sender {
            // The conversation may be an old one, and only the person new: what was said in it is read with it.
            situation = try await open(claim, sender: sender, channel: waiting.channel)
        }
        let conversation = situation.conversation
        if let conversation, !askable.isEmpty {
            parts.presence.note(
                conversation.contactID,
                of: conversation.businessID,
                on: waiting.channel.id,
                at: now
            )
        }
        let entry = waiting.entry
        let standing = entry.standing
        let values = Gates.Values(
            isBusinessActive: entry.isBusinessActive,
            isIntegrationActive: entry.integration.isActive,
            isConversationActive: conversation?.isActive ?? true,
            isOwnedByHuman: taken != nil || conversation?.isOwnedByHuman(at: now) ?? false,
            hasReplyInThread: situation.hasReply,
            standing: standing,
            hasToldOfLimit: try await hasTold(standing, in: conversation),
            now: now
        )
        var decided: [DecidedEvent] = []
        for waiting in askable {
            var decisions = Gates.decide(waiting.event, values)
            if decisions.allSatisfy(\.isOpen), let rate = await rate(of: waiting, in: entry, at: now), !rate.isOpen {
                decisions.append(rate)
            }
            decided.append(DecidedEvent(waiting: waiting, decisions: decisions))
        }
        try await settleReports(waiting, claim: claim, conversation: conversation, at: now)
        for decided in decided where !decided.isAnswered {
            guard let closed = decided.decisions.last else { continue }
            try await passOver(decided.waiting, closed, decided.decisions, in: conversation, claim: claim, at: now)
        }
        guard let conversation, let first = decided.first(where: \.isAnswered) else {
            try await parts.turns.end(claim, debounce: waiting.entry.debounce, at: now)
            return nil
        }
        // A command waits for a reply of its own; everything else up to the next command is one thought. What a gate says
        // is not answered by the agent, nor the other way round: whichever comes second is the next turn.
        let group =
            first.waiting.event.answersAlone
            ? [first]
            : Array(
                decided.filter(\.isAnswered)
                    .prefix { !$0.waiting.event.answersAlone && $0.notice == first.notice }
            )
        for told in group { if let rule = told.closedBy { countGated(rule) } }
        return Question(
            waiting: waiting,
            events: group.map(\.waiting),
            notice: first.notice,
            conversation: conversation,
            remembered: situation.remembered,
            steps: claimSteps(group.map(\.waiting), claim: claim, at: now)
                + Admission.steps(group.last?.decisions ?? [], at: now),
            startedAt: now
        )
    }

    // Nil when there is no limit, or nobody to count it for. Without Redis each node counts for itself.
    private func rate(of waiting: WaitingEvent, in entry: DirectoryEntry, at now: Timestamp) async -> GateDecision? {
        guard let limit = entry.contactLimit, let sender = waiting.event.sender else { return nil }
        let decision = await parts.limiter.admit(
            waiting.record.id.description,
            of: .sender(sender.channelUserID, on: entry.integration.id, of: entry.integration.businessID),
            limit,
            at: now
        )
        return Gates.rate(decision, limit)
    }

    private func countGated(_ rule: String) {
        Counter(label: "parley_gated_total", dimensions: [("rule", rule)]).increment()
    }

    // Asked only when a limit is reached: such a turn asks no model.
    private func hasTold(_ standing: UsageStanding?, in conversation: ConversationRecord?) async throws -> Bool {
        guard let standing, standing.reached != nil, let conversation else { return false }
        return try await parts.usage.hasToldOfLimit(
            in: conversation.id,
            of: conversation.businessID,
            since: standing.period.first.start
        )
    }

    private func open(
        _ claim: Claim,
        sender: InboundEvent.Sender,
        channel: any Channel
    ) async throws -> TurnSituation {
        let record = SenderRecord(
            channelUserID: sender.channelUserID,
            name: sender.displayName ?? sender.username,
            username: sender.username,
            phone: sender.phone,
            locale: sender.locale
        )
        try await parts.conversations.open(claim, sender: record, at: parts.clock.now)
        return try await parts.turns.situation(claim, channel: channel.id) { _ in sender.channelUserID }
    }

    // Reports settle deliveries, a takeover hands the conversation to a human, and what cannot be read is closed.
    private func settleReports(
        _ waiting: Waiting,
        claim: Claim,
        conversation: ConversationRecord?,
        at now: Timestamp
    ) async throws {
        let reports = waiting.events.filter { $0.event.kind == .status }
        if !reports.isEmpty {
            let passed = PassedOver(
                closing: reports.map { ($0.record.id, $0.record.dedupeKey) },
                steps: [],
                reports: reports.compactMap { waiting in
                    waiting.event.status.map {
                        PlatformReport(
                            platformMessageID: $0.platformMessageID,
                            deliveryID: $0.deliveryID.flatMap { ID($0) },
                            state: $0.state.rawValue,
                            reason: $0.reason
                        )
                    }
                }
            )
            try await parts.turns.passOver(passed, conversation: conversation, claim: claim, at: now)
            parts.doorbell.ring(.deliver)
        }
        for taken in waiting.events where taken.event.kind == .takeover {
            let passed = PassedOver(
                closing: [(taken.record.id, taken.record.dedupeKey)],
                steps: [JourneyStep("gate", "closed", rule: "takeover", value: "a person answered", at: now)],
                humanUntil: now.advanced(by: Limits.humanOwnership),
                humanMessages: [taken.message]
            )
            try await parts.turns.passOver(passed, conversation: conversation, claim: claim, at: now)
        }
        if !waiting.unreadable.isEmpty {
            parts.logger.error("stored events cannot be read", metadata: ["count": "\(waiting.unreadable.count)"])
            let passed = PassedOver(
                closing: waiting.unreadable.map { ($0.id, $0.dedupeKey) },
                steps: [JourneyStep("gate", "closed", rule: "readable", value: "false", at: now)]
            )
            try await parts.turns.passOver(passed, conversation: nil, claim: claim, at: now)
        }
    }

    private func passOver(
        _ waiting: WaitingEvent,
        _ closed: GateDecision,
        _ decisions: [GateDecision],
        in conversation: ConversationRecord?,
        claim: Claim,
        at now: Timestamp
    ) async throws {
        let passed = PassedOver(
            closing: [(waiting.record.id, waiting.record.dedupeKey)],
            steps: Admission.steps(decisions, at: now),
            messages: closed.keepsMessage ? [waiting.message] : []
        )
        try await parts.turns.passOver(passed, conversation: conversation, claim: claim, at: now)
        countGated(closed.rule)
    }

    private func claimSteps(_ events: [WaitingEvent], claim: Claim, at now: Timestamp) -> [JourneyStep] {
        let first = events.map(\.record.receivedAt).min() ?? now
        return [
            JourneyStep(
                "claim",
                claim.begun > 1 ? "again" : "taken",
                rule: "fence",
                value: "\(claim.fence), \(events.count) event\(events.count == 1 ? "" : "s"), attempt \(claim.begun)",
                milliseconds: Int(clamping: now.since(first).milliseconds),
                at: now
            )
        ]
    }
}

/// An event and what the gates said of it.
private struct DecidedEvent {
    let waiting: WaitingEvent
    let decisions: [GateDecision]

    /// What is said instead of an answer where silence would look like a failure.
    var notice: Notice? {
        guard let closed = decisions.last(where: { !$0.isOpen }), let text = closed.notice,
            closed.isSaidAloud || waiting.event.answersAlone
        else { return nil }
        return Notice(text: text, isOfLimit: closed.isOfLimit)
    }

    /// The rule of the gate that stopped it.
    var closedBy: String? { decisions.last { !$0.isOpen }?.rule }

    var isAnswered: Bool { decisions.allSatisfy(\.isOpen) || notice != nil }
}

enum Admission {
    static func steps(_ decisions: [GateDecision], at now: Timestamp) -> [JourneyStep] {
        decisions.map {
            JourneyStep("gate", $0.isOpen ? "open" : "closed", rule: $0.rule, value: $0.value, at: now)
        }
    }
}

extension InboundEvent.Kind {
    /// Whether a reply is expected.
    fileprivate var isAsked: Bool {
        switch self {
        case .message, .command, .action: true
        case .status, .takeover: false
        }
    }
}

extension WaitingEvent {
    /// The event as a message of the conversation.
    var message: IncomingMessage {
        IncomingMessage(
            id: ID(record.id.uuid),
            text: event.text,
            type: event.kind == .message ? event.attachments.first?.kind ?? "text" : event.kind.rawValue,
            platformMessageID: event.platformMessageID,
            platformTime: event.occurredAt,
            senderName: event.sender.flatMap { $0.displayName ?? $0.username },
            attachments: .array(
                event.attachments.map {
                    .object(present: ["kind": .string($0.kind), "name": $0.name.map { .string($0) }])
                }
            )
        )
    }

    /// What the model reads of it: the text, and in brackets what came with it.
    var modelText: String {
        let attachments = event.attachments.map { attachment in
            "[\(attachment.kind)\(attachment.name.map { ": \($0)" } ?? "")]"
        }
        return ([event.text.trimmed] + attachments).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
