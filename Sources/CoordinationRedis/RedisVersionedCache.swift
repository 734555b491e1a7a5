import CoordinationKit
import ParleyCore

/// A cache for all nodes. While Redis is away it has nothing.
package struct RedisVersionedCache: VersionedCache {
    private let client: RedisClient
    private let keys: RedisKeys
    private let life: CacheLife

    package init(_ client: RedisClient, _ life: CacheLife, keys: RedisKeys = RedisKeys()) {
        self.client = client
        self.keys = keys
        self.life = life
    }

    package func value(for key: CacheKey, version: String) async -> [UInt8]? {
        let name = name(key)
        let command =
            life.isSliding ? RedisCommand("GETEX", name, "PX", life.length.milliseconds) : RedisCommand("GET", name)
        guard let stored = (try? await client.call(command))?.bytes else { return nil }
        let mark = mark(version)
        return stored.starts(with: mark) ? Array(stored.dropFirst(mark.count)) : nil
    }

    package func keep(_ value: [UInt8], for key: CacheKey, version: String) async {
        let stored = mark(version) + value
        guard stored.count < RedisLimits.replyBytes else { return await forget(key) }
        _ = try? await client.call(RedisCommand("SET", name(key), stored, "PX", life.length.milliseconds))
    }

    package func forget(_ key: CacheKey) async {
        _ = try? await client.call(RedisCommand("DEL", name(key)))
    }

    private func name(_ key: CacheKey) -> String { keys.key(key.businessID, life.name, key.name) }

    // With its length, so that no version is the beginning of another.
    private func mark(_ version: String) -> [UInt8] { Array("\(version.utf8.count):\(version)\n".utf8) }
}
