import CoordinationKit
import ParleyCore

/// Who was seen by any node. While Redis is away, each node tells of those that it saw itself.
package struct RedisPresence: Presence {
    private let client: RedisClient
    private let keys: RedisKeys
    private let here = LocalPresence()

    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys()) {
        self.client = client
        self.keys = keys
    }

    package func note(
        _ contactID: ID<Contact>,
        of businessID: ID<Business>,
        on channel: ChannelID,
        at now: Timestamp
    ) async {
        await here.note(contactID, of: businessID, on: channel, at: now)
        _ = try? await Self.script.run(client, keys: [key(businessID, channel)], Self.window, "\(contactID)")
    }

    package func active(of businessID: ID<Business>, on channel: ChannelID, at now: Timestamp) async -> Int {
        let reply = try? await Self.script.run(client, keys: [key(businessID, channel)], Self.window, "")
        guard let count = reply?.integer else { return await here.active(of: businessID, on: channel, at: now) }
        return Int(clamping: count)
    }

    private func key(_ businessID: ID<Business>, _ channel: ChannelID) -> String {
        keys.key(businessID, "presence", channel.name)
    }

    private static let window = PresenceWindow.length.microseconds

    // Notes a contact, unless there is none, and counts.
    private static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - tonumber(ARGV[1])))
        local count = redis.call('ZCARD', KEYS[1])
        if ARGV[2] ~= '' and count < \(PresenceWindow.capacity) then
          redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[2])
          redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[1] / 1000) + 1)
        end
        return redis.call('ZCARD', KEYS[1])
        """
    )
}
