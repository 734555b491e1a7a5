import ParleyCore

/// The work's value, or nil when `limit` passed first; the work is then cancelled and waited for, so it must heed
/// cancellation. Throws what the work throws, or `CancellationError`.
package func within<Value: Sendable>(
    _ limit: Duration,
    on clock: any Clockwork,
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    guard limit > .zero else { return nil }
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        defer { group.cancelAll() }
        group.addTask { try await work() }
        group.addTask {
            try await clock.sleep(for: limit)
            return nil
        }
        return try await group.next() ?? nil
    }
}
