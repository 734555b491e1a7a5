/// Why bytes are not a JSON text that Parley reads.
package enum JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    case unexpected(offset: Int)
    case tooDeep
    case invalidUTF8(offset: Int)

    package var description: String {
        switch self {
        case .unexpected(let offset): "not JSON: unexpected byte at offset \(offset)"
        case .tooDeep: "nested deeper than \(Limits.jsonDepth) levels"
        case .invalidUTF8(let offset): "not UTF-8 at offset \(offset)"
        }
    }
}

extension JSON {
    /// Reads one JSON text and nothing after it but white space.
    ///
    /// Strict as RFC 8259: no comments, no trailing commas, no bare control characters, valid UTF-8. A lone surrogate
    /// escape becomes U+FFFD. Depth is bounded by ``Limits/jsonDepth``.
    package init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
        let parsed: Result<JSON, JSONError>? = bytes.withContiguousStorageIfAvailable { JSON.parse($0) }
        let result = parsed ?? Array(bytes).withUnsafeBufferPointer { JSON.parse($0) }
        self = try result.get()
    }

    /// The same for the usual case, whose types the compiler knows.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { JSON.parse($0) }.get()
    }

    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<JSON, JSONError> {
        var parser = JSONParser(bytes: bytes)
        do throws(JSONError) { return .success(try parser.document()) } catch { return .failure(error) }
    }
}

/// A single pass over borrowed bytes; it lives no longer than the call that lends them.
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    var offset = 0

    mutating func document() throws(JSONError) -> JSON {
        skipSpace()
        let value = try value(depth: 0)
        skipSpace()
        guard offset == bytes.count else { throw .unexpected(offset: offset) }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        switch try peek() {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        guard depth <= Limits.jsonDepth else { throw .tooDeep }
        offset += 1
        var members: [JSONObject.Member] = []
        skipSpace()
        if try peek() == UInt8(ascii: "}") {
            offset += 1
            return .object(JSONObject())
        }
        // Most of the platforms' objects have five to twelve members; growing to that costs four moves.
        members.reserveCapacity(8)
        while true {
            skipSpace()
            guard try peek() == UInt8(ascii: "\"") else { throw .unexpected(offset: offset) }
            let key = try string()
            skipSpace()
            guard try peek() == UInt8(ascii: ":") else { throw .unexpected(offset: offset) }
            offset += 1
            skipSpace()
            members.append(JSONObject.Member(key: key, value: try value(depth: depth)))
            skipSpace()
            switch try peek() {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "}"):
                offset += 1
                return .object(JSONObject(members))
            default: throw .unexpected(offset: offset)
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        guard depth <= Limits.jsonDepth else { throw .tooDeep }
        offset += 1
        var elements: [JSON] = []
        skipSpace()
        if try peek() == UInt8(ascii: "]") {
            offset += 1
            return .array([])
        }
        while true {
            skipSpace()
            elements.append(try value(depth: depth))
            skipSpace()
            switch try peek() {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "]"):
                offset += 1
                return .array(elements)
            default: throw .unexpected(offset: offset)
            }
        }
    }

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        let start = offset
        var all: UInt8 = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                let text = try text(start..<offset, isASCII: all < 0x80)
                offset += 1
                return text
            case UInt8(ascii: "\\"): return try stringWithEscapes(from: start)
            case 0..<0x20: throw .unexpected(offset: offset)
            default:
                all |= byte
                offset += 1
            }
        }
        throw .unexpected(offset: offset)
    }

    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var decoded: [UInt8] = []
        var plain = start
        while offset < bytes.count {
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                decoded.append(contentsOf: bytes[plain..<offset])
                offset += 1
                guard let text = String(validating: decoded, as: UTF8.self) else { throw .invalidUTF8(offset: start) }
                return text
            case UInt8(ascii: "\\"):
                decoded.append(contentsOf: bytes[plain..<offset])
                offset += 1
                try escape(into: &decoded)
                plain = offset
            case 0..<0x20: throw .unexpected(offset: offset)
            default: offset += 1
            }
        }
        throw .unexpected(offset: offset)
    }

    private mutating func escape(into decoded: inout [UInt8]) throws(JSONError) {
        let character = try peek()
        offset += 1
        switch character {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(character)
        case UInt8(ascii: "b"): decoded.append(0x08)
        case UInt8(ascii: "f"): decoded.append(0x0C)
        case UInt8(ascii: "n"): decoded.append(0x0A)
        case UInt8(ascii: "r"): decoded.append(0x0D)
        case UInt8(ascii: "t"): decoded.append(0x09)
        case UInt8(ascii: "u"):
            var unit = UInt32(try fourDigits())
            if (0xD800..<0xDC00).contains(unit), offset + 1 < bytes.count,
                bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
            {
                let before = offset
                offset += 2
                let low = UInt32(try fourDigits())
                if (0xDC00..<0xE000).contains(low) {
                    unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
                } else {
                    offset = before
                }
            }
            let scalar = Unicode.Scalar(unit) ?? "\u{FFFD}"
            decoded.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw .unexpected(offset: offset - 1)
        }
    }

    private mutating func fourDigits() throws(JSONError) -> UInt16 {
        guard offset + 4 <= bytes.count else { throw .unexpected(offset: bytes.count) }
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let nibble = Hex.value(of: bytes[offset]) else { throw .unexpected(offset: offset) }
            unit = unit << 4 | UInt16(nibble)
            offset += 1
        }
        return unit
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = offset
        if try peek() == UInt8(ascii: "-") { offset += 1 }
        if try peek() == UInt8(ascii: "0") { offset += 1 } else { try digits() }
        var isWhole = true
        if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
            isWhole = false
            offset += 1
            try digits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            offset += 1
            let sign = try peek()
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            try digits()
        }
        let text = try text(start..<offset, isASCII: true)
        if isWhole, let integer = Int64(text) { return .integer(integer) }
        guard let number = Double(text) else { throw .unexpected(offset: start) }
        return .number(number)
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) { offset += 1 }
        guard offset > start else { throw .unexpected(offset: offset) }
    }

    private mutating func literal(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard offset < bytes.count, bytes[offset] == word.utf8Start[index] else {
                throw .unexpected(offset: offset)
            }
            offset += 1
        }
    }

    private func text(_ range: Range<Int>, isASCII: Bool) throws(JSONError) -> String {
        let slice = UnsafeBufferPointer(rebasing: bytes[range])
        // Cannot repair anything here, and is three times as quick as asking whether it would.
        if isASCII { return String(decoding: slice, as: UTF8.self) }
        guard let text = String(validating: slice, as: UTF8.self) else { throw .invalidUTF8(offset: range.lowerBound) }
        return text
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard offset < bytes.count else { throw .unexpected(offset: offset) }
        return bytes[offset]
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }
}
