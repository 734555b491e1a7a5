import Crypto
import ParleyCore

/// The proofs that platforms attach to webhooks. All comparisons take the same time whether or not they match.
package enum Signature {
    /// Whether `expected` is the lower-case hex HMAC-SHA256 of `message` under any of `keys` (UTF-8 text).
    package static func isHMAC(
        _ expected: some StringProtocol,
        of message: [UInt8],
        underAnyOf keys: [Secret<String>]
    ) -> Bool {
        guard let claimed = Hex.decode(expected), claimed.count == 32 else { return false }
        var isValid = false
        for key in keys {
            let matches = key.reveal { text in
                let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Array(text.utf8)))
                return equal(Array(code), claimed)
            }
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
            let matches = secret.reveal { equal(Array(SHA256.hash(data: Array($0.utf8))), claimed) }
            isValid = matches || isValid
        }
        return isValid
    }

    /// Whether a signed timestamp (decimal Unix seconds) lies within ± ``Limits/freshnessWindow`` of `now`.
    package static func isFresh(_ timestamp: some StringProtocol, at now: Timestamp) -> Bool {
        guard let seconds = Int64(timestamp), seconds >= 0, seconds < 1 << 40 else { return false }
        let age = now.since(Timestamp(seconds: seconds))
        return age <= Limits.freshnessWindow && age >= .zero - Limits.freshnessWindow
    }

    private static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
