import Crypto
import ParleyCore

/// Puts every stored secret under the current master key, one business after the other.
///
/// A business gets a new data key, its secrets are sealed anew with it, and its old data keys go, all in one transaction:
/// whoever holds an old master key and an old copy of the database can read nothing that is sealed now. What is done is
/// seen in `business_keys` alone, so that a rotation that was interrupted goes on when it is started again.
package struct KeyRotation: Sendable {
    /// What is sealed, by table and column; `id` names the row and `business_id` the business.
    package static let sealed: [(table: String, column: String)] = [
        ("channel_integrations", "credentials"), ("data_integrations", "credentials"),
    ]

    private let database: any SQLDatabase
    private let vault: CredentialVault

    package init(_ database: any SQLDatabase, vault: CredentialVault) {
        self.database = database
        self.vault = vault
    }

    /// How many businesses lie under each master key.
    package func usage() async throws -> [KeyUsage] { try await KeyUsage.read(database) }

    /// Businesses with a data key under another master key than the current one, by their ids.
    package func waiting(after last: ID<Business>?, limit: Int) async throws -> [ID<Business>] {
        try await database.read(.house) { connection in
            try await connection.query(
                """
                SELECT DISTINCT business_id FROM business_keys
                WHERE master_key_id <> $1 AND business_id > $2 ORDER BY business_id LIMIT $3
                """,
                [.text(vault.masters.current.id), .afterID(last), .int(limit)]
            ).map { try $0.id("business_id") }
        }
    }

    /// Does one business; the number of secrets that were sealed anew, or nil when nothing was to be done.
    ///
    /// Throws ``VaultError``, and leaves the business as it was, when one of its secrets cannot be opened.
    package func rotate(_ business: ID<Business>) async throws -> Int? {
        try await database.transaction(.business(business)) { connection in
            try await CredentialVault.hold(business, on: connection)
            let old = try await dataKeys(of: business, on: connection)
            guard old.contains(where: { $0.masterKeyID != vault.masters.current.id }) else { return nil }
            guard let last = old.map(\.version).max(), last < .max else { throw VaultError.noKey }
            let new = CredentialVault.DataKey(version: last + 1, key: SymmetricKey(size: .bits256))
            guard try await vault.keep(new, of: business, on: connection) else { throw SQLError.busy }
            var count = 0
            for (table, column) in Self.sealed {
                count += try await reseal(table, column, of: business, under: new, on: connection)
            }
            try await connection.execute(
                "DELETE FROM business_keys WHERE business_id = $1 AND version <= $2",
                [.id(business), .integer(Int64(last))]
            )
            return count
        }
    }

    private func dataKeys(
        of business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> [(version: UInt32, masterKeyID: String)] {
        try await connection.query(
            "SELECT version, master_key_id FROM business_keys WHERE business_id = $1",
            [.id(business)]
        ).map { (UInt32(clamping: try $0.int("version")), try $0.text("master_key_id")) }
    }

    private func reseal(
        _ table: String,
        _ column: String,
        of business: ID<Business>,
        under new: CredentialVault.DataKey,
        on connection: any SQLConnection
    ) async throws -> Int {
        let rows = try await connection.query(
            "SELECT id, \(column) AS sealed FROM \(table) WHERE business_id = $1 AND \(column) IS NOT NULL",
            [.id(business)]
        )
        for row in rows {
            let id = try row.id("id", SealedRow.self)
            let secret = try await vault.open(
                try row.blob("sealed"),
                table: table,
                column: column,
                row: id.description,
                business: business,
                on: connection
            )
            let blob = try vault.seal(
                secret,
                under: new,
                at: vault.place(table, column, id.description, business)
            )
            try await connection.execute(
                "UPDATE \(table) SET \(column) = $3 WHERE business_id = $1 AND id = $2",
                [.id(business), .id(id), .blob(blob)]
            )
        }
        return rows.count
    }
}

/// A row of any of the tables with sealed secrets.
private enum SealedRow {}

/// How many businesses have a data key under a master key.
package struct KeyUsage: Sendable, Equatable {
    package let masterKeyID: String
    package let businesses: Int64

    package init(masterKeyID: String, businesses: Int64) {
        self.masterKeyID = masterKeyID
        self.businesses = businesses
    }

    static func read(_ database: any SQLDatabase) async throws -> [KeyUsage] {
        try await database.read(.house) { connection in
            try await connection.query(
                """
                SELECT master_key_id, COUNT(DISTINCT business_id) AS businesses FROM business_keys
                GROUP BY master_key_id ORDER BY master_key_id
                """
            ).map { KeyUsage(masterKeyID: try $0.text("master_key_id"), businesses: try $0.int("businesses")) }
        }
    }
}
