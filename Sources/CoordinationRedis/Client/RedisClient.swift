import Logging
import NIOCore
import ParleyCore
import ServiceLifecycle
import Synchronization

/// One connection to Redis for everything that asks and is answered; kept up while ``run()`` runs.
///
/// A caller never waits longer than its deadline, and not at all while there is no connection: everything here has a
/// way to go on without Redis.
package final class RedisClient: Service {
    /// Whether Redis can be asked.
    package enum Status: Sendable, Equatable {
        case ready
        /// With the reason, in words without secrets.
        case away(String)
    }

    private struct State {
        var link: RedisLink?
        var reason = "no connection has been made yet"
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    package let address: RedisAddress
    private let deadline: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter deadline: what a command may take, unless it names a limit of its own.
    package init(_ address: RedisAddress, deadline: Duration = RedisLimits.deadline, logger: Logger) {
        self.address = address
        self.deadline = deadline
        self.logger = logger
    }

    package var status: Status {
        state.withLock { state in
            guard let link = state.link else { return .away(state.reason) }
            return link.isUsable ? .ready : .away("\(address) does not answer")
        }
    }

    package func call(
        _ command: RedisCommand,
        within limit: Duration? = nil
    ) async throws(RedisError) -> RedisValue {
        guard let link = state.withLock(\.link), link.isUsable else { throw .unavailable }
        return try await link.call(command, within: limit ?? deadline)
    }

    /// Sends without waiting. `completion` is called once, on another thread, or at once when there is no connection.
    package func post(
        _ command: RedisCommand,
        completion: @escaping @Sendable (Result<RedisValue, RedisError>) -> Void = { _ in }
    ) {
        guard let link = state.withLock(\.link), link.isUsable else { return completion(.failure(.unavailable)) }
        link.submit(command, within: deadline, completion: completion)
    }

    /// Keeps the connection up until a graceful shutdown or cancellation.
    package func run() async throws {
        await RedisConnector(address: address).keepUp(
            whileUp: { link in
                self.state.withLock { $0.link = link }
                self.logger.info("connected to Redis", metadata: ["redis": "\(self.address)"])
                self.release()
                await link.untilClosed()
                self.state.withLock { state in
                    state.link = nil
                    state.reason = "the connection to \(self.address) was lost"
                }
            },
            onFailure: { error in
                let isNew = self.state.withLock { state in
                    defer { state.reason = error.description }
                    return state.reason != error.description
                }
                if isNew {
                    self.logger.warning("going on without Redis", metadata: ["reason": "\(error)"])
                }
            }
        )
        state.withLock { $0.link = nil }
        release()
    }

    /// Returns when there is a connection, or after `limit`; for a start that would rather begin with it.
    package func untilReady(atMost limit: Duration) async {
        await withTaskGroup { group in
            group.addTask { try? await Task.sleep(for: limit) }
            group.addTask { await self.connected() }
            await group.next()
            group.cancelAll()
        }
    }

    private func connected() async {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.link != nil || Task.isCancelled { return true }
                    state.waiting[waiter] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: waiter) }?.resume()
        }
    }

    private func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }
}

extension RedisClient: CustomStringConvertible {
    package var description: String { "RedisClient(\(address))" }
}

extension RedisConnector {
    /// Connects, lends the connection to `whileUp`, and begins again when that returns: until a graceful shutdown.
    func keepUp(
        onMessage: (@Sendable (_ channel: String, _ payload: [UInt8]) -> Void)? = nil,
        whileUp: @escaping @Sendable (RedisLink) async -> Void,
        onFailure: @escaping @Sendable (RedisError) -> Void
    ) async {
        await cancelWhenGracefulShutdown {
            var failures = 0
            while !Task.isCancelled {
                do throws(RedisError) {
                    let link = try await self.connect(onMessage: onMessage)
                    failures = 0
                    await whileUp(link)
                    await link.close()
                } catch {
                    onFailure(error)
                }
                failures += 1
                let wait = Backoff.wait(
                    after: failures,
                    first: .milliseconds(50),
                    maximum: RedisLimits.backoffMaximum
                )
                try? await Task.sleep(for: wait)
            }
        }
    }
}
