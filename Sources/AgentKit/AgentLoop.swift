import ParleyCore

/// The bounded model–tool loop: asks the model, carries out the tools it asks for, and asks again until it answers.
///
/// Whatever fails, the run has a text for the customer and says in its notes what happened.
package struct AgentLoop: Sendable {
    /// What a customer reads when there is no answer; no provider's error ever reaches one.
    package static let apology = "Sorry, I can't answer right now. Your message is saved and a person will look at it."

    private let model: any LanguageModel
    private let tools: [any Tool]
    private let clock: any Clockwork
    private let apology: String

    /// - Parameter apology: must not be empty.
    package init(
        model: any LanguageModel,
        tools: [any Tool],
        clock: any Clockwork,
        apology: String = AgentLoop.apology
    ) {
        self.model = model
        self.tools = tools
        self.clock = clock
        self.apology = apology.trimmed.isEmpty ? AgentLoop.apology : apology
    }

    /// Runs one turn within ``Limits/stepsPerTurn``, ``Limits/toolCallsPerTurn`` and ``Limits/turnDeadline``.
    ///
    /// The tools told to the model are the loop's own, whatever `request` lists. Throws only when the task is cancelled.
    package func run(
        _ request: ModelRequest,
        in context: ToolContext
    ) async throws(CancellationError) -> AgentRun {
        var turn = AgentTurn(request: request, deadline: clock.now.advanced(by: Limits.turnDeadline))
        let caller = ModelCaller(model: model, clock: clock)
        let toolbox = Toolbox(tools: tools, clock: clock, context: context)

        while true {
            turn.steps += 1
            turn.request.tools = turn.mayCallTools ? toolbox.definitions : []
            let answer = try await caller.ask(&turn)
            switch answer {
            case .failed: return turn.finished(.apologised, apology)
            case .outOfTime: return turn.finished(.limited, turn.lastText ?? apology)
            case .text(let text): return turn.finished(.answered, text)
            case .toolCalls(let calls, let text):
                guard turn.mayCallTools else {
                    // It asked for tools although it was given none: the last step is spent.
                    return turn.finished(.limited, turn.lastText ?? apology)
                }
                turn.request.messages.append(.assistant(text: text, toolCalls: calls))
                for (call, content) in zip(calls, try await toolbox.carryOut(calls, for: &turn)) {
                    turn.request.messages.append(.toolResult(callID: call.id, name: call.name, content: content))
                }
            }
        }
    }
}

/// What a turn has come to so far.
struct AgentTurn: Sendable {
    var request: ModelRequest
    let deadline: Timestamp

    var steps = 0
    var toolCalls = 0
    var usage = ModelUsage()
    /// The latest text that accompanied tool calls: better than nothing when a limit ends the turn.
    var lastText: String?
    var answeredBy: String?
    var hasTrimmed = false
    var executions: [ToolExecution] = []
    var effects: [ToolEffect] = []
    var notes: [AgentNote] = []
    /// The results of this turn's calls, so that an identical call is not carried out twice.
    var results: [CallKey: CallResult] = [:]

    init(request: ModelRequest, deadline: Timestamp) {
        self.request = request
        self.deadline = deadline
    }

    /// Once either limit is reached the model is asked a last time, without tools, so that it must answer.
    var mayCallTools: Bool { steps < Limits.stepsPerTurn && toolCalls < Limits.toolCallsPerTurn }

    mutating func note(_ step: String, _ verdict: String, _ rule: String, _ value: String, _ elapsed: Duration = .zero)
    {
        notes.append(
            AgentNote(
                step: step,
                verdict: verdict,
                rule: rule,
                value: value,
                milliseconds: Int(clamping: elapsed.milliseconds)
            )
        )
    }

    mutating func finished(_ outcome: AgentRun.Outcome, _ text: String) -> AgentRun {
        if outcome == .limited, !notes.contains(where: { $0.step == "limit" }) {
            note("limit", "limited", "stepsPerTurn", String(Limits.stepsPerTurn))
        }
        return AgentRun(
            text: text,
            outcome: outcome,
            model: answeredBy ?? request.model,
            usage: usage,
            steps: steps,
            executions: executions,
            effects: effects,
            notes: notes
        )
    }
}
