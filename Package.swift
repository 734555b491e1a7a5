// swift-tools-version: 6.2
import PackageDescription

// One word here makes a channel: `Sources/Channels/<Name>`, `channels/<Name>`, `Tests/Channel<Name>Tests`.
let channels = ["Discord", "Slack", "Telegram", "WhatsApp"]

let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
]

let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")

func room(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: path, swiftSettings: house)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: house)
}

let channelRooms: [Target] = channels.map { name in
    room(
        "Channel\(name)",
        path: "Sources/Channels/\(name)",
        ["ParleyCore", "ChannelKit", "ChannelManifests", crypto]
    )
}

let channelTests: [Target] = channels.map { name in
    tests(
        "Channel\(name)Tests",
        [.target(name: "Channel\(name)"), "ChannelKit", "ChannelManifests", "ParleyCore", "ParleyTesting", crypto]
    )
}

let appDependencies: [Target.Dependency] =
    [
        "ParleyCore", "Migrations", "ChannelManifests", "ChannelKit", "AgentKit", "Storage", "CoordinationKit",
        "Pipeline", "ModelProviders", "Integrations", "StorageSQLite", "StoragePostgres",
        "CoordinationRedis", "Ingress", "Emulators",
        hummingbird, httpTypes, nio, crypto, httpClient, lifecycle, logging, metrics,
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
    ] + channels.map { .target(name: "Channel\($0)") }

let package = Package(
    name: "parley",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "parley", targets: ["parley"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.3"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-system", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.0.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.30.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.20.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.8.0"),
    ],
    targets: [
        // 0 · system libraries
        .systemLibrary(
            name: "CMarkGFM",
            path: "Sources/CMarkGFM",
            providers: [.apt(["libcmark-gfm-dev", "libcmark-gfm-extensions-dev"])]
        ),

        .systemLibrary(name: "CHiredis", path: "Sources/CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CLibPQ", path: "Sources/CLibPQ", providers: [.apt(["libpq-dev"])]),

        // 1 · values, and data embedded in the binary
        room("ParleyCore", [crypto]),
        .target(
            name: "Migrations",
            path: "db",
            exclude: ["README.md", "schema.sqlite.sql", "schema.postgres.sql"],
            sources: ["Migrations.swift", "Seeds.swift"],
            resources: [.embedInCode("migrations"), .embedInCode("seed")],
            swiftSettings: house
        ),
        .target(
            name: "ChannelManifests",
            dependencies: ["ParleyCore"],
            path: "channels",
            exclude: channels.flatMap { ["\($0)/README.md", "\($0)/samples"] } + [
                "Discord/commands.json", "Slack/app-manifest.json",
            ],
            sources: ["ChannelManifests.swift"],
            resources: channels.map { .embedInCode("\($0)/\($0).json") },
            swiftSettings: house
        ),

        // 2 · ports
        room("ChannelKit", ["ParleyCore", "ChannelManifests", "CMarkGFM", crypto]),
        room("AgentKit", ["ParleyCore", crypto]),
        room("Storage", ["ParleyCore", "Migrations", crypto]),
        room("CoordinationKit", ["ParleyCore"]),

        // 3 · the story, and the adapters
        room(
            "Pipeline",
            [
                "ParleyCore", "ChannelManifests", "ChannelKit", "AgentKit", "Storage", "CoordinationKit", crypto,
                lifecycle,
                logging, metrics,
            ]
        ),
        room("ModelProviders", ["ParleyCore", "AgentKit"]),
        room("Integrations", ["ParleyCore", "AgentKit", "Storage", "CoordinationKit"]),
        room("StorageSQLite", ["ParleyCore", "Storage", .product(name: "GRDB", package: "GRDB.swift")]),

        room(
            "CoordinationRedis",
            [
                "ParleyCore", "CoordinationKit", "CHiredis", nio, crypto, lifecycle, logging,
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        room("StoragePostgres", ["ParleyCore", "Storage", "CLibPQ"]),

        // 4 · HTTP
        room(
            "Ingress",
            [
                "ParleyCore", "ChannelKit", "CoordinationKit", "Pipeline", hummingbird, hummingbirdCore, httpTypes, nio,
                logging, metrics,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
            ]
        ),
        .target(
            name: "Emulators",
            dependencies: ["ParleyCore", hummingbird, httpTypes, nio, crypto, httpClient, lifecycle, logging],
            resources: [.embedInCode("Playground/Page")],
            swiftSettings: house
        ),

        // 5 · composition root
        room("ParleyApp", appDependencies),

        // 5 · beside it: the benchmark runs the composition root from outside
        room(
            "Bench",
            [
                "ParleyCore", "ParleyApp", "Pipeline", "Storage", "Ingress",
                hummingbird, nio, crypto, httpClient, lifecycle, logging,
                .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ]
        ),

        // 6 · the executable
        .executableTarget(
            name: "parley",
            dependencies: [
                "ParleyCore", "ParleyApp", "Bench",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: house
        ),

        // T · test support
        room(
            "ParleyTesting",
            path: "Tests/ParleyTesting",
            [
                "ParleyCore", "ChannelKit", "AgentKit", "Storage", "StorageSQLite", "StoragePostgres",
                "ChannelManifests", "CLibPQ",
            ]
        ),
        tests("ParleyCoreTests", ["ParleyCore"]),
        tests("ChannelKitTests", ["ChannelKit", "ParleyCore"]),
        tests("AgentKitTests", ["AgentKit", "ParleyCore", "ParleyTesting"]),
        tests("ModelProvidersTests", ["ModelProviders", "AgentKit", "ParleyCore", "ParleyTesting"]),
        tests(
            "IntegrationsTests",
            ["Integrations", "ModelProviders", "AgentKit", "CoordinationKit", "Storage", "ParleyCore", "ParleyTesting"]
        ),
        tests("StorageTests", ["Storage", "StorageSQLite", "Migrations", "ParleyCore", "ParleyTesting"]),
        tests("StoragePostgresTests", ["StoragePostgres", "Storage", "Bench", "ParleyCore", "ParleyTesting"]),
        tests(
            "PipelineTests",
            [
                "Pipeline", "ChannelKit", "AgentKit", "Storage", "CoordinationKit", "ParleyCore", "ParleyTesting",
                logging,
            ]
        ),
        tests(
            "CoordinationRedisTests",
            ["CoordinationRedis", "CoordinationKit", "ParleyCore", "ParleyTesting", lifecycle, logging]
        ),
        tests("EmulatorsTests", ["Emulators", "ParleyCore", httpClient, nio, crypto]),
        tests(
            "ParleyAppTests",
            [
                "ParleyApp", "ParleyCore", "ChannelKit", "AgentKit", "Storage", "StorageSQLite", "StoragePostgres",
                "Pipeline", "Ingress", "CoordinationKit", "CoordinationRedis",
                "Emulators", "ParleyTesting", httpClient, nio, crypto,
            ]
        ),
        tests("HouseRulesTests", ["ParleyCore"]),
    ] + channelRooms + channelTests
)
