import Logging
import Metrics
import NIOCore
import ParleyCore
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What `parley serve` and `parley demo` have in common: logs, metrics, signals, and an orderly end.
package enum Serving {
    /// Runs the gateway until SIGTERM or SIGINT.
    package static func serve(_ settings: ParleySettings, onRunning: @escaping @Sendable (Int) -> Void) async throws {
        let (logger, metrics) = bootstrap(settings)
        try await Workbench.with(settings, logger: logger) { workbench in
            if let path = workbench.madeMasterKeyAt {
                logger.notice(
                    "a master key was made; keep a copy, without it no stored credential can be read",
                    metadata: ["path": "\(path)"]
                )
            }
            let gateway = try await Gateway(workbench, metrics: metrics)
            try await listening(fix: "port \(settings.port) is in use; set it to another") {
                try await group(gateway.services(onRunning: { onRunning($0) }), logger).run()
            }
        }
    }

    /// Runs the demo until SIGTERM or SIGINT.
    package static func demo(
        _ settings: ParleySettings,
        folder: String,
        onReady: @escaping @Sendable (DemoAddresses) -> Void
    ) async throws {
        let (logger, metrics) = bootstrap(settings)
        try DataFolder.make(folder)
        let demo = Demo(settings: settings, folder: folder, metrics: metrics, logger: logger, onReady: onReady)
        let ports = "port \(settings.port) or \(settings.port + 1)"
        try await listening("--port", fix: "\(ports) is in use; choose another") {
            try await group([demo], logger).run()
        }
    }

    // Names the fix for what goes wrong most often at a start.
    private static func listening(
        _ setting: String = "PARLEY_HTTP_PORT",
        fix: String,
        _ run: () async throws -> Void
    ) async throws {
        do {
            try await run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw SettingsError(key: setting, fix: fix)
        }
    }

    private static func bootstrap(_ settings: ParleySettings) -> (Logger, MetricsRegistry) {
        let (level, json) = (settings.logLevel, settings.logsJSON)
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level, json: json) }
        let metrics = MetricsRegistry()
        MetricsSystem.bootstrap(metrics)
        return (Logger(label: "parley"), metrics)
    }

    private static func group(_ services: [any Service], _ logger: Logger) -> ServiceGroup {
        var quiet = logger
        // Every start and stop of a service is its own affair.
        quiet.logLevel = max(logger.logLevel, .warning)
        var configuration = ServiceGroupConfiguration(
            services: services.map { service in
                // A service that ends at a shutdown is no failure.
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: service,
                    successTerminationBehavior: .gracefullyShutdownGroup
                )
            },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet
        )
        configuration.maximumGracefulShutdownDuration = Limits.shutdown
        return ServiceGroup(configuration: configuration)
    }
}
