import CoordinationKit
import ParleyCore
import ServiceLifecycle
import Synchronization

/// Who was seen by any node. While Redis is away, each node tells of those that it saw itself.
///
/// What is noted is told to Redis every ``beat``, so that no turn waits for it and a busy contact is told once.
package final class RedisPresence: Presence, Service {
    private struct Place: Hashable {
        let businessID: ID<Business>
        let channel: ChannelID
    }

    package static let beat: Duration = .seconds(2)
    /// Of one command, which Redis does without doing anything else.
    private static let contactsAtOnce = 500

    private let client: RedisClient
    private let keys: RedisKeys
    private let here = LocalPresence()
    private let untold = Mutex<[Place: Set<ID<Contact>>]>([:])

    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys()) {
        self.client = client
        self.keys = keys
    }

    package func note(
        _ contactID: ID<Contact>,
        of businessID: ID<Business>,
        on channel: ChannelID,
        at now: Timestamp
    ) {
        here.note(contactID, of: businessID, on: channel, at: now)
        untold.withLock { untold in
            _ = untold[Place(businessID: businessID, channel: channel), default: []].insert(contactID)
        }
    }

    package func active(of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async -> Int {
        let count = await tell([], keys.presence(of: businessID, on: channel))
        guard let count else { return await here.active(of: businessID, on: channel, at: now) }
        return count
    }

    package func active(on channel: ChannelID, at now: Timestamp) async -> Int {
        guard let count = await tell([], keys.presence(on: channel)) else {
            return await here.active(on: channel, at: now)
        }
        return count
    }

    /// Tells Redis what was noted since the last time. What it does not take is not told again: this node counts it, and
    /// whoever is still there writes again.
    package func tellAll() async {
        let told = untold.withLock { untold in
            defer { untold = [:] }
            return untold
        }
        for (place, contacts) in told {
            var rest = Array(contacts)[...]
            while !rest.isEmpty {
                let some = Array(rest.prefix(Self.contactsAtOnce))
                rest = rest.dropFirst(some.count)
                guard await tell(some, keys.presence(of: place.businessID, on: place.channel)) != nil else { return }
                _ = await tell(some, keys.presence(on: place.channel))
            }
        }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.tellAll()
                try? await Task.sleep(for: Self.beat)
            }
        }
    }

    /// The number of contacts at `key`; nil when Redis does not say.
    private func tell(_ contacts: [ID<Contact>], _ key: String) async -> Int? {
        let ids = contacts.map(\.description).joined(separator: " ")
        guard let reply = try? await Self.script.run(client, keys: [key], PresenceWindow.length.microseconds, ids)
        else {
            return nil
        }
        return reply.integer.map { Int(clamping: $0) }
    }

    // Notes the contacts, of which there may be none, and counts.
    private static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[1])))
        local count = redis.call('ZCARD', KEYS[1])
        for contact in string.gmatch(ARGV[2], '%S+') do
          if count >= \(PresenceWindow.capacity) then break end
          count = count + redis.call('ZADD', KEYS[1], string.format('%.0f', now), contact)
        end
        if count > 0 then redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[1] / 1000) + 1) end
        return count
        """
    )
}

extension RedisKeys {
    fileprivate func presence(of businessID: ID<Business>, on channel: ChannelID) -> String {
        key(businessID, "presence", channel.name)
    }

    fileprivate func presence(on channel: ChannelID) -> String { house("presence:\(channel.name)") }
}

extension RedisPresence {
    /// Connects once and asks, for a command that is not a node.
    package static func ask(
        _ address: RedisAddress,
        of businessID: ID<Business>,
        on channels: [ChannelID],
        at now: Timestamp,
        keys: RedisKeys = RedisKeys()
    ) async throws(RedisError) -> [Int] {
        let link = try await RedisConnector(address: address, clientName: "parley-command").connect()
        do throws(RedisError) {
            var counts: [Int] = []
            for channel in channels {
                let since = now.advanced(by: .zero - PresenceWindow.length).microseconds
                let command = RedisCommand("ZCOUNT", keys.presence(of: businessID, on: channel), since, "+inf")
                let reply = try await link.call(command, within: RedisLimits.connectDeadline)
                counts.append(Int(clamping: reply.integer ?? 0))
            }
            await link.close()
            return counts
        } catch {
            await link.close()
            throw error
        }
    }
}

extension RedisPresence: CustomStringConvertible {
    package var description: String { "RedisPresence" }
}
