import CoordinationKit
import ParleyCore
import ServiceLifecycle
import Synchronization

/// How many nodes there are: each says every two seconds that it lives. What was last known goes on to count while Redis
/// is away.
package final class RedisNodes: Service {
    private static let beat: Duration = .seconds(2)

    // Entries older than ten seconds are of nodes that are gone.
    private static let script = RedisScript(
        """
        local now = redis.call('TIME')
        redis.call('ZADD', KEYS[1], now[1], ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now[1] - 10)
        redis.call('EXPIRE', KEYS[1], 60)
        return redis.call('ZCARD', KEYS[1])
        """
    )

    private let client: RedisClient
    private let key: String
    private let node: String
    private let minimum: Int
    private let known: Mutex<Int>

    /// - Parameters:
    ///   - node: names this process.
    ///   - minimum: nodes that are assumed even when fewer are seen, at least 1.
    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys(), node: String, minimum: Int = 1) {
        self.client = client
        key = keys.house("nodes")
        self.node = node
        self.minimum = max(1, minimum)
        known = Mutex(max(1, minimum))
    }

    /// Live nodes, this one included, as last seen.
    package var count: Int { known.withLock(\.self) }

    /// Says that this node lives, and looks who else does.
    package func beat() async {
        guard let count = try? await Self.script.run(client, keys: [key], node).integer else { return }
        known.withLock { $0 = max(minimum, Int(clamping: count)) }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.beat()
                try? await Task.sleep(for: Self.beat)
            }
        }
        _ = try? await client.call(RedisCommand("ZREM", key, node))
    }
}

extension RedisNodes: CustomStringConvertible {
    package var description: String { "RedisNodes" }
}
