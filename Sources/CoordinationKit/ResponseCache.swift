import ParleyCore
import Synchronization

/// Answers that may be told again for a while, with their age.
package protocol ResponseCache: Sendable {
    func value(for key: CacheKey, at now: Timestamp) async -> CachedResponse?
    func keep(_ value: [UInt8], for key: CacheKey, until expiry: Timestamp, at now: Timestamp) async
}

/// A key always begins with the business, so that no business is answered from another's data.
package struct CacheKey: Sendable, Hashable {
    package let businessID: ID<Business>
    package let name: String
    package init(_ businessID: ID<Business>, _ name: String) {
        self.businessID = businessID
        self.name = name
    }
}

package struct CachedResponse: Sendable, Equatable {
    package let value: [UInt8]
    package let keptAt: Timestamp
    package init(value: [UInt8], keptAt: Timestamp) {
        self.value = value
        self.keptAt = keptAt
    }
}

/// The cache of a single process: bounded, oldest out first.
package final class LocalResponseCache: ResponseCache {
    private struct Entry {
        let response: CachedResponse
        let expiry: Timestamp
    }

    private let capacity: Int
    private let entries = Mutex<[CacheKey: Entry]>([:])

    /// - Parameter capacity: entries; at 64 KiB each at most, 1,024 are 64 MiB.
    package init(capacity: Int = 1024) { self.capacity = capacity }

    package func value(for key: CacheKey, at now: Timestamp) async -> CachedResponse? {
        entries.withLock { entries in
            guard let entry = entries[key] else { return nil }
            guard entry.expiry > now else {
                entries.removeValue(forKey: key)
                return nil
            }
            return entry.response
        }
    }

    package func keep(_ value: [UInt8], for key: CacheKey, until expiry: Timestamp, at now: Timestamp) async {
        entries.withLock { entries in
            if entries.count >= capacity, entries[key] == nil {
                entries = entries.filter { $0.value.expiry > now }
                if entries.count >= capacity,
                    let oldest = entries.min(by: { $0.value.response.keptAt < $1.value.response.keptAt })?.key
                {
                    entries.removeValue(forKey: oldest)
                }
            }
            entries[key] = Entry(response: CachedResponse(value: value, keptAt: now), expiry: expiry)
        }
    }
}
