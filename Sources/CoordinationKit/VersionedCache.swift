import ParleyCore
import Synchronization

/// What may be read again instead of being loaded, as long as the database confirms its version.
///
/// A value without its version is never handed out: whoever asks reads the version from the database first, so that a
/// cache that is late, flushed or shared by nodes cannot make a turn wrong.
package protocol VersionedCache: Sendable {
    /// Nil when there is none, or when it is of another version.
    func value(for key: CacheKey, version: String) async -> [UInt8]?
    func keep(_ value: [UInt8], for key: CacheKey, version: String) async
    func forget(_ key: CacheKey) async
}

/// How long something is kept.
package struct CacheLife: Sendable {
    package let name: String
    package let length: Duration
    /// Whether reading begins it anew.
    package let isSliding: Bool

    /// What is known of a session, for as long as the session lives.
    package static let session = CacheLife(name: "session", length: Limits.sessionIdle, isSliding: true)
    /// A conversation's recent messages; longer than a session, so that the next one can begin with them.
    package static let context = CacheLife(name: "context", length: .seconds(7200), isSliding: false)

    package init(name: String, length: Duration, isSliding: Bool) {
        self.name = name
        self.length = length
        self.isSliding = isSliding
    }
}

/// The cache of a single process: bounded, soonest to expire out first.
package final class LocalVersionedCache: VersionedCache {
    private struct Entry {
        let value: [UInt8]
        let version: String
        var expiry: Timestamp
    }

    private let life: CacheLife
    private let capacity: Int
    private let clock: any Clockwork
    private let entries = Mutex<[CacheKey: Entry]>([:])

    package init(_ life: CacheLife, capacity: Int = 4096, clock: any Clockwork = SystemClock()) {
        self.life = life
        self.capacity = max(1, capacity)
        self.clock = clock
    }

    package func value(for key: CacheKey, version: String) async -> [UInt8]? {
        let now = clock.now
        return entries.withLock { entries in
            guard var entry = entries[key], entry.expiry > now, entry.version == version else { return nil }
            if life.isSliding {
                entry.expiry = now.advanced(by: life.length)
                entries[key] = entry
            }
            return entry.value
        }
    }

    package func keep(_ value: [UInt8], for key: CacheKey, version: String) async {
        let now = clock.now
        entries.withLock { entries in
            if entries.count >= capacity, entries[key] == nil {
                entries = entries.filter { $0.value.expiry > now }
                if entries.count >= capacity,
                    let soonest = entries.min(by: { $0.value.expiry < $1.value.expiry })?.key
                {
                    entries.removeValue(forKey: soonest)
                }
            }
            entries[key] = Entry(value: value, version: version, expiry: now.advanced(by: life.length))
        }
    }

    package func forget(_ key: CacheKey) async {
        entries.withLock { _ = $0.removeValue(forKey: key) }
    }
}
