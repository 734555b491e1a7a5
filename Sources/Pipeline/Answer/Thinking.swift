import AgentKit
import ChannelKit
import CoordinationKit
import ParleyCore
import Storage

// The fourth verb of the second act. No transaction is open while it works.
extension Pipeline {
    /// Runs the model–tool loop, and shows that somebody is typing while it takes time.
    func think(about question: Question, with context: TurnContext) async throws -> AgentRun {
        if let notice = question.notice { return .said(notice.text) }
        guard let asking = context.asking else { return .givenUp }
        let loop = AgentLoop(model: asking.agent.model, tools: asking.agent.tools, clock: parts.clock)
        let toolContext = ToolContext(
            businessID: question.conversation.businessID,
            conversationID: question.conversation.id,
            contactID: question.conversation.contactID,
            channel: question.channel.id,
            now: parts.clock.now
        )
        guard asking.showsTyping, let typing = question.channel as? any TypingChannel else {
            return try await loop.run(asking.request, in: toolContext)
        }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await showTyping(on: typing, for: question) }
            defer { group.cancelAll() }
            return try await loop.run(asking.request, in: toolContext)
        }
    }

    private func showTyping(on channel: some TypingChannel, for question: Question) async throws {
        // A reply that comes at once needs no announcement, and no call that counts against a rate limit.
        try await parts.clock.sleep(for: .milliseconds(400))
        while true {
            // Typing yields to what must be delivered, and takes nothing from the conversation's own rate.
            let until = try await parts.governor.admit(
                SendScope(
                    question.conversation.businessID,
                    question.entry.integration.id,
                    question.conversation.id
                ),
                parts.settings.keepsSendRates
                    ? SendRates(integration: SendRates(question.channel.manifest).integration) : .unlimited,
                as: .yielding,
                at: parts.clock.now
            )
            if until == nil {
                await channel.showTyping(
                    at: question.replyAddress,
                    as: question.entry.integration,
                    over: parts.transport
                )
            }
            try await parts.clock.sleep(for: channel.typingInterval)
        }
    }
}

extension AgentRun {
    /// A gate's own words; no model was asked.
    static func said(_ notice: String) -> AgentRun {
        AgentRun(text: notice, outcome: .limited, model: UsageRecord.noModel, usage: ModelUsage(), steps: 0)
    }

    /// For what was begun in vain so often that it seems to be what kills the process, or what can never be answered.
    static var givenUp: AgentRun {
        AgentRun(
            text: AgentLoop.apology,
            outcome: .apologised,
            model: UsageRecord.noModel,
            usage: ModelUsage(),
            steps: 0,
            notes: [
                AgentNote(
                    step: "limit",
                    verdict: "given_up",
                    rule: "beginnings",
                    value: "more than \(Limits.turnAttempts)"
                )
            ]
        )
    }
}
