import ParleyCore

/// Who may buy: one lead per contact, which every conversation enriches.
package struct LeadStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Up to `limit` leads of a business in the order of their ids, after `last`.
    package func page(
        of business: ID<Business>,
        after last: ID<Lead>? = nil,
        limit: Int = 500
    ) async throws -> [LeadRecord] {
        try await database.read(.business(business)) { connection in
            try await connection.query(
                """
                SELECT \(LeadRecord.columns) FROM leads
                WHERE business_id = $1 AND id > $2 ORDER BY id LIMIT $3
                """,
                [.id(business), .afterID(last), .int(limit)]
            ).map { try LeadRecord($0) }
        }
    }

    package func lead(of contact: ID<Contact>, in business: ID<Business>) async throws -> LeadRecord? {
        try await database.read(.business(business)) { connection in
            try await connection.first(
                "SELECT \(LeadRecord.columns) FROM leads WHERE business_id = $1 AND contact_id = $2",
                [.id(business), .id(contact)]
            ).map { try LeadRecord($0) }
        }
    }

    /// Writes what is new about a contact into its one lead, inside the caller's transaction.
    ///
    /// The first name, address and number that somebody gave stay; later ones are kept beside them in `extra_data`.
    package static func merge(
        _ fields: LeadFields,
        contact: ID<Contact>,
        business: ID<Business>,
        channel: ChannelID,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        // Writing first locks the row, so that what is then read is the latest.
        try await connection.execute(
            """
            INSERT INTO leads (
                business_id, id, contact_id, channel, name, email, phone, source_intent, created_at, updated_at
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
            ON CONFLICT (business_id, contact_id) DO UPDATE SET
                name = COALESCE(leads.name, excluded.name),
                email = COALESCE(leads.email, excluded.email),
                phone = COALESCE(leads.phone, excluded.phone),
                source_intent = COALESCE(leads.source_intent, excluded.source_intent),
                updated_at = excluded.updated_at
            """,
            [
                .id(business), .uuid(UUID7(at: now)), .id(contact), .text(channel.name), .text(fields.name),
                .text(fields.email), .text(fields.phone), .text(fields.sourceIntent), .timestamp(now),
            ]
        )
        try await keepFurther(fields, contact: contact, business: business, on: connection)
        try await connection.execute(
            """
            UPDATE contacts SET
                name = COALESCE(name, $3), email = COALESCE(email, $4), phone = COALESCE(phone, $5), updated_at = $6
            WHERE business_id = $1 AND id = $2
            """,
            [
                .id(business), .id(contact), .text(fields.name), .text(fields.email), .text(fields.phone),
                .timestamp(now),
            ]
        )
    }

    private static func keepFurther(
        _ fields: LeadFields,
        contact: ID<Contact>,
        business: ID<Business>,
        on connection: any SQLConnection
    ) async throws {
        let row = try await connection.first(
            "SELECT name, email, phone, extra_data FROM leads WHERE business_id = $1 AND contact_id = $2",
            [.id(business), .id(contact)]
        )
        guard let row else { return }
        let known = try row.json("extra_data")
        var extra = known
        if fields.name != row.optionalText("name") { extra.add(fields.name, to: "other_names") }
        if fields.email != row.optionalText("email") { extra.add(fields.email, to: "other_emails") }
        if fields.phone != row.optionalText("phone") { extra.add(fields.phone, to: "other_phones") }
        extra.add(fields.interest, to: "interests")
        guard extra != known else { return }
        try await connection.execute(
            "UPDATE leads SET extra_data = $3 WHERE business_id = $1 AND contact_id = $2",
            [.id(business), .id(contact), .json(extra)]
        )
    }
}

extension JSON {
    /// Into the list under a key, once; a list that has grown to 20 is full.
    fileprivate mutating func add(_ value: String?, to key: String) {
        guard let value else { return }
        var list = self[key]?.array ?? []
        guard list.count < 20, !list.contains(.string(value)) else { return }
        list.append(.string(value))
        self[key] = .array(list)
    }
}

extension SQLValue {
    /// Where a page begins: after an id, or before all of them.
    static func afterID<Entity>(_ id: ID<Entity>?) -> SQLValue { .uuid(id?.uuid ?? UUID7(high: 0, low: 0)) }
}
