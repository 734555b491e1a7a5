import ParleyCore

/// A webhook as it arrived. The body is the raw bytes: signatures are over these, never over something re-encoded.
package struct WebhookRequest: Sendable {
    package enum Method: Sendable { case get, post }

    package let method: Method
    package let headers: WebhookHeaders
    /// Decoded query parameters, in order.
    package let query: [(name: String, value: String)]
    package let body: [UInt8]
    package let receivedAt: Timestamp

    package init(
        method: Method,
        headers: WebhookHeaders,
        query: [(name: String, value: String)] = [],
        body: [UInt8],
        receivedAt: Timestamp
    ) {
        self.method = method
        self.headers = headers
        self.query = query
        self.body = body
        self.receivedAt = receivedAt
    }

    /// A header by its name, in any case.
    package func header(_ name: String) -> String? { headers[name] }

    package func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The media type without parameters, lower-case: `application/json`.
    package var mediaType: String? {
        guard let type = headers["content-type"] else { return nil }
        // What the platforms send most, as they send it.
        if type == "application/json" { return type }
        return type.split(separator: ";").first.map { String($0).trimmed.lowercased() }
    }
}

/// A webhook's headers, their names in any case. A dozen are searched more quickly than they are hashed or respelled.
package struct WebhookHeaders: Sendable, ExpressibleByDictionaryLiteral {
    private var fields: [(name: String, value: String)]

    /// - Parameter fields: of a repeated header the first value counts.
    package init(_ fields: [(name: String, value: String)]) { self.fields = fields }

    package init(dictionaryLiteral fields: (String, String)...) { self.init(fields.map { ($0.0, $0.1) }) }

    /// A header by its name, in any case.
    package subscript(name: String) -> String? {
        get { fields.first { Self.isSame($0.name, name) }?.value }
        set {
            fields.removeAll { Self.isSame($0.name, name) }
            if let newValue { fields.append((name, newValue)) }
        }
    }

    // Field names are ASCII (RFC 9110 §5.1).
    private static func isSame(_ one: String, _ other: String) -> Bool {
        let (one, other) = (one.utf8, other.utf8)
        return one.count == other.count && zip(one, other).allSatisfy { $0 == $1 || lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// What a webhook said.
package struct WebhookReading: Sendable {
    /// To be committed before ``answer`` is given. Empty for a handshake.
    package var events: [InboundEvent]
    /// Kinds that were acknowledged without being understood or wanted, for the counter: `poll_answer`, `own_echo`.
    package var ignored: [String]
    /// What the platform expects once the events are committed.
    package var answer: WebhookAnswer

    package init(events: [InboundEvent] = [], ignored: [String] = [], answer: WebhookAnswer = .empty) {
        self.events = events
        self.ignored = ignored
        self.answer = answer
    }
}

/// An HTTP answer to a platform.
package struct WebhookAnswer: Sendable, Equatable {
    package var status: Int
    package var contentType: String?
    package var body: [UInt8]

    package init(status: Int = 200, contentType: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// 200 with nothing in it.
    package static let empty = WebhookAnswer()

    package static func json(_ value: JSON) -> WebhookAnswer {
        WebhookAnswer(contentType: "application/json", body: value.encoded())
    }

    package static func text(_ text: String) -> WebhookAnswer {
        WebhookAnswer(contentType: "text/plain; charset=utf-8", body: Array(text.utf8))
    }
}

/// Why a webhook is not accepted. The description may be shown to whoever posted it: it holds no secret.
package enum WebhookRefusal: Error, Sendable, Equatable, CustomStringConvertible {
    /// 401: the proof is missing or wrong.
    case unproven(String)
    /// 401: proven, but signed too long ago or in the future.
    case stale
    /// 403: a verification handshake with the wrong token.
    case forbidden(String)
    /// 400: proven, but not what the platform documents; names the field.
    case malformed(String)
    /// 405.
    case methodNotAllowed
    /// 415.
    case unsupportedMediaType(String)

    package var status: Int {
        switch self {
        case .unproven, .stale: 401
        case .forbidden: 403
        case .malformed: 400
        case .methodNotAllowed: 405
        case .unsupportedMediaType: 415
        }
    }

    /// For counters: one word.
    package var reason: String {
        switch self {
        case .unproven: "unproven"
        case .stale: "stale"
        case .forbidden: "forbidden"
        case .malformed: "malformed"
        case .methodNotAllowed: "method"
        case .unsupportedMediaType: "media_type"
        }
    }

    package var description: String {
        switch self {
        case .unproven(let what): what
        case .stale: "the signature's timestamp is outside the window of ± \(Limits.freshnessWindow.inSeconds) s"
        case .forbidden(let what), .malformed(let what): what
        case .methodNotAllowed: "this webhook is posted to"
        case .unsupportedMediaType(let expected): "the content type must be \(expected)"
        }
    }
}
