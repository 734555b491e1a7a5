import Emulators
import Logging
import ParleyCore
import ServiceLifecycle
import Storage

/// `parley demo`: everything on one machine and no account. The gateway on one port, the emulated platforms on the next,
/// and the playground page between them.
package struct Demo: Service {
    private let settings: ParleySettings
    private let folder: String
    private let database: Secret<String>
    package let world: EmulatedWorld
    package let model = EmulatedModel()
    package let shop = EmulatedShop()
    private let emulators: EmulatorService
    private let metrics: MetricsRegistry
    private let logger: Logger
    private let onReady: @Sendable (DemoAddresses) -> Void

    /// - Parameters:
    ///   - folder: where the database, the master key and `demo.json` go.
    ///   - database: another one than the folder's. Never `PARLEY_DATABASE_URL`: whoever tries the demo beside an
    ///     installation must not find Bob's Electronics among its businesses.
    ///   - seed: of the emulated world; by default a new one at every start, because its message ids must not be those of
    ///     an earlier one.
    ///   - timing: how fast the platforms' own waiting passes.
    ///   - onReady: told once the playground can be opened.
    package init(
        settings: ParleySettings,
        folder: String,
        database: Secret<String>? = nil,
        metrics: MetricsRegistry,
        logger: Logger,
        seed: UInt64 = .random(in: .min ... .max),
        timing: EmulatorTiming = EmulatorTiming(),
        onReady: @escaping @Sendable (DemoAddresses) -> Void
    ) {
        self.settings = settings
        self.folder = folder
        self.database = database ?? Secret("sqlite:\(folder)/parley.sqlite")
        self.metrics = metrics
        self.logger = logger
        self.onReady = onReady
        world = EmulatedWorld(seed: seed, logger: logger, timing: timing)
        emulators = EmulatorService(
            world: world,
            port: settings.port + 1,
            logger: logger
        ) { [model, shop] router in
            model.addRoutes(to: router)
            shop.addRoutes(to: router)
        }
    }

    package func run() async throws {
        // In this order, so that the gateway ends first and its last calls are answered; and a failure of either ends the
        // other gently: a server that is cancelled outright may never end.
        let services: [any Service] = [emulators, GatewayOfDemo(demo: self)]
        let configuration = ServiceGroupConfiguration(
            services: services.map {
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: $0,
                    successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup
                )
            },
            logger: logger
        )
        try await ServiceGroup(configuration: configuration).run()
    }

    private struct GatewayOfDemo: Service {
        let demo: Demo

        func run() async throws { try await demo.runGateway() }
    }

    private func runGateway() async throws {
        guard let port = await emulators.boundPort() else { return }
        let emulatorURL = "http://127.0.0.1:\(port)"
        let baseURL = "http://127.0.0.1:\(settings.port)"
        let workbench = try await Workbench.open(pointed(at: emulatorURL), logger: logger)
        do {
            let path = folder + "/demo.json"
            let business = DemoBusiness(
                workbench: workbench,
                world: world,
                baseURL: baseURL,
                emulatorURL: emulatorURL
            )
            let file = try await business.setUp(after: DemoFile.read(path))
            try file.write(to: path)
            let gateway = try await Gateway(workbench, metrics: metrics)
            let services = gateway.services(moreRoutes: { playground(workbench, file).addRoutes(to: $0) }) { _ in
                do { try business.openForBusiness(file) } catch {
                    logger.error("the emulated platforms could not be connected", metadata: ["error": "\(error)"])
                }
                onReady(DemoAddresses(playground: baseURL + "/playground", emulator: emulatorURL, file: path))
            }
            try await ServiceGroup(services: services, logger: logger).run()
            await workbench.close()
        } catch {
            await workbench.close()
            throw error
        }
    }

    private func pointed(at emulator: String) -> ParleySettings {
        var settings = settings
        settings.databaseURL = database
        settings.publicURL = "http://127.0.0.1:\(settings.port)"
        settings.slackAPIURL = emulator + "/slack/api"
        settings.telegramAPIURL = emulator + "/telegram"
        settings.discordAPIURL = emulator + "/discord/api/v10"
        settings.whatsAppAPIURL = emulator + "/whatsapp/v26.0"
        // The shop is on this machine.
        settings.allowsPrivateAddresses = true
        return settings
    }

    private func playground(_ workbench: Workbench, _ file: DemoFile) -> Playground {
        let journeys = workbench.stores.journeys
        let logger = logger
        return Playground(world: world, baseURL: file.baseURL, model: settings.model) { channel, messageID in
            guard let integration = file.integrations.first(where: { $0.channel.name == channel }) else { return [] }
            do {
                let journey = try await journeys.find(
                    platformMessageID: messageID,
                    integrationID: integration.id,
                    of: file.businessID
                )
                return journey.map { JourneyView($0).json } ?? []
            } catch {
                logger.warning("a journey could not be read", metadata: ["error": "\(error)"])
                return []
            }
        }
    }
}

/// Where a running demo is found.
package struct DemoAddresses: Sendable {
    package let playground: String
    package let emulator: String
    package let file: String
}
