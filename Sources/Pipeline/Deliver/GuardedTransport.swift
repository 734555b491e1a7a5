import ParleyCore

/// The way out for sends: nothing leaves any more once the claim may be somebody else's.
///
/// The fence was checked when the send was marked, but the process may stand still between that commit and the first byte.
struct GuardedTransport: HTTPTransport {
    let transport: any HTTPTransport
    let mayLeave: @Sendable () -> Bool

    func send(_ call: HTTPCall) async throws -> HTTPAnswer { try await transport.send(guarded(call)) }

    func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result {
        try await transport.stream(guarded(call), body)
    }

    private func guarded(_ call: HTTPCall) -> HTTPCall {
        var call = call
        call.mayLeave = mayLeave
        return call
    }
}
