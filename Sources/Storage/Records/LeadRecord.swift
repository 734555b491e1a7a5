import ParleyCore

/// What a turn has learnt about someone who may buy; nil leaves a field as it is.
package struct LeadFields: Sendable, Equatable {
    package var name: String?
    package var email: String?
    package var phone: String?
    package var interest: String?
    /// The intent that led to it.
    package var sourceIntent: String?

    package init(
        name: String? = nil,
        email: String? = nil,
        phone: String? = nil,
        interest: String? = nil,
        sourceIntent: String? = nil
    ) {
        self.name = name
        self.email = email
        self.phone = phone
        self.interest = interest
        self.sourceIntent = sourceIntent
    }
}

/// The one lead of a contact.
package struct LeadRecord: Sendable, Equatable {
    package let businessID: ID<Business>
    package let id: ID<Lead>
    package let contactID: ID<Contact>
    package let channel: ChannelID
    package let name: String?
    package let email: String?
    package let phone: String?
    /// new, contacted, qualified, converted or lost
    package let status: String
    package let sourceIntent: String?
    /// `interests`, and further addresses under `other_names`, `other_emails`, `other_phones`.
    package let extraData: JSON
    package let convertedAt: Timestamp?
    package let conversionValueMicros: Int64?
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    static let columns = """
        business_id, id, contact_id, channel, name, email, phone, status, source_intent, extra_data, converted_at, \
        conversion_value_micros, created_at, updated_at
        """

    init(_ row: SQLRow) throws {
        businessID = try row.id("business_id")
        id = try row.id("id")
        contactID = try row.id("contact_id")
        channel = ChannelID(try row.text("channel"))
        name = row.optionalText("name")
        email = row.optionalText("email")
        phone = row.optionalText("phone")
        status = try row.text("status")
        sourceIntent = row.optionalText("source_intent")
        extraData = try row.json("extra_data")
        convertedAt = row.optionalTimestamp("converted_at")
        conversionValueMicros = row.optionalInt("conversion_value_micros")
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
    }
}
