import CoordinationRedis
import ParleyCore

/// Whether Redis, where one is named, can be used, and whether it keeps what it is given.
struct RedisCheck {
    private let address: RedisAddress

    init(_ address: RedisAddress) { self.address = address }

    func findings() async -> [Doctor.Finding] {
        let facts: RedisFacts
        do throws(RedisError) {
            facts = try await RedisFacts.ask(address)
        } catch {
            return [
                .bad(
                    "redis",
                    "\(error)",
                    fix: "check PARLEY_REDIS_URL and whether Redis runs; until then every node goes on alone"
                )
            ]
        }
        guard facts.isNewEnough else {
            return [.bad("redis", "\(address) is version \(facts.version)", fix: "use Redis 6.2 or later")]
        }
        let reached = Doctor.Finding.good("redis", "\(address) answers, version \(facts.version)")
        switch facts.evictionPolicy {
        case "noeviction"?: return [reached]
        case let policy?:
            return [
                reached,
                .note(
                    "redis memory",
                    "maxmemory-policy is \(policy): under pressure budgets are forgotten, and platforms refuse",
                    fix: "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf"
                ),
            ]
        case nil: return [reached, .note("redis memory", "this server does not tell its maxmemory-policy")]
        }
    }
}
