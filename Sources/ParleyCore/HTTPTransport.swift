/// An HTTP call that leaves Parley.
package struct HTTPCall: Sendable {
    package enum Method: String, Sendable {
        case get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE"
    }

    package var method: Method
    /// Absolute. May carry a secret (Telegram's token is in the path): never log it.
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// For the whole exchange.
    package var timeout: Duration
    /// The largest answer that is read; a longer one is an error.
    package var maximumAnswerBytes: Int
    /// Asked as late as can be, when a connection is there and before the first byte of the body leaves: false makes the call
    /// fail with ``TransportError/notConnected``, and the other side has got nothing that it could act on. A call without a
    /// body is asked for before its connection.
    package var mayLeave: (@Sendable () -> Bool)?

    package init(
        _ method: Method,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        timeout: Duration = Limits.sendTimeout,
        maximumAnswerBytes: Int = 1 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.maximumAnswerBytes = maximumAnswerBytes
    }

    /// A JSON body with its content type.
    package static func json(
        _ method: Method,
        _ url: String,
        headers: [(name: String, value: String)] = [],
        _ body: JSON,
        timeout: Duration = Limits.sendTimeout
    ) -> HTTPCall {
        HTTPCall(
            method,
            url,
            headers: headers + [("content-type", "application/json; charset=utf-8")],
            // Without the room that it has grown: it lives as long as the other side thinks.
            body: body.encoded().withUnsafeBufferPointer { Array($0) },
            timeout: timeout
        )
    }
}

/// What came back. Header names are compared without case.
package struct HTTPAnswer: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }

    /// The body as JSON; nil when it is none (a proxy's HTML, say).
    package var json: JSON? { try? JSON(parsing: body) }
}

/// An answer whose body is still arriving.
package struct HTTPStream: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    /// The next piece of the body; nil at its end. Throws ``TransportError``.
    package var next: @Sendable () async throws -> [UInt8]?

    package init(
        status: Int,
        headers: [(name: String, value: String)],
        next: @escaping @Sendable () async throws -> [UInt8]?
    ) {
        self.status = status
        self.headers = headers
        self.next = next
    }

    package func header(_ name: String) -> String? {
        let wanted = name.lowercased()
        return headers.first { $0.name.lowercased() == wanted }?.value
    }
}

/// Why a call has no answer. It never carries the URL, a header or a body.
package enum TransportError: Error, Sendable, Equatable {
    /// No connection was made: the other side cannot have acted.
    case notConnected
    /// The deadline passed or the connection broke after bytes may have left: the other side may have acted.
    case noAnswer
    case answerTooLarge
    case invalidURL

    /// Whether the other side may have carried the call out.
    package var mayHaveArrived: Bool { self == .noAnswer || self == .answerTooLarge }
}

/// How Parley speaks to the outside. Redirects are never followed.
package protocol HTTPTransport: Sendable {
    /// Sends and reads the whole answer. Throws ``TransportError`` or `CancellationError`.
    func send(_ call: HTTPCall) async throws -> HTTPAnswer

    /// Sends and hands over the body as it arrives. `body` has returned before the connection is released.
    func stream<Result: Sendable>(
        _ call: HTTPCall,
        _ body: @Sendable (HTTPStream) async throws -> Result
    ) async throws -> Result
}
