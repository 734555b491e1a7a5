import Crypto
import ParleyCore

/// Carries out the tool calls of one step: at the same time, each within its time, each answered whatever happens.
struct Toolbox: Sendable {
    let definitions: [ToolDefinition]

    private let tools: [String: any Tool]
    private let clock: any Clockwork
    private let context: ToolContext

    init(tools: [any Tool], clock: any Clockwork, context: ToolContext) {
        definitions = tools.map(\.definition)
        self.tools = Dictionary(tools.map { ($0.definition.name, $0) }) { first, _ in first }
        self.clock = clock
        self.context = context
    }

    /// The results' texts, in the order of the calls.
    func carryOut(_ calls: [ToolCall], for turn: inout AgentTurn) async throws(CancellationError) -> [String] {
        let keys = calls.map(CallKey.init)
        let fresh = admit(calls, keys, &turn)
        let results = try await inParallel(fresh.map { calls[$0] }, until: turn.deadline)
        for (index, result) in zip(fresh, results) {
            turn.results[keys[index]] = result
            record(result, of: calls[index], in: &turn)
        }
        return zip(calls, keys).map { _, key in turn.results[key]?.content ?? ToolTrouble.limit }
    }

    /// Which calls to make: not those that this turn has made already, and not more than it may.
    private func admit(_ calls: [ToolCall], _ keys: [CallKey], _ turn: inout AgentTurn) -> [Int] {
        var fresh: [Int] = []
        var admitted: Set<CallKey> = []
        var refused = 0
        for (index, key) in keys.enumerated() {
            if let earlier = turn.results[key], !mayRepeat(calls[index], earlier) || admitted.contains(key) {
                turn.note("tool", "duplicate", calls[index].name.clipped(toUTF8: 64), "answered before")
            } else if admitted.contains(key) {
                turn.note("tool", "duplicate", calls[index].name.clipped(toUTF8: 64), "asked twice in one step")
            } else if turn.toolCalls < Limits.toolCallsPerTurn {
                turn.toolCalls += 1
                admitted.insert(key)
                fresh.append(index)
            } else {
                refused += 1
            }
        }
        if refused > 0 || turn.toolCalls >= Limits.toolCallsPerTurn {
            turn.note("limit", "limited", "toolCallsPerTurn", "\(Limits.toolCallsPerTurn), \(refused) not made")
        }
        return fresh
    }

    /// A read that failed may succeed now; a write that seemed to fail may have happened.
    private func mayRepeat(_ call: ToolCall, _ earlier: CallResult) -> Bool {
        earlier.isError && tools[call.name]?.isReadOnly == true
    }

    private func inParallel(
        _ calls: [ToolCall],
        until deadline: Timestamp
    ) async throws(CancellationError) -> [CallResult] {
        let byIndex = await withTaskGroup(of: (Int, CallResult?).self) { group in
            for (index, call) in calls.enumerated() {
                group.addTask { (index, await carryOut(call, until: deadline)) }
            }
            var results: [Int: CallResult] = [:]
            for await (index, result) in group { results[index] = result }
            return results
        }
        if Task.isCancelled { throw CancellationError() }
        return calls.indices.map { byIndex[$0] ?? CallResult(ToolTrouble.timeout, verdict: "timeout") }
    }

    /// nil when the task was cancelled.
    private func carryOut(_ call: ToolCall, until deadline: Timestamp) async -> CallResult? {
        let start = clock.now
        guard let tool = tools[call.name] else {
            return CallResult(ToolTrouble.unknown(call.name, known: definitions.map(\.name)), verdict: "unknown")
        }
        let arguments: JSON
        switch ToolArguments.read(call.arguments, schema: tool.definition.parameters) {
        case .failure(let fault): return CallResult(fault.description, verdict: "invalid")
        case .success(let json): arguments = json
        }
        do {
            let limit = min(Limits.toolTimeout, deadline.since(start))
            let result = try await within(limit, on: clock) { [context] in await tool.call(arguments, in: context) }
            let elapsed = clock.now.since(start)
            guard let result else { return CallResult(ToolTrouble.timeout, verdict: "timeout", elapsed: elapsed) }
            return CallResult(result, elapsed: elapsed)
        } catch {
            return nil
        }
    }

    private func record(_ result: CallResult, of call: ToolCall, in turn: inout AgentTurn) {
        let name = call.name.clipped(toUTF8: 64)
        turn.effects += result.effects
        turn.executions.append(
            ToolExecution(
                tool: name,
                arguments: call.arguments.clipped(toUTF8: Limits.toolArgumentBytes),
                resultDigest: Hex.encode(SHA256.hash(data: Array(result.content.utf8))),
                isError: result.isError,
                isCacheHit: result.isCacheHit,
                milliseconds: Int(clamping: result.elapsed.milliseconds)
            )
        )
        turn.note("tool", result.verdict, name, "\(result.content.utf8.count) bytes", result.elapsed)
    }
}

/// A call's result as the model reads it, and what the record needs.
struct CallResult: Sendable {
    let content: String
    let verdict: String
    let isError: Bool
    let isCacheHit: Bool
    let effects: [ToolEffect]
    let elapsed: Duration

    init(_ result: ToolResult, elapsed: Duration) {
        content = result.content.clipped(toUTF8: Limits.toolResultBytes)
        isError = result.isError
        isCacheHit = result.isCacheHit
        effects = result.effects
        verdict = result.isError ? "error" : result.isCacheHit ? "cached" : "ok"
        self.elapsed = elapsed
    }

    /// The loop's own answer to a call that gave none.
    init(_ trouble: String, verdict: String, elapsed: Duration = .zero) {
        content = trouble
        isError = true
        isCacheHit = false
        effects = []
        self.verdict = verdict
        self.elapsed = elapsed
    }
}

/// What makes two calls the same: the tool and its arguments, however they were spelled.
struct CallKey: Sendable, Hashable {
    private let name: String
    private let arguments: String

    init(_ call: ToolCall) {
        name = call.name
        let text = call.arguments.trimmed.isEmpty ? "{}" : call.arguments
        arguments = (try? JSON(parsing: text)).map { String(describing: $0.sorted) } ?? call.arguments
    }
}

extension JSON {
    /// With the members of every object in the order of their names.
    fileprivate var sorted: JSON {
        switch self {
        case .array(let elements): .array(elements.map(\.sorted))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { JSONObject.Member(key: $0.key, value: $0.value.sorted) }
                        .sorted { $0.key < $1.key }
                )
            )
        default: self
        }
    }
}

/// What the model reads when a call could not be made, in words that help it to go on.
private enum ToolTrouble {
    static let timeout =
        "Error: the tool did not answer in time. Tell the customer that this information is not "
        + "available at the moment, or answer without it."
    static let limit = "Error: this call was not made, the limit of tool calls is reached. Answer with what you know."

    static func unknown(_ name: String, known: [String]) -> String {
        "Error: there is no tool named '\(name.clipped(toUTF8: 64))'. Tools: \(known.joined(separator: ", "))."
    }
}
