import Hummingbird
import Logging
import ServiceLifecycle
import Synchronization

/// The emulated platforms on a port of their own: HTTP server and webhook posting, as one service.
package struct EmulatorService: Service {
    package let world: EmulatedWorld
    private let host: String
    private let port: Int
    private let logger: Logger
    private let moreRoutes: @Sendable (Router<BasicRequestContext>) -> Void
    private let bound = BoundPort()

    /// Port 0 lets the system choose; ask ``boundPort()``. `moreRoutes` may mount more on the same port.
    package init(
        world: EmulatedWorld,
        host: String = "127.0.0.1",
        port: Int,
        logger: Logger,
        moreRoutes: @escaping @Sendable (Router<BasicRequestContext>) -> Void = { _ in }
    ) {
        self.world = world
        self.host = host
        self.port = port
        self.logger = logger
        self.moreRoutes = moreRoutes
    }

    /// The port, as soon as the server listens; nil when the service ended before.
    package func boundPort() async -> Int? { await bound.value() }

    package func run() async throws {
        defer { bound.set(nil) }
        let router = Router()
        world.addRoutes(to: router)
        moreRoutes(router)
        let bound = bound
        let app = Application(
            router: router,
            configuration: .init(address: .hostname(host, port: port), serverName: "emulators"),
            onServerRunning: { channel in bound.set(channel.localAddress?.port) },
            logger: logger
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await app.run() }
            group.addTask { await world.postWebhooks() }
            // The server ends at a graceful shutdown; the posting has nothing to finish then.
            try await group.next()
            group.cancelAll()
        }
    }
}

/// Posts the webhooks of a world whose routes are mounted on someone else's server.
package struct WebhookPostingService: Service {
    private let world: EmulatedWorld

    package init(world: EmulatedWorld) { self.world = world }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await world.postWebhooks() }
    }
}

/// A value that some wait for and one sets.
private final class BoundPort: Sendable {
    private struct State {
        var value: Int??
        var waiters: [AsyncStream<Int?>.Continuation] = []
    }
    private let state = Mutex(State())

    func set(_ value: Int?) {
        let waiters = state.withLock { state in
            state.value = .some(value)
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters {
            waiter.yield(value)
            waiter.finish()
        }
    }

    func value() async -> Int? {
        let (stream, continuation) = AsyncStream<Int?>.makeStream()
        state.withLock { state in
            if let value = state.value {
                continuation.yield(value)
                continuation.finish()
            } else {
                state.waiters.append(continuation)
            }
        }
        for await value in stream { return value }
        return nil
    }
}
