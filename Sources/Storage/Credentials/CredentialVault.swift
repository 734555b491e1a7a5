import Crypto
import ParleyCore
import Synchronization

/// Encrypts what a business entrusts to us, so that the database alone, or a copy of it, gives nothing away.
///
/// Every business has a data key of its own in `business_keys`, wrapped by the master key. A sealed secret is bound to
/// its table, column, row, business and key version: moved anywhere else it does not open.
package struct CredentialVault: Sendable {
    private struct DataKey: Sendable {
        let version: UInt32
        let key: SymmetricKey
    }

    private struct Slot: Hashable {
        let business: ID<Business>
        let version: UInt32
    }

    /// Unwrapped data keys, shared by all copies of a vault.
    private final class Cache: Sendable {
        let keys = Mutex<[Slot: SymmetricKey]>([:])
    }

    /// Keys kept in memory; past it the cache starts anew, which costs a query each.
    private static let cachedKeys = 10_000

    private let master: SymmetricKey
    private let masterID: String
    private let clock: any Clockwork
    private let cache = Cache()

    package init(_ masterKey: MasterKey, clock: any Clockwork = SystemClock()) {
        master = masterKey.bytes.reveal { SymmetricKey(data: $0) }
        masterID = masterKey.id
        self.clock = clock
    }

    /// Encrypts `secret` for one place; the business's first secret makes its data key. Throws ``VaultError``.
    package func seal(
        _ secret: Secret<[UInt8]>,
        table: String,
        column: String,
        row: String,
        business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> [UInt8] {
        let dataKey = try await currentKey(of: business, on: connection)
        let binding = place(table, column, row, business)
        return try secret.reveal { plain in
            try SealedBox.seal(plain, key: dataKey.key, keyVersion: dataKey.version, binding: binding)
        }
    }

    /// Decrypts what was sealed for this very place. Throws ``VaultError``.
    package func open(
        _ blob: [UInt8],
        table: String,
        column: String,
        row: String,
        business: ID<Business>,
        on connection: any SQLConnection
    ) async throws -> Secret<[UInt8]> {
        let binding = place(table, column, row, business)
        let slot = Slot(business: business, version: try SealedBox.keyVersion(of: blob))
        if let known = cache.keys.withLock({ $0[slot] }),
            let plain = try? SealedBox.open(blob, key: known, binding: binding)
        {
            return Secret(plain)
        }
        // A key that was cached in a transaction that was then taken back is none: the table decides.
        let key = try await key(for: slot, on: connection)
        return Secret(try SealedBox.open(blob, key: key, binding: binding))
    }

    private func place(_ table: String, _ column: String, _ row: String, _ business: ID<Business>) -> SealedBox.Binding
    {
        SealedBox.Binding(table, column, row, business.description)
    }
}

/// Why a secret cannot be had. No case carries a byte of it.
package enum VaultError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It was altered, moved, or sealed with another key.
    case rejected
    /// The business's data key is missing.
    case noKey
    /// The business's data key was wrapped by a master key that is not ours.
    case otherMasterKey

    package var description: String {
        switch self {
        case .rejected: "the stored secret was altered, moved, or sealed with another key"
        case .noKey: "the business's data key is missing"
        case .otherMasterKey: "the stored secrets belong to another master key; check PARLEY_MASTER_KEY"
        }
    }
}

// MARK: - Data keys

extension CredentialVault {
    /// Whether secrets are stored, and none of them under this master key: then it is the wrong one.
    package func isShutOut(of database: any SQLDatabase) async throws -> Bool {
        try await database.read(.house) { connection in
            let row = try await connection.first(
                """
                SELECT COUNT(*) AS stored, COUNT(CASE WHEN master_key_id = $1 THEN 1 END) AS ours FROM business_keys
                """,
                [.text(masterID)]
            )
            guard let row else { return false }
            return try row.int("stored") > 0 && row.int("ours") == 0
        }
    }

    private func currentKey(of business: ID<Business>, on connection: any SQLConnection) async throws -> DataKey {
        if let found = try await newestKey(of: business, on: connection) { return found }
        let key = SymmetricKey(size: .bits256)
        let wrapped = try SealedBox.seal(
            key.withUnsafeBytes { Array($0) },
            key: master,
            keyVersion: 1,
            binding: wrapping(business, version: 1)
        )
        // Two connections at once may come here; the first one's key is everybody's. Nothing is cached yet: the
        // transaction may still be taken back.
        let written = try await connection.execute(
            """
            INSERT INTO business_keys (business_id, version, master_key_id, wrapped_key, created_at)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (business_id, version) DO NOTHING
            """,
            [.id(business), .int(1), .text(masterID), .blob(wrapped), .timestamp(clock.now)]
        )
        if written == 1 { return DataKey(version: 1, key: key) }
        guard let winner = try await newestKey(of: business, on: connection) else { throw VaultError.noKey }
        return winner
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

    private func key(for slot: Slot, on connection: any SQLConnection) async throws -> SymmetricKey {
        let row = try await connection.first(
            "SELECT master_key_id, wrapped_key FROM business_keys WHERE business_id = $1 AND version = $2",
            [.id(slot.business), .integer(Int64(slot.version))]
        )
        guard let row else { throw VaultError.noKey }
        let key = try unwrap(row, slot.business, version: slot.version)
        cache.keys.withLock { keys in
            if keys.count >= Self.cachedKeys { keys.removeAll() }
            keys[slot] = key
        }
        return key
    }

    private func unwrap(_ row: SQLRow, _ business: ID<Business>, version: UInt32) throws -> SymmetricKey {
        guard try row.text("master_key_id") == masterID else { throw VaultError.otherMasterKey }
        let bytes = try SealedBox.open(
            try row.blob("wrapped_key"),
            key: master,
            binding: wrapping(business, version: version)
        )
        guard bytes.count == 32 else { throw VaultError.rejected }
        return SymmetricKey(data: bytes)
    }

    private func wrapping(_ business: ID<Business>, version: UInt32) -> SealedBox.Binding {
        SealedBox.Binding("business_keys", "wrapped_key", String(version), business.description)
    }
}
