import ParleyCore
import Synchronization

/// Which contacts of a business have just been there; a number for people, on which nothing depends.
package protocol Presence: Sendable {
    func note(_ contactID: ID<Contact>, of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async

    /// Contacts that were noted within ``PresenceWindow/length``.
    func active(of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async -> Int
}

package enum PresenceWindow {
    /// Somebody who wrote this recently is still there.
    package static let length: Duration = .seconds(300)
    /// Contacts of one business on one channel that are counted; beyond it the number stands still.
    package static let capacity = 100_000
}

/// The presence of a single process.
package final class LocalPresence: Presence {
    private struct Place: Hashable {
        let businessID: ID<Business>
        let channel: ChannelID
    }

    private let seen = Mutex<[Place: [ID<Contact>: Timestamp]]>([:])

    package init() {}

    package func note(
        _ contactID: ID<Contact>,
        of businessID: ID<Business>,
        on channel: ChannelID,
        at now: Timestamp
    ) async {
        seen.withLock { seen in
            let place = Place(businessID: businessID, channel: channel)
            if (seen[place]?.count ?? 0) < PresenceWindow.capacity { seen[place, default: [:]][contactID] = now }
        }
    }

    package func active(of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async -> Int {
        seen.withLock { seen in
            let place = Place(businessID: businessID, channel: channel)
            let active = seen[place]?.filter { now.since($0.value) < PresenceWindow.length } ?? [:]
            seen[place] = active.isEmpty ? nil : active
            return active.count
        }
    }
}
