import ParleyCore
import Synchronization

/// What spares the database a reading, and is believed only as far as the database confirms it.
///
/// A cache may be late, flushed, or written by another node: so a value carries what its truth can be told by, and whoever
/// reads it asks the database whether that still holds, in a statement that is sent anyway.
package protocol HintCache<Value>: Sendable {
    associatedtype Value: CachedHint

    /// The last value that was kept and has not expired; nil at once where a cache is away.
    func latest(for key: CacheKey) async -> Value?

    /// Returns at once: no turn waits until something is kept.
    func keep(_ value: Value, for key: CacheKey)
}

package protocol CachedHint: Sendable {
    static var life: HintLife { get }

    /// As it is kept outside the process.
    var encoded: [UInt8] { get }
    /// Nil when it is not what ``encoded`` makes: perhaps another version of Parley wrote it.
    init?(encoded: [UInt8])

    /// Bytes that it takes in memory, about.
    var weight: Int { get }
}

/// How long something is kept.
package struct HintLife: Sendable {
    package let name: String
    package let length: Duration
    /// Whether reading begins it anew.
    package let isSliding: Bool

    package init(name: String, length: Duration, isSliding: Bool) {
        self.name = name
        self.length = length
        self.isSliding = isSliding
    }
}

/// The cache of a single process: as many bytes as it was given, the least used out first.
package final class LocalHintCache<Value: CachedHint>: HintCache {
    private struct Entry {
        let value: Value
        var expiry: Timestamp
    }

    /// Two generations: what nobody asks for while the younger one fills up goes with the older one. No list to keep in
    /// order, and none to search.
    private struct State {
        var young: [CacheKey: Entry] = [:]
        var old: [CacheKey: Entry] = [:]
        /// Of the younger ones. A value that is kept again counts again: it only ages them sooner.
        var weight = 0
    }

    private let weightOfGeneration: Int
    private let clock: any Clockwork
    private let state = Mutex(State())

    /// - Parameter weight: bytes that both generations may take.
    package init(weight: Int = Limits.hintBytes, clock: any Clockwork = SystemClock()) {
        weightOfGeneration = max(1, weight / 2)
        self.clock = clock
    }

    package func latest(for key: CacheKey) async -> Value? {
        let now = clock.now
        return state.withLock { state in
            let isYoung = state.young[key] != nil
            guard var entry = state.young[key] ?? state.old.removeValue(forKey: key), entry.expiry > now else {
                return nil
            }
            if Value.life.isSliding { entry.expiry = now.advanced(by: Value.life.length) }
            if isYoung { state.young[key] = entry } else { add(entry, for: key, to: &state) }
            return entry.value
        }
    }

    package func keep(_ value: Value, for key: CacheKey) {
        let entry = Entry(value: value, expiry: clock.now.advanced(by: Value.life.length))
        state.withLock { state in
            state.old.removeValue(forKey: key)
            add(entry, for: key, to: &state)
        }
    }

    private func add(_ entry: Entry, for key: CacheKey, to state: inout State) {
        let weight = entry.value.weight
        guard weight <= weightOfGeneration else {
            state.young.removeValue(forKey: key)
            return
        }
        if state.weight + weight > weightOfGeneration {
            state.old = state.young
            state.old.removeValue(forKey: key)
            state.young = [:]
            state.weight = 0
        }
        state.young[key] = entry
        state.weight += weight
    }
}
