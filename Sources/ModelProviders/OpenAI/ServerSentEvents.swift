import AgentKit
import ParleyCore

/// One event of a stream (WHATWG HTML, 9.2 Server-sent events).
package struct ServerSentEvent: Sendable, Equatable {
    /// The `event:` field; empty for an ordinary message.
    package var name: String
    /// The `data:` lines, joined by line feeds.
    package var data: String

    package init(name: String = "", data: String) {
        self.name = name
        self.data = data
    }
}

/// Cuts bytes into events, however the network cut them: at LF, CR or CRLF, a code point possibly over two reads.
package struct ServerSentEventParser: Sendable {
    private var line: [UInt8] = []
    private var name = ""
    private var data: String?
    private var followsCarriageReturn = false
    private var isFirstLine = true

    package init() {}

    /// The events that these bytes complete. Throws ``ModelError/malformed(reason:)`` for a line longer than
    /// ``Limits/modelLineBytes``.
    package mutating func feed(_ bytes: some Sequence<UInt8>) throws(ModelError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            switch byte {
            case 0x0A where followsCarriageReturn:
                followsCarriageReturn = false
            case 0x0A, 0x0D:
                followsCarriageReturn = byte == 0x0D
                if let event = endLine() { events.append(event) }
            default:
                followsCarriageReturn = false
                guard line.count < Limits.modelLineBytes else { throw .malformed(reason: "line_too_long") }
                line.append(byte)
            }
        }
        return events
    }

    /// The event that the end of the stream completes: some servers leave the last blank line out.
    package mutating func finish() -> ServerSentEvent? {
        if !line.isEmpty, let event = endLine() { return event }
        return dispatch()
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer {
            line.removeAll(keepingCapacity: true)
            isFirstLine = false
        }
        var field = line[...]
        if isFirstLine, field.starts(with: [0xEF, 0xBB, 0xBF]) { field = field.dropFirst(3) }
        if field.isEmpty { return dispatch() }
        let colon = field.firstIndex(of: UInt8(ascii: ":"))
        var value = colon.map { field[$0...].dropFirst() } ?? []
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        // A line that begins with a colon is a comment, a keep-alive; its field name is empty.
        switch String(decoding: field[..<(colon ?? field.endIndex)], as: UTF8.self) {
        case "data":
            let text = String(decoding: value, as: UTF8.self)
            data = data.map { $0 + "\n" + text } ?? text
        case "event": name = String(decoding: value, as: UTF8.self)
        default: break
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer {
            name = ""
            data = nil
        }
        return data.map { ServerSentEvent(name: name, data: $0) }
    }
}
