import ParleyCore

/// What a channel is, as data: `channels/<Name>/<Name>.json`, embedded in the binary.
///
/// It is the only place where a platform's limit such as "4096" is written; it also feeds set-up forms and the doctor.
package struct ChannelManifest: Sendable {
    package let id: ChannelID
    package let displayName: String
    package let credentialFields: [CredentialField]
    /// How the platform proves its webhooks, in a few words for people.
    package let webhookProof: String
    package let limits: [String: ChannelLimit]

    /// A field of the JSON object that `parley channel connect` takes.
    package struct CredentialField: Sendable {
        package let name: String
        package let label: String
        package let isSecret: Bool
        package let isRequired: Bool
        /// Where to find it.
        package let help: String
    }

    /// A platform's limit with the unit in which it counts.
    package struct ChannelLimit: Sendable {
        package let value: Int
        /// `utf16`, `scalars`, `characters`, `bytes`, `seconds`, `per_minute`, …
        package let unit: String
        /// Where the figure is from.
        package let source: String
    }

    /// The value of a limit; `fallback` when the manifest does not have it.
    package func limit(_ name: String, or fallback: Int) -> Int { limits[name]?.value ?? fallback }

    /// Reads a manifest; nil when the JSON is not one. Embedded manifests are proven by the conformance suite.
    package init?(parsing bytes: [UInt8]) {
        guard let json = try? JSON(parsing: bytes),
            let id = json["id"]?.string,
            let displayName = json["display_name"]?.string,
            let fields = json["credentials"]?.array,
            let proof = json["webhook"]?["proof"]?.string,
            let limits = json["limits"]?.object
        else { return nil }
        self.id = ChannelID(id)
        self.displayName = displayName
        webhookProof = proof
        credentialFields = fields.compactMap { field in
            field["name"]?.string.map {
                CredentialField(
                    name: $0,
                    label: field["label"]?.string ?? $0,
                    isSecret: field["secret"]?.bool ?? true,
                    isRequired: field["required"]?.bool ?? true,
                    help: field["help"]?.string ?? ""
                )
            }
        }
        self.limits = Dictionary(
            limits.members.compactMap { member in
                guard let value = member.value["value"]?.int else { return nil }
                return (
                    member.key,
                    ChannelLimit(
                        value: Int(clamping: value),
                        unit: member.value["unit"]?.string ?? "",
                        source: member.value["source"]?.string ?? ""
                    )
                )
            },
            uniquingKeysWith: { first, _ in first }
        )
    }

    private init(embedded bytes: [UInt8], _ name: String) {
        guard let manifest = ChannelManifest(parsing: bytes) else {
            preconditionFailure("channels/\(name)/\(name).json is not a channel manifest")
        }
        self = manifest
    }

    package static let discord = ChannelManifest(embedded: PackageResources.Discord_json, "Discord")
    package static let slack = ChannelManifest(embedded: PackageResources.Slack_json, "Slack")
    package static let telegram = ChannelManifest(embedded: PackageResources.Telegram_json, "Telegram")
    package static let whatsApp = ChannelManifest(embedded: PackageResources.WhatsApp_json, "WhatsApp")
}
