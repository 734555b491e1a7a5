import CoordinationKit
import Logging
import NIOCore
import NIOPosix
import ParleyCore
import ServiceLifecycle
import Synchronization

/// The doorbell of several nodes: rings here at once, and elsewhere by PUBLISH.
///
/// Rings may be lost with the connection; whoever listens polls anyway. However often it is rung, a bell is published at
/// most once every ``spacing``, and the last ring is never swallowed.
package final class RedisDoorbell: Doorbell, Service {
    private enum Publishing { case idle, busy, busyAndRungAgain }

    /// A ring wakes every node: more of them than this would be polling by another name.
    package static let spacing: Duration = .milliseconds(20)

    private let client: RedisClient
    private let channel: String
    private let node: String
    private let logger: Logger
    private let here = LocalDoorbell()
    private let publishing = Mutex<[Bell: Publishing]>([:])
    private let listening = Mutex(false)

    /// - Parameter node: names this process, so that it does not hear its own rings twice.
    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys(), node: String, logger: Logger) {
        self.client = client
        channel = keys.house("doorbell")
        self.node = node
        self.logger = logger
    }

    package func ring(_ bell: Bell) {
        here.ring(bell)
        let isDue = publishing.withLock { state in
            let isIdle = (state[bell] ?? .idle) == .idle
            state[bell] = isIdle ? .busy : .busyAndRungAgain
            return isIdle
        }
        if isDue { publish(bell) }
    }

    package func ringHere(_ bell: Bell) { here.ring(bell) }

    package func wait(for bell: Bell, atMost duration: Duration) async throws {
        try await here.wait(for: bell, atMost: duration)
    }

    /// Whether rings of other nodes are heard.
    package var isListening: Bool { listening.withLock(\.self) }

    private func publish(_ bell: Bell) {
        client.post(RedisCommand("PUBLISH", channel, "\(bell.rawValue) \(node)"))
        _ = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: TimeAmount(Self.spacing)) {
            let isDue = self.publishing.withLock { state in
                let isRungAgain = state[bell] == .busyAndRungAgain
                state[bell] = isRungAgain ? .busy : .idle
                return isRungAgain
            }
            if isDue { self.publish(bell) }
        }
    }

    /// Listens to the other nodes until a graceful shutdown.
    package func run() async throws {
        await RedisConnector(address: client.address, clientName: "parley-doorbell").keepUp(
            onMessage: { _, payload in self.hear(payload) },
            whileUp: { link in
                do throws(RedisError) {
                    _ = try await link.call(
                        RedisCommand("SUBSCRIBE", self.channel),
                        within: RedisLimits.connectDeadline
                    )
                } catch {
                    self.logger.debug("cannot listen to the doorbell", metadata: ["reason": "\(error)"])
                    return
                }
                self.listening.withLock { $0 = true }
                // Whatever was rung while nobody listened.
                for bell in Bell.allCases { self.here.ring(bell) }
                await link.untilClosed()
                self.listening.withLock { $0 = false }
            },
            onFailure: { _ in }
        )
    }

    private func hear(_ payload: [UInt8]) {
        let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
        guard words.count == 2, words[1] != node[...], let bell = Bell(rawValue: String(words[0])) else { return }
        here.ring(bell)
    }
}

extension RedisDoorbell: CustomStringConvertible {
    package var description: String { "RedisDoorbell" }
}
