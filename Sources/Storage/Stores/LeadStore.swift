import ParleyCore

/// What is known of someone who may buy; nil leaves a field as it is.
package struct LeadFields: Sendable, Equatable {
    package var name: String?
    package var email: String?
    package var phone: String?
    package var interest: String?
    package var intent: String?

    package init(
        name: String? = nil,
        email: String? = nil,
        phone: String? = nil,
        interest: String? = nil,
        intent: String? = nil
    ) {
        self.name = name
        self.email = email
        self.phone = phone
        self.interest = interest
        self.intent = intent
    }
}

package struct LeadRecord: Sendable, Equatable {
    package let id: ID<Lead>
    package let contactID: ID<Contact>
    package let channel: ChannelID
    package let name: String?
    package let email: String?
    package let phone: String?
    package let status: String
    package let sourceIntent: String?
    package let extra: JSON
    package let createdAt: Timestamp
    package let updatedAt: Timestamp

    init(_ row: SQLRow) throws(SQLError) {
        id = try row.id("id")
        contactID = try row.id("contact_id")
        channel = ChannelID(try row.text("channel"))
        name = row.optionalText("name")
        email = row.optionalText("email")
        phone = row.optionalText("phone")
        status = try row.text("status")
        sourceIntent = row.optionalText("source_intent")
        extra = row.optionalJSON("extra_data") ?? [:]
        createdAt = try row.timestamp("created_at")
        updatedAt = try row.timestamp("updated_at")
    }
}

/// One lead per contact, enriched and never duplicated.
package struct LeadStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// A page of a business's leads in the order of their making, for exports.
    package func page(of business: ID<Business>, after: ID<Lead>?, upTo count: Int) async throws -> [LeadRecord] {
        try await database.read { connection in
            try await connection.query(
                "SELECT * FROM leads WHERE business_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                [.id(business), after.map { .id($0) } ?? .uuid(UUID7(high: 0, low: 0)), .int(count)]
            ).map { try LeadRecord($0) }
        }
    }

    /// Merges what is newly known into the contact's lead, within a turn's commit.
    ///
    /// The first e-mail address, number and name stay; further ones are kept beside them in `extra_data`.
    static func merge(
        _ fields: LeadFields,
        contact: ID<Contact>,
        business: ID<Business>,
        channel: ChannelID,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        let key: [SQLValue] = [.id(business), .id(contact)]
        let known = try await connection.first(
            "SELECT * FROM leads WHERE business_id = $1 AND contact_id = $2",
            key
        ).map { try LeadRecord($0) }
        var extra = known?.extra ?? [:]
        for (member, old, new) in [
            ("other_emails", known?.email, fields.email), ("other_phones", known?.phone, fields.phone),
            ("other_names", known?.name, fields.name),
        ] {
            guard let old, let new, old != new else { continue }
            extra = add(new, to: member, of: extra)
        }
        if let interest = fields.interest { extra = add(interest, to: "interests", of: extra) }
        try await connection.execute(
            """
            INSERT INTO leads (
                business_id, id, contact_id, channel, name, email, phone, source_intent, extra_data, created_at,
                updated_at
            ) VALUES ($1, $3, $2, $4, $5, $6, $7, $8, $9, $10, $10)
            ON CONFLICT (business_id, contact_id) DO UPDATE SET
                name = COALESCE(leads.name, $5), email = COALESCE(leads.email, $6),
                phone = COALESCE(leads.phone, $7), source_intent = COALESCE(leads.source_intent, $8),
                extra_data = $9, updated_at = $10
            """,
            key + [
                .id(ID<Lead>(at: now)), .text(channel.name), .text(fields.name), .text(fields.email),
                .text(fields.phone), .text(fields.intent), .json(extra), .timestamp(now),
            ]
        )
        try await connection.execute(
            """
            UPDATE contacts SET name = COALESCE(name, $3), email = COALESCE(email, $4), phone = COALESCE(phone, $5),
                updated_at = $6
            WHERE business_id = $1 AND id = $2
            """,
            key + [.text(fields.name), .text(fields.email), .text(fields.phone), .timestamp(now)]
        )
    }

    // At most twenty different values, so that nobody can grow a row without end.
    private static func add(_ value: String, to member: String, of extra: JSON) -> JSON {
        var extra = extra
        let values = extra[member]?.array ?? []
        if !values.contains(.string(value)), values.count < 20 { extra[member] = .array(values + [.string(value)]) }
        return extra
    }
}
