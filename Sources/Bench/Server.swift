import CoreMetrics
import Hummingbird
import Ingress
import Logging
import NIOCore
import NIOPosix
import ParleyApp
import ParleyCore
import Pipeline
import ServiceLifecycle
import Storage
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The process that is measured: the gateway with its own settings and services, and two more routes.
package enum BenchServer {
    package enum Part: String, Sendable {
        /// Webhooks are committed and answered; nothing reads the inbox.
        case accepting
        /// The whole gateway.
        case everything
    }

    /// Makes businesses with a Slack integration each, tells the generator about them on standard output as one line of
    /// JSON, and serves until standard input ends.
    package static func run(
        _ part: Part,
        businesses: Int,
        announce: @escaping @Sendable (String) -> Void
    ) async throws {
        let settings = try await ParleySettings.read()
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: settings.logLevel, json: settings.logsJSON) }
        let metrics = MetricsRegistry()
        MetricsSystem.bootstrap(metrics)
        let logger = Logger(label: "parley")
        try await Workbench.with(settings, logger: logger) { workbench in
            let integrations = try await connect(businesses, workbench)
            let gateway = try await Gateway(workbench, metrics: metrics)
            let services = gateway.services(
                moreRoutes: { addRoutes(to: $0, workbench.database) },
                onRunning: { port in
                    let line: JSON = [
                        "port": JSON(port), "integrations": .array(integrations.map { JSON($0.description) }),
                    ]
                    announce(line.description)
                }
            ).filter { part == .everything || !($0 is ClaimLoop) }
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: (services + [UntilInputEnds()]).map {
                        .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
                    },
                    gracefulShutdownSignals: [.sigterm, .sigint],
                    logger: logger
                )
            )
            try await group.run()
        }
    }

    private static func connect(_ count: Int, _ workbench: Workbench) async throws -> [ID<ParleyCore.Integration>] {
        var made: [ID<ParleyCore.Integration>] = []
        for number in 1...max(1, count) {
            let business = try await workbench.stores.businesses.create(name: "Benchmark \(number)").id
            let id = ID<ParleyCore.Integration>(at: workbench.clock.now)
            let credentials: JSON = [
                "bot_token": "xoxb-benchmark", "signing_secret": JSON(SlackWebhooks.signingSecret),
            ]
            _ = try await workbench.stores.integrations.connect(
                id: id,
                business: business,
                channel: "slack",
                name: "Benchmark",
                credentials: Secret(credentials.encoded()),
                settings: ["team_id": "T0BENCH", "bot_user_id": "U0BENCHBOT"]
            )
            made.append(id)
        }
        return made
    }

    private static func addRoutes(to router: Router<GatewayContext>, _ database: any SQLDatabase) {
        // What the webhook route costs without Parley: the same server, the same body, the same empty 200.
        router.post("/bench/echo") { request, _ in
            var request = request
            _ = try await request.collectBody(upTo: Limits.webhookBodyBytes)
            return Response(status: .ok)
        }
        router.get("/bench/rows") { _, _ in
            let rows = try await database.read(.house) { connection in
                try await connection.first(
                    """
                    SELECT (SELECT COUNT(*) FROM inbox_events) AS inbox, (SELECT COUNT(*) FROM turns) AS turns,
                        (SELECT COUNT(*) FROM tool_executions) AS tools,
                        (SELECT COUNT(*) FROM deliveries WHERE state = 'delivered') AS delivered,
                        (SELECT COALESCE(SUM(messages), 0) FROM api_usage) AS usage
                    """,
                    []
                )
            }
            var json = JSONObject()
            for name in ["inbox", "turns", "tools", "delivered", "usage"] {
                json[name] = .integer((try? rows?.int(name)) ?? -1)
            }
            return Response.text(JSON.object(json).description)
        }
    }
}

/// The generator holds the other end of the pipe: when it goes, however it goes, so does the server.
private struct UntilInputEnds: Service {
    func run() async throws {
        try await NIOThreadPool.singleton.runIfActive {
            var byte: UInt8 = 0
            while systemRead(STDIN_FILENO, &byte, 1) > 0 {}
        }
    }
}

private func systemRead(_ file: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(file, bytes, count)
}
