import CoordinationKit
import ParleyCore

/// One count for all nodes, on the server's clock. While Redis is away each node counts for itself.
///
/// Addresses are counted here first: whoever is refused here is refused everywhere, and a flood of bad requests costs
/// Redis no more than what is let through.
package struct RedisRequestLimiter: RequestLimiter {
    private let client: RedisClient
    private let keys: RedisKeys
    private let here = LocalRequestLimiter()

    package init(_ client: RedisClient, keys: RedisKeys = RedisKeys()) {
        self.client = client
        self.keys = keys
    }

    package func admit(
        _ request: String,
        of subject: LimitedSubject,
        _ limit: RequestLimit,
        at now: Timestamp
    ) async -> LimitDecision {
        if case .address = subject {
            let decision = await here.admit(request, of: subject, limit, at: now)
            guard case .admitted = decision else { return decision }
        }
        do throws(RedisError) {
            let key = key(subject)
            let reply = try await Self.script.run(
                client,
                keys: [key, "\(key):told"],
                request,
                limit.count,
                limit.window.microseconds
            )
            guard let parts = reply.array, parts.count == 3, let isAdmitted = parts[0].integer,
                let number = parts[1].integer, let isFirst = parts[2].integer
            else { throw .unreadable }
            return isAdmitted == 1
                ? .admitted(used: Int(clamping: number))
                : .refused(retryAfter: .microseconds(max(0, number)), isFirst: isFirst == 1)
        } catch {
            return await here.admit(request, of: subject, limit, at: now)
        }
    }

    private func key(_ subject: LimitedSubject) -> String {
        switch subject {
        case .sender(let sender, let integration, let business):
            keys.key(business, "limit", "sender:\(integration):\(sender)")
        case .address(let address): keys.house("{limit:\(address)}")
        }
    }

    private static let script = RedisScript(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local limit, window = tonumber(ARGV[2]), tonumber(ARGV[3])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - window))
        local used = redis.call('ZCARD', KEYS[1])
        if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {1, used, 0} end
        if used < limit then
          redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
          redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1)
          return {1, used + 1, 0}
        end
        local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
        local told = redis.call('GET', KEYS[2])
        if not told then
          redis.call('SET', KEYS[2], ARGV[1], 'PX', math.ceil(window / 1000))
          told = ARGV[1]
        end
        return {0, tonumber(oldest[2]) + window - now, told == ARGV[1] and 1 or 0}
        """
    )
}
