import ParleyCore

/// A business's presence on one channel, without its credentials.
package struct IntegrationRecord: Sendable, Equatable {
    package let businessID: ID<Business>
    package let id: ID<Integration>
    package let channel: ChannelID
    package let name: String
    package let settings: JSON
    package let webhookURL: String?
    package let isActive: Bool
    package let health: Health
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    /// Whether the platform accepts the credentials.
    package enum Health: String, Sendable {
        case unknown
        case ok
        case refused
    }

    static let columns = """
        i.business_id, i.id, i.channel, i.channel_name, i.settings, i.webhook_url, i.is_active, i.health, \
        i.created_at, i.updated_at
        """

    init(_ row: SQLRow) throws {
        businessID = try row.id("business_id")
        id = try row.id("id")
        channel = ChannelID(try row.text("channel"))
        name = try row.text("channel_name")
        settings = try row.json("settings")
        webhookURL = row.optionalText("webhook_url")
        isActive = try row.bool("is_active")
        health = Health(rawValue: try row.text("health")) ?? .unknown
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
    }
}

/// What the webhook route and the deliverer need of an integration.
package struct LoadedIntegration: Sendable {
    package let record: IntegrationRecord
    /// The JSON object that was given when it was connected.
    package let credentials: Secret<[UInt8]>
    package let businessIsActive: Bool
    package let businessSettings: JSON
    /// Until when the platform wants the whole integration to wait, on this process's clock; nil when it does not.
    package let heldUntil: Timestamp?
}
