import ParleyCore

/// Everything that a finished model–tool loop hands to the turn's commit.
package struct AgentRun: Sendable {
    package enum Outcome: String, Sendable {
        case answered
        /// The model failed for good: ``text`` is the polite apology.
        case apologised
        /// A limit ended the loop: ``text`` is what there was, or the apology.
        case limited
    }

    /// The reply, in Markdown; never empty.
    package var text: String
    package var outcome: Outcome
    package var model: String
    package var usage: ModelUsage
    package var steps: Int
    package var executions: [ToolExecution]
    package var effects: [ToolEffect]
    /// What happened, for the journey, in order.
    package var notes: [AgentNote]

    package init(
        text: String,
        outcome: Outcome,
        model: String,
        usage: ModelUsage,
        steps: Int,
        executions: [ToolExecution] = [],
        effects: [ToolEffect] = [],
        notes: [AgentNote] = []
    ) {
        self.text = text
        self.outcome = outcome
        self.model = model
        self.usage = usage
        self.steps = steps
        self.executions = executions
        self.effects = effects
        self.notes = notes
    }
}

/// One tool call that was made.
package struct ToolExecution: Sendable {
    package var tool: String
    /// As the model wrote them, clipped.
    package var arguments: String
    /// SHA-256 of the result, hex; the result itself is not kept.
    package var resultDigest: String
    package var isError: Bool
    package var isCacheHit: Bool
    package var milliseconds: Int

    package init(
        tool: String,
        arguments: String,
        resultDigest: String,
        isError: Bool,
        isCacheHit: Bool,
        milliseconds: Int
    ) {
        self.tool = tool
        self.arguments = arguments
        self.resultDigest = resultDigest
        self.isError = isError
        self.isCacheHit = isCacheHit
        self.milliseconds = milliseconds
    }
}

/// A line of the journey: which rule decided what, by which value.
package struct AgentNote: Sendable, Equatable {
    /// `model`, `tool`, `limit`.
    package var step: String
    /// `ok`, `retry`, `failed`, `limited`, …
    package var verdict: String
    /// The rule that decided: a limit's or a tool's name.
    package var rule: String
    package var value: String
    package var milliseconds: Int

    package init(step: String, verdict: String, rule: String, value: String, milliseconds: Int = 0) {
        self.step = step
        self.verdict = verdict
        self.rule = rule
        self.value = value
        self.milliseconds = milliseconds
    }
}
