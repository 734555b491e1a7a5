import Crypto
import ParleyCore
import Synchronization

/// Encrypts what a business entrusts to us, so that the database alone, or a copy of it, gives nothing away.
///
/// Every business has a data key of its own in `business_keys`, wrapped by the master key. A sealed secret is bound to
/// its table, column, row, business and key version: moved anywhere else it does not open.
package struct CredentialVault: Sendable {
    struct DataKey: Sendable {
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

    let masters: MasterKeys
    let clock: any Clockwork
    private let cache = Cache()

    package init(_ masters: MasterKeys, clock: any Clockwork = SystemClock()) {
        self.masters = masters
        self.clock = clock
    }

    package init(_ masterKey: MasterKey, clock: any Clockwork = SystemClock()) {
        self.init(MasterKeys(current: masterKey), clock: clock)
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
        return try seal(secret, under: dataKey, at: place(table, column, row, business))
    }

    func seal(_ secret: Secret<[UInt8]>, under dataKey: DataKey, at binding: SealedBox.Binding) throws -> [UInt8] {
        try secret.reveal { plain in
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
        let key = try await key(of: business, version: slot.version, on: connection)
        cache.keys.withLock { keys in
            if keys.count >= Self.cachedKeys { keys.removeAll() }
            keys[slot] = key
        }
        return Secret(try SealedBox.open(blob, key: key, binding: binding))
    }

    func place(_ table: String, _ column: String, _ row: String, _ business: ID<Business>) -> SealedBox.Binding {
        SealedBox.Binding(table, column, row, business.description)
    }
}

/// Why a secret cannot be had. No case carries a byte of it.
package enum VaultError: Error, Sendable, Equatable, CustomStringConvertible {
    /// It was altered, moved, or sealed with another key.
    case rejected
    /// The business's data key is missing.
    case noKey
    /// The business's data key was wrapped by a master key that is not among ours.
    case otherMasterKey(id: String)

    package var description: String {
        switch self {
        case .rejected: "the stored secret was altered, moved, or sealed with another key"
        case .noKey: "the business's data key is missing"
        case .otherMasterKey(let id):
            """
            the stored secrets belong to the master key \(id), which is neither PARLEY_MASTER_KEY nor among \
            PARLEY_OTHER_MASTER_KEYS; add it there
            """
        }
    }
}
