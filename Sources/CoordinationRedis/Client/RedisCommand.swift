import NIOCore
import ParleyCore

/// A command in the form that goes over the wire: an array of byte strings.
package struct RedisCommand: Sendable {
    /// The first word, for metrics and tests; never an argument.
    package let name: String
    private var count = 1
    private var body = ByteBuffer()

    package init(_ name: String, _ arguments: any RedisArgument...) {
        self.init(name, arguments)
    }

    package init(_ name: String, _ arguments: [any RedisArgument]) {
        self.name = name
        append(bytes: name.utf8)
        count += arguments.count
        for argument in arguments { argument.append(to: &self) }
    }

    fileprivate mutating func append(bytes: some Collection<UInt8>) {
        body.writeString("$\(bytes.count)\r\n")
        body.writeBytes(bytes)
        body.writeString("\r\n")
    }

    var bytes: ByteBuffer {
        var bytes = ByteBuffer(string: "*\(count)\r\n")
        bytes.writeImmutableBuffer(body)
        return bytes
    }

    var size: Int { body.readableBytes }
}

/// What may stand in a command.
package protocol RedisArgument: Sendable {
    func append(to command: inout RedisCommand)
}

extension String: RedisArgument {
    package func append(to command: inout RedisCommand) { command.append(bytes: utf8) }
}

extension Array<UInt8>: RedisArgument {
    package func append(to command: inout RedisCommand) { command.append(bytes: self) }
}

extension Int: RedisArgument {
    package func append(to command: inout RedisCommand) { command.append(bytes: String(self).utf8) }
}

extension Int64: RedisArgument {
    package func append(to command: inout RedisCommand) { command.append(bytes: String(self).utf8) }
}

/// What Redis answers (RESP2).
package enum RedisValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case status(String)
    case bytes([UInt8])
    /// An error's first word, such as `NOSCRIPT`. The rest of it may repeat what was sent, and is not kept.
    case error(code: String)
    case array([RedisValue])

    package var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }

    package var text: String? {
        switch self {
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .status(let text): text
        default: nil
        }
    }

    package var array: [RedisValue]? { if case .array(let values) = self { values } else { nil } }
}

/// Why there is no answer. Carries neither arguments nor data.
package enum RedisError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is no connection, or it has stopped answering; nothing was sent.
    case unavailable
    /// No answer within the deadline; the command may yet be carried out.
    case timedOut
    /// Too many commands wait for their answers; nothing was sent.
    case overloaded
    /// Redis answered with an error; its first word.
    case refused(code: String)
    /// What arrived is not RESP, or is larger than ``RedisLimits``.
    case unreadable
    /// Why a connection could not be made, in words for a log.
    case cannotConnect(String)

    package var description: String {
        switch self {
        case .unavailable: "Redis is away"
        case .timedOut: "Redis did not answer in time"
        case .overloaded: "too many commands wait for Redis"
        case .refused(let code): "Redis answered \(code)"
        case .unreadable: "Redis sent what cannot be read"
        case .cannotConnect(let reason): reason
        }
    }
}

/// The client's limits, each with its reason.
package enum RedisLimits {
    /// Redis is an accelerator: what it saves is not worth a longer wait.
    package static let deadline: Duration = .milliseconds(250)
    /// To connect, and again to be let in.
    package static let connectDeadline: Duration = .seconds(1)
    /// Longest wait between two attempts to connect.
    package static let backoffMaximum: Duration = .seconds(1)
    /// Commands without an answer; at 0.1 ms each this is 0.4 s of work, more than the deadline.
    package static let commandsInFlight = 4096
    /// Bytes of commands that wait in memory for a socket that does not drain.
    package static let bytesInFlight = 16 << 20
    /// The largest reply: a cached tool response is at most 64 KiB.
    package static let replyBytes = 4 << 20
    /// Elements of one array.
    package static let replyElements = 65_536
    /// An idle connection is asked whether it lives.
    package static let pingInterval: Duration = .seconds(2)
    /// A connection that answers nothing for this long after a deadline has passed is closed, and made anew.
    package static let stall: Duration = .seconds(1)
}
