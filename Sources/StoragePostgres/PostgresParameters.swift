import ParleyCore
import Storage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The parameters of one execution, laid out as libpq wants them.
///
/// They go as text, and the server takes the type from the statement; bytes go as they are.
struct PostgresParameters {
    /// The protocol counts them in 16 bits.
    static let maximum = 65_535

    private var bytes: [UInt8] = []
    /// Where each begins in `bytes`; nil is NULL.
    private var offsets: [Int?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    init(_ values: [SQLValue]) {
        for value in values {
            let start = bytes.count
            if case .null = value { offsets.append(nil) } else { offsets.append(start) }
            let isBinary = append(value)
            lengths.append(Int32(clamping: bytes.count - start))
            formats.append(isBinary ? 1 : 0)
            // libpq reads texts up to their end mark.
            bytes.append(0)
        }
    }

    /// Lends the arrays to a call of libpq's, which copies them.
    func withPointers<Result>(
        _ body: (
            _ count: Int32, UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { raw in
            let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
            let pointers: [UnsafePointer<CChar>?] = offsets.map { offset in offset.flatMap { base?.advanced(by: $0) } }
            return body(Int32(clamping: offsets.count), pointers, lengths, formats)
        }
    }

    /// Whether it was written in binary.
    private mutating func append(_ value: SQLValue) -> Bool {
        if case .blob(let value) = value {
            bytes.append(contentsOf: value)
            return true
        }
        Self.write(value, to: &bytes)
        return false
    }

    private static func write(_ value: SQLValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: break
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .real(let value): bytes.append(contentsOf: String(value).utf8)
        case .text(let value): write(value, to: &bytes)
        case .blob(let value): bytes.append(contentsOf: ("\\x" + Hex.encode(value)).utf8)
        case .bool(let value): bytes.append(UInt8(ascii: value ? "t" : "f"))
        case .uuid(let value): bytes.append(contentsOf: value.description.utf8)
        case .timestamp(let value): bytes.append(contentsOf: PostgresTime.text(value).utf8)
        case .json(let value): bytes.append(contentsOf: PostgresJSON.encoded(value))
        case .array(let values): write(values, to: &bytes)
        }
    }

    /// Without U+0000, which PostgreSQL cannot store.
    private static func write(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { characters in
            if let start = characters.baseAddress, memchr(start, 0, characters.count) != nil {
                bytes.append(contentsOf: characters.lazy.filter { $0 != 0 })
            } else {
                bytes.append(contentsOf: characters)
            }
        }
    }

    /// `{"a","b",NULL}`: quoted, so that no element can end itself or the array.
    private static func write(_ values: [SQLValue], to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            switch value {
            case .null: bytes.append(contentsOf: "NULL".utf8)
            case .array(let inner): write(inner, to: &bytes)
            default:
                var element: [UInt8] = []
                write(value, to: &element)
                bytes.append(UInt8(ascii: "\""))
                for byte in element {
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
                    bytes.append(byte)
                }
                bytes.append(UInt8(ascii: "\""))
            }
        }
        bytes.append(UInt8(ascii: "}"))
    }
}

/// Moments as PostgreSQL writes them.
enum PostgresTime {
    /// 2000-01-01, from which the server counts, in microseconds since 1970.
    private static let epoch: Int64 = 946_684_800_000_000
    /// The years 1 to 9999, which ISO 8601 writes with four digits.
    private static let writable =
        Timestamp(microseconds: -62_135_596_800_000_000)...Timestamp(microseconds: 253_402_300_799_999_999)

    /// ISO 8601 with microseconds; what is too far away is infinity.
    static func text(_ time: Timestamp) -> String {
        guard time >= writable.lowerBound else { return "-infinity" }
        guard time <= writable.upperBound else { return "infinity" }
        let remainder = time.microseconds % 1_000_000
        let fraction = String(remainder < 0 ? remainder + 1_000_000 : remainder)
        return time.description.prefix(20) + String(repeating: "0", count: 6 - fraction.count) + fraction + "Z"
    }

    /// Microseconds since 2000; infinity is as far away as can be told.
    static func time(_ microseconds: Int64) -> Timestamp {
        switch microseconds {
        case .max, .min: return Timestamp(microseconds: microseconds)
        default:
            let (sum, overflow) = microseconds.addingReportingOverflow(epoch)
            return Timestamp(microseconds: overflow ? .max : sum)
        }
    }

    /// The calendar day that lies so many days after 2000-01-01.
    static func day(_ days: Int32) -> String {
        Timestamp(seconds: Int64(days) * 86_400 + epoch / 1_000_000).day
    }
}

/// JSON as `jsonb` takes it: without the character U+0000, which PostgreSQL cannot store.
enum PostgresJSON {
    static func encoded(_ value: JSON) -> [UInt8] { withoutNull(value.encoded()) }

    /// Leaves out `\u0000`, but not the text `\\u0000`.
    static func withoutNull(_ bytes: [UInt8]) -> [UInt8] {
        let escape = Array(#"\u0000"#.utf8)
        var kept: [UInt8]?
        var position = 0
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "\\") else {
                kept?.append(bytes[position])
                position += 1
                continue
            }
            let end = min(position + escape.count, bytes.count)
            if bytes[position..<end].elementsEqual(escape) {
                if kept == nil { kept = Array(bytes[..<position]) }
                position = end
            } else {
                // An escape is two characters at least; the second may be a backslash that begins none.
                let next = min(position + 2, bytes.count)
                kept?.append(contentsOf: bytes[position..<next])
                position = next
            }
        }
        return kept ?? bytes
    }
}
