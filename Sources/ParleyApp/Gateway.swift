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
    private let metrics: MetricsRegistry
    private let retention: RetentionService

    /// Takes the database for itself, and frees what a process that died had claimed.
    package init(_ workbench: Workbench, metrics: MetricsRegistry) async throws {
        try workbench.database.lockForServing()
        let cache = LocalResponseCache()
        let directory = StoredDirectory(
            stores: workbench.stores,
            models: ModelShelf(workbench.settings, transport: workbench.transport, clock: workbench.clock),
            settings: workbench.settings,
            cache: cache,
            transport: workbench.transport,
            clock: workbench.clock,
            logger: workbench.logger
        )
        let now = workbench.clock.now
        // Where others may serve too, nobody can tell a dead holder's lanes from theirs before the leases run out.
        let freed = workbench.database.isShared ? 0 : try await workbench.stores.lanes.releaseAll(at: now)
        if freed > 0 {
            workbench.logger.notice("going on with unfinished work", metadata: ["conversations": "\(freed)"])
        }
        let holder = UUID7(at: now).description
        pipeline = Pipeline(
            PipelineParts(
                channels: workbench.channels,
                directory: directory,
                database: workbench.database,
                governor: LocalSendGovernor(),
                doorbell: LocalDoorbell(),
                transport: workbench.transport,
                clock: workbench.clock,
                settings: PipelineSettings(
                    holder: holder,
                    turnsPerBusiness: workbench.settings.turnsPerBusiness,
                    lease: workbench.settings.lease
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
        moreRoutes: (Router<BasicRequestContext>) -> Void = { _ in },
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> [any Service] {
        let router = Router()
        let lanes = workbench.stores.lanes
        let metrics = metrics
        IngressRoutes(
            pipeline: pipeline,
            readiness: DatabaseReadiness(database: workbench.database),
            clock: workbench.clock,
            metrics: {
                for depth in (try? await lanes.depth()) ?? [] {
                    Gauge(label: "parley_lanes_waiting", dimensions: [("act", depth.act)]).record(depth.waiting)
                    Gauge(label: "parley_lanes_held", dimensions: [("act", depth.act)]).record(depth.held)
                }
                return metrics.text()
            }
        ).add(to: router)
        moreRoutes(router)
        return pipeline.services + [
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
        ]
    }
}

/// Ready means that the database takes writes.
private struct DatabaseReadiness: Readiness {
    let database: any SQLDatabase

    func problems() async -> [String] {
        do {
            try await database.transaction(.dispatch) { connection in
                try await connection.execute(database.dialect.writeProbe)
            }
            return []
        } catch {
            return ["the database cannot be written: \(error)"]
        }
    }
}
