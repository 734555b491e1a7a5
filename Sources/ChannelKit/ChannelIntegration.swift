import ParleyCore
import Synchronization

/// One business's credentials on one channel: a bot, a workspace's app, a phone number.
package struct ChannelIntegration: Sendable {
    package let id: ID<Integration>
    package let businessID: ID<Business>
    package let channel: ChannelID
    package let name: String
    package let credentials: ChannelCredentials
    /// What connecting found out: the bot's own ids, and the operator's settings.
    package let settings: JSON
    package let isActive: Bool

    package init(
        id: ID<Integration>,
        businessID: ID<Business>,
        channel: ChannelID,
        name: String,
        credentials: ChannelCredentials,
        settings: JSON = [:],
        isActive: Bool = true
    ) {
        self.id = id
        self.businessID = businessID
        self.channel = channel
        self.name = name
        self.credentials = credentials
        self.settings = settings
        self.isActive = isActive
    }
}

/// Named secrets, as in the manifest's credential fields: `bot_token`, `signing_secret`, …
///
/// During a rotation, `previous_<field>` holds the secret that is still accepted on incoming webhooks.
package struct ChannelCredentials: Sendable {
    private let fields: [String: Secret<String>]
    private let keys = KeyRing()

    package init(_ fields: [String: Secret<String>]) { self.fields = fields }

    package subscript(field: String) -> Secret<String>? { fields[field] }

    /// The current secret and, during a rotation, the one before it. Empty strings do not count: no secret, no route.
    package func accepted(_ field: String) -> [Secret<String>] {
        [fields[field], fields["previous_\(field)"]].compactMap(\.self).filter { !$0.isEmpty }
    }

    /// ``accepted(_:)``, ready to check signatures with.
    package func signingKeys(_ field: String) -> [SigningKey] {
        keys.made.withLock { made in
            if let keys = made[field] { return keys }
            let keys = accepted(field).map(SigningKey.init)
            made[field] = keys
            return keys
        }
    }

    package var fieldNames: [String] { fields.keys.sorted() }

    package func merging(_ others: ChannelCredentials) -> ChannelCredentials {
        ChannelCredentials(fields.merging(others.fields) { _, new in new })
    }

    /// For the vault alone: the fields as one JSON object.
    package func revealedJSON() -> Secret<[UInt8]> {
        var object = JSONObject()
        for (name, secret) in fields.sorted(by: { $0.key < $1.key }) {
            secret.reveal { object[name] = .string($0) }
        }
        return Secret(JSON.object(object).encoded())
    }

    /// The opposite of ``revealedJSON()``. Members that are not strings are left out.
    package init(revealed bytes: Secret<[UInt8]>) throws(JSONError) {
        let json = try bytes.reveal { (bytes: [UInt8]) throws(JSONError) in try JSON(parsing: bytes) }
        var fields: [String: Secret<String>] = [:]
        for member in json.object?.members ?? [] {
            if let value = member.value.string { fields[member.key] = Secret(value) }
        }
        self.fields = fields
    }
}

/// Keys by the field that holds their secret.
private final class KeyRing: Sendable {
    let made = Mutex<[String: [SigningKey]]>([:])
}
