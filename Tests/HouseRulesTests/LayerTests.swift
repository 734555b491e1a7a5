import Testing

/// Who may import whom. Arrows point down only, and nothing imports a neighbour on its own level.
@Suite struct LayerTests {
    /// Our own modules that a target may import; what is not here may import none.
    static let table: [String: Set<String>] = [
        "CMarkGFM": [],
        "CHiredis": [],
        "CLibPQ": [],
        "ParleyCore": [],
        "Migrations": [],
        "ChannelManifests": ["ParleyCore"],
        "ChannelKit": ["ParleyCore", "ChannelManifests", "CMarkGFM"],
        "AgentKit": ["ParleyCore"],
        "Storage": ["ParleyCore", "Migrations"],
        "CoordinationKit": ["ParleyCore"],
        "Pipeline": ["ParleyCore", "ChannelManifests", "ChannelKit", "AgentKit", "Storage", "CoordinationKit"],
        "ModelProviders": ["ParleyCore", "AgentKit"],
        "Integrations": ["ParleyCore", "AgentKit", "Storage", "CoordinationKit"],
        "StorageSQLite": ["ParleyCore", "Storage"],
        "CoordinationRedis": ["ParleyCore", "CoordinationKit", "CHiredis"],
        "StoragePostgres": ["ParleyCore", "Storage", "CLibPQ"],
        "Ingress": ["ParleyCore", "ChannelKit", "CoordinationKit", "Pipeline"],
        "Emulators": ["ParleyCore"],
        "ParleyApp": [
            "ParleyCore", "Migrations", "ChannelManifests", "ChannelKit", "AgentKit", "Storage", "CoordinationKit",
            "Pipeline", "ModelProviders", "Integrations", "StorageSQLite", "StoragePostgres",
            "CoordinationRedis", "Ingress", "Emulators",
        ],
        "Bench": ["ParleyCore", "ParleyApp", "Pipeline", "Storage", "Ingress"],
        "parley": ["ParleyCore", "ParleyApp", "Bench"],
    ]

    /// Rooms that hold a module map and nothing else.
    static let systemLibraries: Set<String> = ["CMarkGFM", "CHiredis", "CLibPQ"]

    /// What every channel may import.
    static let channel: Set<String> = ["ParleyCore", "ChannelKit", "ChannelManifests"]

    /// Libraries with I/O or a world of their own, and the only targets that know them.
    static let confined: [String: Set<String>] = [
        "GRDB": ["StorageSQLite"],
        "GRDBSQLite": ["StorageSQLite"],
        "Hummingbird": ["Ingress", "Emulators", "ParleyApp", "Bench"],
        "HummingbirdCore": ["Ingress", "Emulators", "ParleyApp", "Bench"],
        "AsyncHTTPClient": ["Emulators", "ParleyApp", "Bench"],
        "NIOCore": ["CoordinationRedis", "Ingress", "Emulators", "ParleyApp", "Bench"],
        "NIOPosix": ["CoordinationRedis", "ParleyApp", "Bench"],
        "NIOSSL": ["CoordinationRedis"],
        "Configuration": ["ParleyApp"],
        "SystemPackage": ["ParleyApp"],
        "ArgumentParser": ["parley"],
        "ServiceLifecycle": ["Pipeline", "CoordinationRedis", "Emulators", "ParleyApp", "Bench"],
        "Foundation": ["StorageSQLite", "Bench"],
        "XCTest": [],
    ]

    /// Where a target's sources are, and its name.
    static func targets() throws -> [(name: String, folder: String)] {
        let rooms = House.folders(in: "Sources").filter { $0 != "Channels" }.map { ($0, "Sources/\($0)") }
        let channels = try House.channels().map { ("Channel\($0)", "Sources/Channels/\($0)") }
        return rooms + channels + [("ChannelManifests", "channels"), ("Migrations", "db")]
    }

    @Test func `a target imports what lies below it and nothing else of ours`() throws {
        let targets = try Self.targets()
        let ours = Set(targets.map(\.name))
        let channels = ours.filter { $0.hasPrefix("Channel") && Self.table[$0] == nil }
        for (name, folder) in targets {
            let allowed: Set<String>
            if channels.contains(name) {
                allowed = Self.channel
            } else {
                let row = try #require(Self.table[name], "\(name) has no row in the import table")
                allowed = name == "ParleyApp" ? row.union(channels) : row
            }
            let files = House.swiftFiles(below: folder)
            for file in files {
                let foreign = file.imports.intersection(ours).subtracting(allowed)
                #expect(foreign.isEmpty, "\(file) imports \(foreign.sorted())")
            }
            #expect(!files.isEmpty || Self.systemLibraries.contains(name), "\(folder) has no Swift file")
        }
    }

    @Test func `every row of the import table is a target`() throws {
        let names = Set(try Self.targets().map(\.name))
        #expect(Set(Self.table.keys).subtracting(names).isEmpty)
    }

    @Test func `libraries stay in the rooms that own them`() throws {
        for (name, folder) in try Self.targets() {
            for file in House.swiftFiles(below: folder) {
                for module in file.imports {
                    guard let owners = Self.confined[module] else { continue }
                    #expect(owners.contains(name), "\(file) imports \(module)")
                }
            }
        }
    }

    @Test func `the composition root alone knows all channels`() throws {
        let channels = Set(try House.channels().map { "Channel\($0)" })
        for file in House.swiftFiles(below: "Sources") where !file.imports.isDisjoint(with: channels) {
            #expect(file.path == "Sources/ParleyApp/Channels.swift")
        }
    }

    /// Rooms that must serve a fifth channel unchanged.
    static let core = [
        "ParleyCore", "ChannelKit", "AgentKit", "Storage", "StorageSQLite", "CoordinationKit", "CoordinationRedis",
        "Pipeline",
        "Ingress", "Integrations", "ModelProviders",
    ]

    /// Where a channel's name is a word of people's language and decides nothing about channels.
    static let words = ["Sources/AgentKit/ContactDetails.swift"]

    @Test(arguments: core) func `the core never says a channel's name`(_ room: String) throws {
        let names = try House.channels().map { $0.lowercased() }
        for file in House.swiftFiles(below: "Sources/\(room)") where !Self.words.contains(file.path) {
            for line in file.code {
                let said = names.filter { line.text.lowercased().contains($0) }
                #expect(said.isEmpty, "\(file):\(line.number) says \(said)")
            }
        }
    }
}
