import ParleyCore
import Synchronization

/// A transport that answers from a list and remembers what was sent.
package final class RecordingTransport: HTTPTransport {
    private struct State {
        var calls: [HTTPCall] = []
        var answers: [Result<HTTPAnswer, TransportError>]
    }

    private let state: Mutex<State>

    /// - Parameter answers: in the order of the calls; when they run out, `TransportError.notConnected`.
    package init(_ answers: [Result<HTTPAnswer, TransportError>]) { state = Mutex(State(answers: answers)) }

    package convenience init(status: Int = 200, json: JSON) {
        self.init([.success(HTTPAnswer(status: status, body: json.encoded()))])
    }

    package var calls: [HTTPCall] { state.withLock(\.calls) }

    package func send(_ call: HTTPCall) async throws -> HTTPAnswer {
        try next(call).get()
    }

    package func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result {
        let answer = try next(call).get()
        // In pieces of seven bytes, so that nothing may rely on how the network cut the stream.
        let pieces = Mutex(
            stride(from: 0, to: answer.body.count, by: 7).map {
                Array(answer.body[$0..<min($0 + 7, answer.body.count)])
            }[...]
        )
        return try await body(
            HTTPStream(status: answer.status, headers: answer.headers) { pieces.withLock { $0.popFirst() } }
        )
    }

    private func next(_ call: HTTPCall) -> Result<HTTPAnswer, TransportError> {
        state.withLock { state in
            state.calls.append(call)
            return state.answers.isEmpty ? .failure(.notConnected) : state.answers.removeFirst()
        }
    }
}
