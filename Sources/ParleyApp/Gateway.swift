import ChannelKit
import CoordinationKit
import Hummingbird
import Ingress
import Logging
import Metrics
import ParleyCore
import Pipeline
import ServiceLifecycle
import Storage

/// The gateway, put together: the only place that knows every concrete type.
package struct Gateway: Sendable {
    package let pipeline: Pipeline
    private let workbench: Workbench
    private let coordination: Coordination
    private let metrics: MetricsRegistry
    private let retention: RetentionService

    /// Takes the database for itself, and frees what a process that died had claimed.
    package init(_ workbench: Workbench, metrics: MetricsRegistry) async throws {
        try workbench.database.lockForServing()
        try await workbench.database.examine(workbench.logger)
        try await workbench.requireMasterKey()
        let now = workbench.clock.now
        let holder = UUID7(at: now).description
        coordination = Coordination.make(workbench, node: holder)
        let directory = StoredDirectory(
            stores: workbench.stores,
            models: ModelShelf(workbench.settings, transport: workbench.transport, clock: workbench.clock),
            settings: workbench.settings,
            cache: coordination.responses,
            transport: workbench.transport,
            clock: workbench.clock,
            logger: workbench.logger
        )
        // Where others may serve too, nobody can tell a dead holder's lanes from theirs before the leases run out.
        let freed = workbench.database.isShared ? 0 : try await workbench.stores.lanes.releaseAll(at: now)
        if freed > 0 {
            workbench.logger.notice("going on with unfinished work", metadata: ["conversations": "\(freed)"])
        }
        pipeline = Pipeline(
            PipelineParts(
                channels: workbench.channels,
                directory: directory,
                database: workbench.database,
                governor: coordination.governor,
                limiter: coordination.limiter,
                presence: coordination.presence,
                recollection: coordination.recollection,
                doorbell: coordination.doorbell,
                transport: workbench.transport,
                clock: workbench.clock,
                settings: PipelineSettings(
                    holder: holder,
                    turnsPerBusiness: workbench.settings.turnsPerBusiness,
                    lease: workbench.settings.lease,
                    keepsSendRates: workbench.settings.keepsSendRates
                ),
                logger: workbench.logger
            )
        )
        retention = RetentionService(
            Pruner(workbench.database, clock: workbench.clock),
            holder: holder,
            clock: workbench.clock,
            logger: workbench.logger
        )
        self.workbench = workbench
        self.metrics = metrics
    }

    /// Everything that runs, in the order of starting; shut down in reverse, so that nothing is admitted any more when
    /// the loops finish, and the heartbeat beats until the last claim is let go.
    package func services(
        moreRoutes: (Router<GatewayContext>) -> Void = { _ in },
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> [any Service] {
        let router = Router(context: GatewayContext.self)
        let lanes = workbench.stores.lanes
        let (metrics, coordination) = (metrics, coordination)
        let (channels, clock) = (workbench.channels.all.map(\.id), workbench.clock)
        let leaving = Leaving(
            grace: workbench.settings.drain,
            others: GatewayReadiness(database: workbench.database, coordination: coordination),
            clock: workbench.clock
        )
        IngressRoutes(
            pipeline: pipeline,
            readiness: leaving,
            refusals: RefusalLimit(
                coordination.limiter,
                RequestLimit(workbench.settings.refusedWebhooks, per: Limits.requestWindow),
                trusting: workbench.settings.trustedProxies
            ),
            clock: workbench.clock,
            metrics: {
                for depth in (try? await lanes.depth()) ?? [] {
                    Gauge(label: "parley_lanes_waiting", dimensions: [("act", depth.act)]).record(depth.waiting)
                    Gauge(label: "parley_lanes_held", dimensions: [("act", depth.act)]).record(depth.held)
                }
                for channel in channels {
                    Gauge(label: "parley_active_contacts", dimensions: [("channel", channel.name)])
                        .record(await coordination.presence.active(on: channel, at: clock.now))
                }
                coordination.record()
                return metrics.text()
            }
        ).add(to: router)
        moreRoutes(router)
        return coordination.services + pipeline.services + [
            retention,
            IngressServer.application(
                router,
                pipeline: pipeline,
                clock: workbench.clock,
                host: workbench.settings.host,
                port: workbench.settings.port,
                logger: workbench.logger,
                onRunning: onRunning
            ),
            leaving,
        ]
    }
}

/// Ready means that the database takes writes; without Redis the gateway is slower, and just as right.
package struct GatewayReadiness: Readiness {
    let database: any SQLDatabase
    let coordination: Coordination

    package func problems() async -> [String] {
        do {
            try await database.transaction(.dispatch) { connection in
                try await connection.execute(database.dialect.writeProbe)
            }
            return []
        } catch {
            return [Self.sentence(error)]
        }
    }

    /// What an error of the database means for whoever reads `/readyz`; some say by themselves that nothing can be written.
    package static func sentence(_ error: any Error) -> String {
        switch error {
        case SQLError.cannotWrite, SQLError.disconnected: "\(error)"
        default: "the database cannot be written: \(error)"
        }
    }

    package func losses() async -> [String] { coordination.loss.map { [$0] } ?? [] }
}
