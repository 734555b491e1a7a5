import AgentKit
import ParleyCore
import Synchronization

/// A model that says what the test wrote down, and remembers what it was asked.
package final class ScriptedModel: LanguageModel {
    package typealias Line = @Sendable (ModelRequest) async -> Result<ModelResponse, ModelError>

    private struct State {
        var requests: [ModelRequest] = []
        var lines: [Line]
        let last: Line
    }

    private let state: Mutex<State>

    /// - Parameters:
    ///   - lines: in the order of the calls.
    ///   - last: says every call after them; by default an error that nobody retries.
    package init(
        lines: [Line],
        last: @escaping Line = { _ in .failure(.refused(status: 0, reason: "script_ended")) }
    ) {
        state = Mutex(State(lines: lines, last: last))
    }

    package convenience init(_ results: [Result<ModelResponse, ModelError>]) {
        self.init(lines: results.map { result in { _ in result } })
    }

    /// Says one and the same for ever.
    package convenience init(always result: Result<ModelResponse, ModelError>) {
        self.init(lines: [], last: { _ in result })
    }

    package var requests: [ModelRequest] { state.withLock(\.requests) }

    package func respond(
        to request: ModelRequest,
        watchedBy watch: ModelWatch
    ) async throws(ModelError) -> ModelResponse {
        let line = state.withLock { state in
            state.requests.append(request)
            return state.lines.isEmpty ? state.last : state.lines.removeFirst()
        }
        return try await line(request).get()
    }
}

extension LanguageModel {
    /// One call with all its time limits but a turn's.
    package func respond(
        to request: ModelRequest,
        on clock: any Clockwork = SystemClock()
    ) async throws(ModelError) -> ModelResponse {
        let never = clock.now.advanced(by: .seconds(1_000_000_000))
        guard let result = await ModelWatch.ask(self, request, until: never, on: clock) else { throw .cancelled }
        return try result.get()
    }
}

extension ModelResponse {
    /// An answer of text that cost 100 tokens in, 10 of them cached, and 20 out.
    package static func text(_ text: String, finish: Finish = .stop) -> ModelResponse {
        ModelResponse(text: text, finish: finish, usage: .scripted, model: "scripted")
    }

    package static func calls(_ calls: ToolCall..., text: String = "") -> ModelResponse {
        ModelResponse(text: text, toolCalls: calls, finish: .toolCalls, usage: .scripted, model: "scripted")
    }
}

extension ModelUsage {
    package static let scripted = ModelUsage(input: 100, cached: 10, output: 20)
}

/// A tool that does what the test wrote down.
package struct ScriptedTool: Tool {
    package var definition: ToolDefinition
    package var isReadOnly: Bool
    private let work: @Sendable (JSON) async -> ToolResult

    package init(
        _ name: String,
        parameters: JSON = ["type": "object"],
        isReadOnly: Bool = true,
        _ work: @escaping @Sendable (JSON) async -> ToolResult
    ) {
        definition = ToolDefinition(name: name, description: "What \(name) does.", parameters: parameters)
        self.isReadOnly = isReadOnly
        self.work = work
    }

    package func call(_ arguments: JSON, in context: ToolContext) async -> ToolResult { await work(arguments) }
}
