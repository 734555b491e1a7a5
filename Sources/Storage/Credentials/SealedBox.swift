import Crypto
import ParleyCore

/// AES-256-GCM in Parley's envelope: version byte, key version (4 bytes, big-endian), nonce (12), ciphertext, tag (16).
enum SealedBox {
    private static let version: UInt8 = 1
    private static let headerCount = 5
    private static let nonceCount = 12
    private static let tagCount = 16

    /// Every call draws a fresh nonce.
    static func seal(_ plain: [UInt8], key: SymmetricKey, keyVersion: UInt32, binding: Binding) throws -> [UInt8] {
        let header = [version] + bigEndian(keyVersion)
        let box = try AES.GCM.seal(plain, using: key, authenticating: header + binding.bytes)
        return header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// Throws ``VaultError/rejected`` for anything that was not sealed under this key for this place.
    static func open(_ blob: [UInt8], key: SymmetricKey, binding: Binding) throws(VaultError) -> [UInt8] {
        guard blob.count >= headerCount + nonceCount + tagCount, blob.first == version else { throw .rejected }
        let header = blob.prefix(headerCount)
        let nonce = blob.dropFirst(headerCount).prefix(nonceCount)
        let cipher = blob.dropFirst(headerCount + nonceCount).dropLast(tagCount)
        do {
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: nonce),
                ciphertext: cipher,
                tag: blob.suffix(tagCount)
            )
            return Array(try AES.GCM.open(box, using: key, authenticating: header + binding.bytes))
        } catch {
            throw .rejected
        }
    }

    /// The version of the key that a blob says it was sealed with.
    static func keyVersion(of blob: [UInt8]) throws(VaultError) -> UInt32 {
        guard blob.count >= headerCount, blob.first == version else { throw .rejected }
        return blob[1..<headerCount].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    /// Where a secret belongs. Each part is preceded by its length, so that no two places read alike.
    struct Binding {
        let bytes: [UInt8]

        init(_ parts: String...) {
            bytes = parts.flatMap { SealedBox.bigEndian(UInt32(clamping: $0.utf8.count)) + Array($0.utf8) }
        }
    }
}
