import Emulators
import Logging
import ParleyCore
import ServiceLifecycle
import UnixSignals

/// How much goes wrong on the emulated platforms.
package enum ChaosLevel: String, Sendable, CaseIterable {
    case none
    /// A bad day: some duplicates, delays and 429s.
    case light
    /// A terrible one: everything, often.
    case heavy

    var faults: EmulatorFaults {
        var faults = EmulatorFaults()
        switch self {
        case .none: break
        case .light:
            faults.duplicate = 0.05
            faults.reorder = 0.02
            faults.badSignature = 0.01
            faults.delay = .milliseconds(200)
            faults.rateLimit = 0.02
            faults.serverError = 0.02
            faults.dropResponse = 0.01
            faults.slow = .milliseconds(100)
        case .heavy:
            faults.duplicate = 0.3
            faults.reorder = 0.2
            faults.badSignature = 0.1
            faults.delay = .seconds(1)
            faults.rateLimit = 0.15
            faults.serverError = 0.15
            faults.dropResponse = 0.1
            faults.slow = .milliseconds(500)
        }
        return faults
    }
}

/// `parley emulate`: the emulated platforms, model and shop alone, on one port.
package enum Emulating {
    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Parameters:
    ///   - port: 0 lets the system choose.
    ///   - onListening: told where everything is, once.
    package static func run(
        port: Int,
        seed: UInt64,
        chaos: ChaosLevel,
        logger: Logger,
        onListening: @escaping @Sendable (Report) -> Void
    ) async throws {
        let world = EmulatedWorld(seed: seed, logger: logger)
        world.setFaults(chaos.faults)
        let model = EmulatedModel()
        let shop = EmulatedShop()
        let emulators = EmulatorService(world: world, port: port, logger: logger) { router in
            model.addRoutes(to: router)
            shop.addRoutes(to: router)
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: emulators, successTerminationBehavior: .gracefullyShutdownGroup),
                    .init(
                        service: Announcement(emulators: emulators) {
                            onListening(report(port: $0, seed: seed, chaos: chaos))
                        },
                        successTerminationBehavior: .ignore
                    ),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }

    static func report(port: Int, seed: UInt64, chaos: ChaosLevel) -> Report {
        let base = "http://127.0.0.1:\(port)"
        let urls = DemoFile.apiURLs(base)
        let variables: KeyValuePairs = [
            "slack": "PARLEY_SLACK_API_URL", "telegram": "PARLEY_TELEGRAM_API_URL",
            "discord": "PARLEY_DISCORD_API_URL", "whatsapp": "PARLEY_WHATSAPP_API_URL", "openai": "OPENAI_BASE_URL",
        ]
        var environment: [(String, String)] = variables.compactMap { name, variable in
            urls.first { $0.key == name }.map { (variable, $0.value) }
        }
        environment += [
            ("OPENAI_API_KEY", "emulated"), ("PARLEY_MODEL", "openai:echo-agent"),
            ("PARLEY_ALLOW_PRIVATE_ADDRESSES", "true"),
        ]
        return Report(
            [
                "base_url": JSON(base), "seed": JSON(String(seed)), "chaos": JSON(chaos.rawValue),
                "api_urls": .object(JSONObject(urls.map { .init(key: $0.key, value: JSON($0.value)) })),
                "shop_token": JSON(EmulatedShop.demoToken),
                "environment": .object(JSONObject(environment.map { .init(key: $0.0, value: JSON($0.1)) })),
            ],
            [
                .line("The emulated platforms listen on \(base) (seed \(seed), chaos \(chaos.rawValue)).\n"),
                .fields(
                    urls.map { ($0.key, $0.value) } + [
                        ("shop token", EmulatedShop.demoToken), ("control", base + "/emulator/…"),
                    ]
                ),
                .line("\nPoint parley serve at them:\n"),
                .line(environment.map { "  export \($0.0)=\($0.1)" }.joined(separator: "\n")),
                .line("\nPress Ctrl-C to stop."),
            ]
        )
    }
}

/// Says where the emulators are as soon as they listen.
private struct Announcement: Service {
    let emulators: EmulatorService
    let announce: @Sendable (Int) -> Void

    func run() async throws {
        if let port = await emulators.boundPort() { announce(port) }
    }
}
