import CoordinationKit
import ParleyCore

/// A cache for all nodes. While Redis is away it has nothing, and the database is asked for all.
package struct RedisHintCache<Value: CachedHint>: HintCache {
    private let client: RedisClient
    private let keys: RedisKeys

    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys()) {
        self.client = client
        self.keys = keys
    }

    package func latest(for key: CacheKey) async -> Value? {
        let name = name(key)
        let command =
            Value.life.isSliding
            ? RedisCommand("GETEX", name, "PX", Value.life.length.milliseconds) : RedisCommand("GET", name)
        guard let stored = (try? await client.call(command))?.bytes else { return nil }
        return Value(encoded: stored)
    }

    package func keep(_ value: Value, for key: CacheKey) {
        let stored = value.encoded
        // What could not be read back would only push other things out.
        guard stored.count < RedisLimits.replyBytes else { return client.post(RedisCommand("DEL", name(key))) }
        client.post(RedisCommand("SET", name(key), stored, "PX", Value.life.length.milliseconds))
    }

    private func name(_ key: CacheKey) -> String { keys.key(key.businessID, Value.life.name, key.name) }
}
