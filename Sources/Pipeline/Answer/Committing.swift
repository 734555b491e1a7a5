import AgentKit
import ChannelKit
import CoordinationKit
import Metrics
import ParleyCore
import Storage

// The last verb of the second act.
extension Pipeline {
    /// Renders the reply for its channel and commits the whole turn under its claim.
    func commit(
        _ run: AgentRun,
        to question: Question,
        with context: TurnContext,
        claim: Claim
    ) async throws -> Handover? {
        let now = parts.clock.now
        let calls = render(run.text, for: question)
        let outcome = question.notice.map { $0.isOfLimit ? "limited" : "gated" } ?? run.outcome.rawValue
        let cost = try await parts.directory.prices().cost(
            of: run.model,
            input: run.usage.input,
            cached: run.usage.cached,
            output: run.usage.output,
            at: now
        )
        let details = Findings(run, in: question, looksAtText: context.asking != nil)
        let latency = now.since(question.startedAt)
        let commit = TurnCommit(
            turnID: ID(at: now),
            conversation: question.conversation,
            channel: question.channel.id,
            sessionID: context.sessionID,
            startsSession: context.startsSession,
            closing: question.events.map { ($0.record.id, $0.record.dedupeKey) },
            incoming: question.events.map(\.message),
            replyID: ID(at: now),
            reply: run.text,
            deliveries: calls.map {
                NewDelivery(id: ID(at: now), address: question.replyAddress, payload: $0.payload, text: $0.text)
            },
            outcome: outcome,
            intent: run.executions.last?.tool,
            model: run.model,
            promptVersion: context.asking?.agent.promptVersion ?? "",
            tokensIn: run.usage.input,
            tokensOut: run.usage.output,
            tokensCached: run.usage.cached,
            costMicros: cost,
            latencyMilliseconds: Int(clamping: latency.milliseconds),
            executions: run.executions.map {
                TurnCommit.Execution(
                    tool: $0.tool,
                    arguments: $0.arguments,
                    resultDigest: $0.resultDigest,
                    isError: $0.isError,
                    isCacheHit: $0.isCacheHit,
                    milliseconds: $0.milliseconds
                )
            },
            leads: details.leads,
            humanUntil: details.isHandedOver ? now.advanced(by: Limits.humanOwnership) : nil,
            usedKnowledge: details.usedKnowledge,
            memory: details.memory,
            steps: question.steps + context.steps + run.notes.map { JourneyStep($0, at: now) }
                + [
                    JourneyStep(
                        "commit",
                        outcome,
                        rule: "reply",
                        value: "\(calls.count) deliver\(calls.count == 1 ? "y" : "ies")",
                        milliseconds: Int(clamping: latency.milliseconds),
                        at: now
                    )
                ],
            debounce: question.entry.debounce,
            lease: parts.settings.lease
        )
        let since = ContinuousClock.now
        let delivering = try await parts.turns.commit(commit, claim: claim, at: now)
        parts.recollection.keep(after: commit, remembered: question.remembered, claim: claim, at: now)
        Counter(
            label: "parley_turns_total",
            dimensions: [("channel", question.channel.id.name), ("outcome", outcome)]
        ).increment()
        Timer(label: "parley_turn_seconds").recordNanoseconds(
            latency.microseconds.multipliedReportingOverflow(by: 1000).0
        )
        guard let delivering else {
            parts.doorbell.ring(.deliver)
            return nil
        }
        return Handover(claim: delivering.claim, since: since, first: delivering.first)
    }
}

extension Pipeline {
    /// The reply in the channel's own shape. A text in which nothing is visible becomes the apology: somebody waits.
    private func render(_ text: String, for question: Question) -> [OutgoingCall] {
        for markdown in [text, AgentLoop.apology] {
            let calls = question.channel.render(
                ReplyDocument(markdown: markdown),
                to: question.replyAddress,
                for: question.entry.integration
            )
            if !calls.isEmpty { return calls }
        }
        return []
    }
}

/// What a turn found out: from the tools' effects, and from contact details that were simply written.
private struct Findings {
    var leads: [LeadFields] = []
    var isHandedOver = false
    var usedKnowledge: [ID<KnowledgeEntry>] = []
    var memory: JSON

    init(_ run: AgentRun, in question: Question, looksAtText: Bool) {
        memory = question.conversation.memory
        // Found even when no tool is called: a customer who writes their number wants to be called.
        if looksAtText {
            add(ContactDetails.find(in: question.text), name: question.conversation.contactName, intent: "message")
        }
        for effect in run.effects {
            switch effect {
            case .captureLead(let details):
                add(details, name: question.conversation.contactName, intent: "capture_lead")
            case .handOver: isHandedOver = true
            case .usedKnowledge(let entry): usedKnowledge.append(entry)
            }
        }
    }

    private mutating func add(_ details: LeadDetails, name: String?, intent: String) {
        guard !details.isEmpty else { return }
        memory = ContactMemory.enriched(memory, with: details)
        leads.append(
            LeadFields(
                name: details.name ?? name,
                email: details.email,
                phone: details.phone,
                interest: details.interest,
                sourceIntent: intent
            )
        )
    }
}

extension JourneyStep {
    fileprivate init(_ note: AgentNote, at now: Timestamp) {
        self.init(
            note.step,
            note.verdict,
            rule: note.rule,
            value: note.value,
            milliseconds: note.milliseconds,
            at: now
        )
    }
}
