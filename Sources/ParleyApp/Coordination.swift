import CoordinationKit
import CoordinationRedis
import Logging
import Metrics
import ParleyCore
import Pipeline
import ServiceLifecycle
import Storage

/// What nodes share: through Redis where there is one, otherwise in the memory of the only node.
struct Coordination: Sendable {
    let doorbell: any Doorbell
    let governor: any SendGovernor
    let responses: any ResponseCache
    let limiter: any RequestLimiter
    let presence: any Presence
    let recollection: Recollection
    private let redis: (client: RedisClient, nodes: RedisNodes, doorbell: RedisDoorbell, presence: RedisPresence)?

    /// - Parameter node: names this process.
    static func make(_ workbench: Workbench, node: String) -> Coordination {
        guard let address = workbench.settings.redis else {
            return Coordination(
                doorbell: LocalDoorbell(),
                governor: LocalSendGovernor(clock: workbench.clock),
                responses: LocalResponseCache(),
                limiter: LocalRequestLimiter(),
                presence: LocalPresence(),
                recollection: Recollection(clock: workbench.clock),
                redis: nil
            )
        }
        let client = RedisClient(address, logger: workbench.logger)
        let nodes = RedisNodes(client, node: node, minimum: workbench.settings.nodes)
        let doorbell = RedisDoorbell(client, node: node, logger: workbench.logger)
        let presence = RedisPresence(client)
        return Coordination(
            doorbell: doorbell,
            governor: RedisSendGovernor(client, nodes: nodes, clock: workbench.clock),
            responses: RedisResponseCache(client),
            limiter: RedisRequestLimiter(client),
            presence: presence,
            recollection: Recollection(
                sessions: RedisHintCache<SessionHint>(client),
                contexts: RedisHintCache<RecentMessages>(client)
            ),
            redis: (client, nodes, doorbell, presence)
        )
    }

    /// What must run, in the order of starting; first of all, so that it ends last.
    var services: [any Service] { redis.map { [$0.client, $0.doorbell, $0.nodes, $0.presence] } ?? [] }

    /// What is slower than it should be, in words for `/readyz`; nil when nothing is.
    var loss: String? {
        guard let redis, case .away(let reason) = redis.client.status else { return nil }
        return "Redis is away, this node goes on alone: \(reason)"
    }

    /// Puts the gauges into the metrics.
    func record() {
        guard let redis else { return }
        Gauge(label: "parley_redis_up").record(redis.client.status == .ready ? 1 : 0)
        Gauge(label: "parley_nodes_live").record(redis.nodes.count)
    }
}
