import Crypto
import ParleyCore

// The businesses' own keys, each wrapped by a master key, in `business_keys`.
extension CredentialVault {
    /// Whether secrets are stored, and none of them under a master key of ours: then it is the wrong one.
    package func isShutOut(of database: any SQLDatabase) async throws -> Bool {
        let usage = try await KeyUsage.read(database)
        return !usage.isEmpty && usage.allSatisfy { masters[$0.masterKeyID] == nil }
    }

    /// The key under which a new secret of the business goes; its first secret makes the key.
    ///
    /// Until the transaction ends nobody rotates this business's keys.
    func currentKey(of business: ID<Business>, on connection: any SQLConnection) async throws -> DataKey {
        // A rotation that ran beside would leave a secret under a key that it has removed.
        try await Self.hold(business, on: connection)
        if let found = try await newestKey(of: business, on: connection) { return found }
        let key = DataKey(version: 1, key: SymmetricKey(size: .bits256))
        // Nothing is cached yet: the transaction may still be taken back.
        if try await keep(key, of: business, on: connection) { return key }
        guard let winner = try await newestKey(of: business, on: connection) else { throw VaultError.noKey }
        return winner
    }

    /// Keeps others from making or removing keys of the business until the transaction ends.
    ///
    /// An update that changes nothing locks a row on every engine, and lets rows that refer to it be inserted.
    static func hold(_ business: ID<Business>, on connection: any SQLConnection) async throws {
        try await connection.execute("UPDATE businesses SET is_active = is_active WHERE id = $1", [.id(business)])
    }

    private func newestKey(of business: ID<Business>, on connection: any SQLConnection) async throws -> DataKey? {
        let row = try await connection.first(
            """
            SELECT version, master_key_id, wrapped_key FROM business_keys
            WHERE business_id = $1 ORDER BY version DESC LIMIT 1
            """,
            [.id(business)]
        )
        guard let row else { return nil }
        let version = UInt32(clamping: try row.int("version"))
        return DataKey(version: version, key: try unwrap(row, business, version: version))
    }

    func key(of business: ID<Business>, version: UInt32, on connection: any SQLConnection) async throws -> SymmetricKey
    {
        let row = try await connection.first(
            "SELECT master_key_id, wrapped_key FROM business_keys WHERE business_id = $1 AND version = $2",
            [.id(business), .integer(Int64(version))]
        )
        guard let row else { throw VaultError.noKey }
        return try unwrap(row, business, version: version)
    }

    /// Writes a data key down, wrapped by the current master key. False when another was there first.
    func keep(_ key: DataKey, of business: ID<Business>, on connection: any SQLConnection) async throws -> Bool {
        let wrapped = try SealedBox.seal(
            key.key.withUnsafeBytes { Array($0) },
            key: masters.current.symmetric,
            keyVersion: 1,
            binding: wrapping(business, version: key.version)
        )
        return try await connection.execute(
            """
            INSERT INTO business_keys (business_id, version, master_key_id, wrapped_key, created_at)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (business_id, version) DO NOTHING
            """,
            [
                .id(business), .integer(Int64(key.version)), .text(masters.current.id), .blob(wrapped),
                .timestamp(clock.now),
            ]
        ) == 1
    }

    func unwrap(_ row: SQLRow, _ business: ID<Business>, version: UInt32) throws -> SymmetricKey {
        let id = try row.text("master_key_id")
        guard let master = masters[id] else { throw VaultError.otherMasterKey(id: id) }
        let bytes = try SealedBox.open(
            try row.blob("wrapped_key"),
            key: master.symmetric,
            binding: wrapping(business, version: version)
        )
        guard bytes.count == 32 else { throw VaultError.rejected }
        return SymmetricKey(data: bytes)
    }

    private func wrapping(_ business: ID<Business>, version: UInt32) -> SealedBox.Binding {
        SealedBox.Binding("business_keys", "wrapped_key", String(version), business.description)
    }
}
