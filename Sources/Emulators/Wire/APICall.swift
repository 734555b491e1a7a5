import ParleyCore

/// One call of the gateway to a platform, as it arrived.
struct APICall: Sendable {
    let method: String
    /// The path's pieces below the platform's prefix, percent-decoded.
    let path: [String]
    let query: [(name: String, value: String)]
    /// Lower-case names.
    let headers: [String: String]
    let body: [UInt8]
    let now: Timestamp
    let injected: InjectedFault

    func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The media type without parameters, in lower case.
    var mediaType: String? {
        headers["content-type"].map { String($0.prefix { $0 != ";" }).trimmed.lowercased() }
    }

    /// The credential after `scheme` in the Authorization header.
    func authorization(_ scheme: String) -> String? {
        guard let value = headers["authorization"], value.hasPrefix(scheme + " ") else { return nil }
        return String(value.dropFirst(scheme.utf8.count + 1))
    }
}

/// What was thrown for one call.
struct InjectedFault: Sendable, Equatable {
    var rateLimit = false
    var serverError = false
    var dropResponse = false
    var slow: Duration = .zero

    var name: String? {
        rateLimit ? "rate_limit" : serverError ? "server_error" : dropResponse ? "drop_response" : nil
    }
}

/// A platform's answer, and what the log says about the exchange.
struct APIAnswer: Sendable {
    var status: Int
    var headers: [(name: String, value: String)] = []
    /// nil: no body.
    var body: JSON?
    var outcome: String
    var bot: String?
    var operation: String = ""
    var conversation: String?
    var isEarlySend = false
    var webhooks: [WebhookJob] = []

    init(_ status: Int, _ body: JSON?, outcome: String = "ok") {
        self.status = status
        self.body = body
        self.outcome = outcome
    }
}

enum Form {
    /// `application/x-www-form-urlencoded`, and query strings.
    static func decode(_ text: some StringProtocol) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let pieces = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                percentDecoded(pieces[0], plusIsSpace: true),
                pieces.count > 1 ? percentDecoded(pieces[1], plusIsSpace: true) : ""
            )
        }
    }

    static func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool = false) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let pair = Hex.decode(String(decoding: rest.prefix(2), as: UTF8.self)),
                let value = pair.first
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// RFC 3986: everything but unreserved characters is escaped.
    static func encode(_ fields: [(name: String, value: String)]) -> String {
        fields.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
    }

    static func percentEncoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes.append(contentsOf: [UInt8(ascii: "%"), Hex.digit(of: byte >> 4), Hex.digit(of: byte & 0xF)])
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
