import Crypto
import ParleyCore

/// How the platforms sign their webhooks. Written from their documents alone, so that it can catch an error in Parley.
package enum WebhookSignature {
    /// Slack, "Verifying requests": `v0=` and HMAC-SHA256 over `v0:timestamp:body`, key: the secret's text.
    package static func slack(secret: String, timestamp: String, body: [UInt8]) -> String {
        "v0=" + hmac(secret, Array("v0:\(timestamp):".utf8) + body)
    }

    /// Meta, "Webhooks": `sha256=` and HMAC-SHA256 over the body, key: the app secret's text.
    package static func whatsApp(secret: String, body: [UInt8]) -> String {
        "sha256=" + hmac(secret, body)
    }

    /// Discord, "Interactions": Ed25519 over the timestamp and the body, in hexadecimal. nil for a seed of another length.
    package static func discord(seed: [UInt8], timestamp: String, body: [UInt8]) -> String? {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed),
            let signature = try? key.signature(for: Array(timestamp.utf8) + body)
        else { return nil }
        return Hex.encode(signature)
    }

    /// The public key that belongs to a private key's 32-byte seed.
    package static func discordPublicKey(seed: [UInt8]) -> String? {
        (try? Curve25519.Signing.PrivateKey(rawRepresentation: seed)).map { Hex.encode($0.publicKey.rawRepresentation) }
    }

    private static func hmac(_ secret: String, _ message: [UInt8]) -> String {
        Hex.encode(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: Array(secret.utf8))))
    }
}

extension JSON {
    /// As Meta writes it: everything beyond ASCII as `\uXXXX` in UTF-16 units.
    package func encodedInASCII() -> [UInt8] {
        var bytes: [UInt8] = []
        for unit in String(decoding: encoded(), as: UTF8.self).utf16 {
            if unit < 0x80 {
                bytes.append(UInt8(unit))
            } else {
                bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "u")])
                for shift in [12, 8, 4, 0] {
                    bytes.append(Hex.digit(of: UInt8(truncatingIfNeeded: unit >> UInt16(shift)) & 0xF))
                }
            }
        }
        return bytes
    }
}
