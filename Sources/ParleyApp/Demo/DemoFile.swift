import ParleyCore
import SystemPackage

/// `demo.json` in the demo's data folder: everything that an outside program needs to play a platform.
///
/// It holds the credentials of the emulated bots and is readable by its owner alone.
struct DemoFile: Sendable {
    struct Integration: Sendable {
        var id: ID<ParleyCore.Integration>
        var channel: ChannelID
        var webhookURL: String
        /// The emulator's id of the bot.
        var bot: String
        var credentials: [String: String]
    }

    var businessID: ID<Business>
    var baseURL: String
    var emulatorURL: String
    var integrations: [Integration]

    var json: JSON {
        [
            "base_url": JSON(baseURL),
            "playground_url": JSON(baseURL + "/playground"),
            "emulator_url": JSON(emulatorURL),
            "api_urls": .object(
                JSONObject(DemoFile.apiURLs(emulatorURL).map { .init(key: $0.key, value: JSON($0.value)) })
            ),
            "business_id": JSON(businessID.description),
            "integrations": .array(
                integrations.map { integration in
                    [
                        "id": JSON(integration.id.description),
                        "channel": JSON(integration.channel.name),
                        "webhook_url": JSON(integration.webhookURL),
                        "bot": JSON(integration.bot),
                        "credentials": .object(
                            JSONObject(
                                integration.credentials.sorted { $0.key < $1.key }
                                    .map { .init(key: $0.key, value: JSON($0.value)) }
                            )
                        ),
                    ]
                }
            ),
        ]
    }

    /// Where the emulated platforms, model and shop are on one emulator.
    static func apiURLs(_ emulator: String) -> KeyValuePairs<String, String> {
        [
            "slack": emulator + "/slack/api",
            "telegram": emulator + "/telegram",
            "discord": emulator + "/discord/api/v10",
            "whatsapp": emulator + "/whatsapp/v26.0",
            "openai": emulator + "/openai/v1",
            "shop": emulator + "/shop",
        ]
    }

    func write(to path: String) throws {
        let file = try FileDescriptor.open(
            FilePath(path + ".new"),
            .writeOnly,
            options: [.create, .truncate],
            permissions: .ownerReadWrite
        )
        try file.closeAfter { _ = try file.writeAll(JSONPretty.encode(json)) }
        try DataFolder.rename(path + ".new", to: path)
    }

    /// The file of an earlier start; nil when there is none that can be read.
    static func read(_ path: String) -> DemoFile? {
        guard let file = try? FileDescriptor.open(FilePath(path), .readOnly) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
        guard let json = try? JSON(parsing: bytes.prefix(count)),
            let business = json["business_id"]?.string.flatMap({ ID<Business>($0) })
        else { return nil }
        return DemoFile(
            businessID: business,
            baseURL: json["base_url"]?.string ?? "",
            emulatorURL: json["emulator_url"]?.string ?? "",
            integrations: (json["integrations"]?.array ?? []).compactMap { entry in
                guard let id = entry["id"]?.string.flatMap({ ID<ParleyCore.Integration>($0) }),
                    let channel = entry["channel"]?.string
                else { return nil }
                let credentials = (entry["credentials"]?.object?.members ?? []).compactMap { member in
                    member.value.string.map { (member.key, $0) }
                }
                return Integration(
                    id: id,
                    channel: ChannelID(channel),
                    webhookURL: entry["webhook_url"]?.string ?? "",
                    bot: entry["bot"]?.string ?? "",
                    credentials: Dictionary(credentials, uniquingKeysWith: { first, _ in first })
                )
            }
        )
    }
}

/// JSON with line breaks, for files that people open.
enum JSONPretty {
    static func encode(_ json: JSON) -> [UInt8] {
        var text = ""
        write(json, indent: 0, to: &text)
        return Array((text + "\n").utf8)
    }

    private static func write(_ json: JSON, indent: Int, to text: inout String) {
        let inner = String(repeating: "  ", count: indent + 1)
        let outer = String(repeating: "  ", count: indent)
        switch json {
        case .object(let object) where !object.isEmpty:
            text += "{\n"
            for (index, member) in object.members.enumerated() {
                text += "\(inner)\(JSON.string(member.key)): "
                write(member.value, indent: indent + 1, to: &text)
                text += index + 1 < object.members.count ? ",\n" : "\n"
            }
            text += "\(outer)}"
        case .array(let elements) where !elements.isEmpty:
            text += "[\n"
            for (index, element) in elements.enumerated() {
                text += inner
                write(element, indent: indent + 1, to: &text)
                text += index + 1 < elements.count ? ",\n" : "\n"
            }
            text += "\(outer)]"
        default: text += json.description
        }
    }
}
