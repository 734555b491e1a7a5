import Crypto
import ParleyCore

/// The proofs that platforms attach to webhooks. All comparisons take the same time whether or not they match.
package enum Signature {
    /// Whether `expected` is the hex HMAC-SHA256 of `prefix` and then `message` under any of `keys`.
    package static func isHMAC(
        _ expected: some StringProtocol,
        of message: [UInt8],
        after prefix: String = "",
        underAnyOf keys: [SigningKey]
    ) -> Bool {
        guard let claimed = Hex.decode(expected), claimed.count == 32 else { return false }
        var isValid = false
        for key in keys {
            let matches = key.code(of: message, after: prefix).withUnsafeBytes { equal($0, claimed) }
            isValid = matches || isValid
        }
        return isValid
    }

    /// Whether `signature` (128 hex digits) is the Ed25519 signature of `message` under `publicKey` (64 hex digits).
    package static func isEd25519(
        _ signature: some StringProtocol,
        of message: [UInt8],
        under publicKey: some StringProtocol
    ) -> Bool {
        guard let signature = Hex.decode(signature), signature.count == 64,
            let key = Hex.decode(publicKey), key.count == 32,
            let verifier = try? Curve25519.Signing.PublicKey(rawRepresentation: key)
        else { return false }
        return verifier.isValidSignature(signature, for: message)
    }

    /// Whether `presented` equals any of `secrets`.
    package static func isToken(_ presented: some StringProtocol, anyOf secrets: [Secret<String>]) -> Bool {
        // Hashing first makes the lengths equal, so that not even they show.
        let claimed = Array(SHA256.hash(data: Array(presented.utf8)))
        var isValid = false
        for secret in secrets {
            let digest = secret.reveal { SHA256.hash(data: Array($0.utf8)) }
            let matches = digest.withUnsafeBytes { equal($0, claimed) }
            isValid = matches || isValid
        }
        return isValid
    }

    /// Whether a signed timestamp (decimal Unix seconds) lies within ± ``Limits/freshnessWindow`` of `now`.
    package static func isFresh(_ timestamp: String, at now: Timestamp) -> Bool {
        guard let seconds = Int64(timestamp), seconds >= 0, seconds < 1 << 40 else { return false }
        let age = now.since(Timestamp(seconds: seconds))
        return age <= Limits.freshnessWindow && age >= .zero - Limits.freshnessWindow
    }

    private static func equal(_ left: UnsafeRawBufferPointer, _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in right.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}

/// A secret as HMAC-SHA256 wants it. Setting it up costs as much as signing a webhook with it, so it is kept.
package struct SigningKey: Sendable {
    private let hmac: HMAC<SHA256>

    package init(_ secret: Secret<String>) {
        hmac = secret.reveal { HMAC<SHA256>(key: SymmetricKey(data: Array($0.utf8))) }
    }

    func code(of message: [UInt8], after prefix: String) -> HMAC<SHA256>.MAC {
        var hmac = hmac
        if !prefix.isEmpty { hmac.update(data: Array(prefix.utf8)) }
        hmac.update(data: message)
        return hmac.finalize()
    }
}
