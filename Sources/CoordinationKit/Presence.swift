import ParleyCore
import Synchronization

/// Which contacts have just been there; a number for people, on which nothing depends.
package protocol Presence: Sendable {
    /// Returns at once: a turn waits for no one's number.
    func note(_ contactID: ID<Contact>, of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp)

    /// Contacts of a business that were noted within ``PresenceWindow/length``.
    func active(of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async -> Int

    /// The same of all businesses together.
    func active(on channel: ChannelID, at now: Timestamp) async -> Int
}

package enum PresenceWindow {
    /// Somebody who wrote this recently is still there.
    package static let length: Duration = .seconds(300)
    /// Contacts on one channel that are counted, of one business as of all; beyond it the number stands still.
    package static let capacity = 100_000
}

/// The presence of a single process.
package final class LocalPresence: Presence {
    private struct Place: Hashable {
        let businessID: ID<Business>
        let channel: ChannelID
    }

    private struct State {
        var seen: [Place: [ID<Contact>: Timestamp]] = [:]
        /// Over all places.
        var count = 0
        var sweptAt: Timestamp?

        mutating func sweep(at now: Timestamp) {
            sweptAt = now
            seen = seen.compactMapValues { contacts in
                let active = contacts.filter { now.since($0.value) < PresenceWindow.length }
                return active.isEmpty ? nil : active
            }
            count = seen.values.reduce(0) { $0 + $1.count }
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func note(
        _ contactID: ID<Contact>,
        of businessID: ID<Business>,
        on channel: ChannelID,
        at now: Timestamp
    ) {
        state.withLock { state in
            // Whoever is never asked must not remember everybody.
            if now.since(state.sweptAt ?? now) >= PresenceWindow.length || state.sweptAt == nil { state.sweep(at: now) }
            let place = Place(businessID: businessID, channel: channel)
            let isKnown = state.seen[place]?[contactID] != nil
            guard isKnown || state.count < PresenceWindow.capacity else { return }
            state.seen[place, default: [:]][contactID] = now
            if !isKnown { state.count += 1 }
        }
    }

    package func active(of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async -> Int {
        state.withLock { state in
            let seen = state.seen[Place(businessID: businessID, channel: channel)] ?? [:]
            return seen.values.count { now.since($0) < PresenceWindow.length }
        }
    }

    package func active(on channel: ChannelID, at now: Timestamp) async -> Int {
        state.withLock { state in
            state.sweep(at: now)
            return state.seen.reduce(0) { $0 + ($1.key.channel == channel ? $1.value.count : 0) }
        }
    }
}
