import AgentKit
import ChannelKit
import Metrics
import ParleyCore
import Storage

/// What an operator may switch, and what each switch may say; null leaves a turn as it is.
package enum Flag: String, CaseIterable, Sendable {
    /// Another model than the agent's, by the name that settings use.
    case model
    /// Other instructions than the agent's: a new prompt, tried on some of the contacts.
    case instructions
    /// Tools that the model is not offered, as an array of names.
    case withoutTools = "without_tools"
    /// Whether people see that somebody is typing.
    case typing

    /// Why the flag cannot say this; nil when it can.
    package func problem(with value: JSON) -> String? {
        let isFine =
            switch self {
            case .model, .instructions: value.string?.trimmed.isEmpty == false
            case .withoutTools:
                value.array.map { !$0.isEmpty && $0.allSatisfy { $0.string?.isEmpty == false } } ?? false
            case .typing: value.bool != nil
            }
        return isFine || value.isNull ? nil : "it must be \(expectation)"
    }

    /// What it takes, in words.
    package var expectation: String {
        switch self {
        case .model: "offline, openai:NAME or ollama:NAME"
        case .instructions: "a text"
        case .withoutTools: "names of tools with commas between them"
        case .typing: "on or off"
        }
    }
}

/// A turn as its flags have it.
struct FlaggedTurn: Sendable {
    var agent: AgentProfile
    var showsTyping = true
    /// Why it is so.
    var steps: [JourneyStep] = []
}

extension Pipeline {
    /// What the flags say to this contact. A turn that asks no model asks no flag.
    func flagged(_ agent: AgentProfile, for question: Question, at now: Timestamp) async throws -> FlaggedTurn {
        var turn = FlaggedTurn(agent: agent)
        guard question.notice == nil else { return turn }
        let flags = try await parts.directory.flags()
        guard !flags.isEmpty else { return turn }
        let contact = question.conversation.contactID.description
        for flag in Flag.allCases {
            guard
                let answer = flags.answer(
                    flag.rawValue,
                    business: question.conversation.businessID,
                    channel: question.channel.id,
                    subject: contact,
                    at: now
                )
            else { continue }
            let done = apply(flag, answer.value, to: &turn, in: question)
            turn.steps.append(
                JourneyStep(
                    "flag",
                    answer.variant ?? "set",
                    rule: flag.rawValue,
                    value: "\(done), by the \(answer.scope.words)",
                    at: now
                )
            )
            FlagMetrics.turns.increment(FlagVariant(flag: flag.rawValue, variant: answer.variant ?? "none"))
        }
        return turn
    }

    /// What came of it, in words. A flag that cannot be followed leaves the turn as it is: somebody waits.
    private func apply(_ flag: Flag, _ value: JSON, to turn: inout FlaggedTurn, in question: Question) -> String {
        if value.isNull { return "as without it" }
        guard flag.problem(with: value) == nil else { return "not followed: not \(flag.expectation)" }
        switch flag {
        case .model:
            guard let name = value.string, let (model, called) = parts.directory.model(named: name) else {
                return "not followed: no such model"
            }
            guard question.conversation.modelOverride == nil else {
                return "not followed: the conversation has a model of its own"
            }
            (turn.agent.model, turn.agent.modelName) = (model, called)
            return name
        case .instructions:
            turn.agent.instructions = value.string ?? ""
            return "instructions \(turn.agent.promptVersion)"
        case .withoutTools:
            let names = value.array?.compactMap(\.string) ?? []
            turn.agent.tools.removeAll { names.contains($0.definition.name) }
            return names.joined(separator: ", ")
        case .typing:
            turn.showsTyping = value.bool ?? true
            return turn.showsTyping ? "on" : "off"
        }
    }
}

extension FeatureFlag.Scope {
    fileprivate var words: String {
        switch self {
        case .global: "flag for all"
        case .channel(let channel): "flag of the channel \(channel)"
        case .business: "flag of the business"
        }
    }
}

private struct FlagVariant: Hashable {
    let flag: String
    let variant: String
}

private enum FlagMetrics {
    static let turns = CounterFamily<FlagVariant>("parley_flagged_turns_total") {
        [("flag", $0.flag), ("variant", $0.variant)]
    }
}
