import CoordinationKit
import ParleyCore

/// Answers that any node may tell again. While Redis is away, each node tells its own again.
package struct RedisResponseCache: ResponseCache {
    private let client: RedisClient
    private let keys: RedisKeys
    private let here: LocalResponseCache

    /// - Parameter capacity: entries that this process keeps for itself.
    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys(), capacity: Int = 1024) {
        self.client = client
        self.keys = keys
        here = LocalResponseCache(capacity: capacity)
    }

    package func value(for key: CacheKey, at now: Timestamp) async -> CachedResponse? {
        do throws(RedisError) {
            let found = try await client.call(RedisCommand("GET", name(key)))
            return found.bytes.flatMap { CachedResponse(stored: $0) }
        } catch {
            return await here.value(for: key, at: now)
        }
    }

    package func keep(_ value: [UInt8], for key: CacheKey, until expiry: Timestamp, at now: Timestamp) async {
        await here.keep(value, for: key, until: expiry, at: now)
        let lifetime = expiry.since(now).milliseconds
        guard lifetime > 0 else { return }
        let stored = CachedResponse(value: value, keptAt: now).stored
        _ = try? await client.call(RedisCommand("SET", name(key), stored, "PX", lifetime))
    }

    private func name(_ key: CacheKey) -> String { keys.key(key.businessID, "response", key.name) }
}

extension CachedResponse {
    /// The moment in microseconds, a colon, the value.
    fileprivate var stored: [UInt8] { Array("\(keptAt.microseconds):".utf8) + value }

    fileprivate init?(stored: [UInt8]) {
        guard let colon = stored.firstIndex(of: UInt8(ascii: ":")),
            let microseconds = Int64(String(decoding: stored[..<colon], as: UTF8.self))
        else { return nil }
        self.init(value: Array(stored[(colon + 1)...]), keptAt: Timestamp(microseconds: microseconds))
    }
}
