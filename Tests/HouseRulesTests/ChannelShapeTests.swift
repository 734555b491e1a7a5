import ParleyCore
import Testing

/// A channel is two folders, one word in Package.swift and one line in the registry.
@Suite struct ChannelShapeTests {
    @Test func `every channel has its folders, and every folder is a channel`() throws {
        let channels = try House.channels()
        #expect(!channels.isEmpty)
        #expect(House.folders(in: "Sources/Channels") == channels)
        #expect(House.folders(in: "channels") == channels)
        for name in channels {
            #expect(House.folders(in: "Tests").contains("Channel\(name)Tests"))
        }
    }

    @Test func `every channel is registered`() throws {
        let registry = try #require(House.text(of: "Sources/ParleyApp/Channels.swift"))
        for name in try House.channels() {
            #expect(registry.contains("import Channel\(name)\n"))
            #expect(registry.contains("\(name)Channel("))
        }
    }

    @Test func `every channel has a manifest, a guide and samples with what they must become`() throws {
        for name in try House.channels() {
            let manifest = try #require(House.text(of: "channels/\(name)/\(name).json"), "\(name) has no manifest")
            let json = try JSON(parsing: manifest)
            #expect(json["id"]?.string == name.lowercased())
            #expect(json["display_name"]?.string?.isEmpty == false)
            #expect(json["credentials"]?.array?.isEmpty == false)

            let guide = try #require(House.text(of: "channels/\(name)/README.md"), "\(name) has no guide")
            #expect(guide.contains("parley channel connect \(name.lowercased())"))

            let samples = House.files(below: "channels/\(name)/samples").filter { $0.hasSuffix(".json") }
            #expect(!samples.isEmpty, "\(name) has no samples")
            for sample in samples {
                let text = try #require(House.text(of: sample))
                #expect(throws: Never.self, "\(sample)") { try JSON(parsing: text) }
            }
        }
    }

    @Test func `a platform's host is named by its channel's settings and nowhere in the core`() throws {
        let hosts = ["slack.com/api", "api.telegram.org", "discord.com/api", "graph.facebook.com"]
        for room in LayerTests.core {
            for file in House.swiftFiles(below: "Sources/\(room)") {
                for host in hosts {
                    #expect(!file.code.contains { $0.text.contains(host) }, "\(file) names \(host)")
                }
            }
        }
    }
}
