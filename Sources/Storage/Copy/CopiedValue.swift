import Crypto
import ParleyCore

/// A value on its way from one engine to another: what is written there, and the bytes by which both sides are compared.
package struct CopiedValue {
    package let value: SQLValue
    /// Whether U+0000 was replaced by U+FFFD: PostgreSQL cannot store it.
    package let lostNUL: Bool

    /// A value as an engine gives it, as one of its column's type.
    package init(_ value: SQLValue, as type: ColumnType, for dialect: Dialect) {
        switch (type, value) {
        case (.uuid, .text(let text)):
            (self.value, lostNUL) = (UUID7(text).map { .uuid($0) } ?? value, false)
        case (.time, .integer(let microseconds)):
            (self.value, lostNUL) = (.timestamp(Timestamp(microseconds: microseconds)), false)
        case (.bool, .integer(let number)): (self.value, lostNUL) = (.bool(number != 0), false)
        case (.real, .integer(let number)): (self.value, lostNUL) = (.real(Double(number)), false)
        case (.json, .text(let text)) where !dialect.storesNUL:
            let clean = InboxStore.withoutNUL(text)
            (self.value, lostNUL) = (.text(clean), clean != text)
        case (.text, .text(let text)) where !dialect.storesNUL && text.utf8.contains(0):
            let clean = String(text.unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : Character($0) })
            (self.value, lostNUL) = (.text(clean), true)
        default: (self.value, lostNUL) = (value, false)
        }
    }

    /// The same bytes for the same value, whichever engine it comes from.
    package func canonical(as type: ColumnType) -> [UInt8] {
        switch value {
        case .null: return []
        case .integer(let number): return Array(String(number).utf8)
        case .real(let number): return Array(String(number).utf8)
        case .blob(let bytes): return bytes
        case .bool(let isTrue): return Array((isTrue ? "1" : "0").utf8)
        case .uuid(let id): return Array(id.description.utf8)
        case .timestamp(let time): return Array(String(time.microseconds).utf8)
        case .json(let json): return json.canonical.encoded()
        case .text(let text):
            guard type == .json, let json = try? JSON(parsing: text) else { return Array(text.utf8) }
            return json.canonical.encoded()
        case .array: return []
        }
    }
}

/// What the rows of a table add up to, in whatever order they come.
package struct RowTally: Sendable, Equatable {
    package private(set) var count = 0
    private var high: UInt64 = 0
    private var low: UInt64 = 0

    package init() {}

    /// 128 bits, as 32 hexadecimal digits: the sums of the two quarters of the rows' SHA-256.
    package var checksum: String {
        func digits(_ word: UInt64) -> String {
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return digits(high) + digits(low)
    }

    /// Adds a row: the names, whether NULL, and values of its columns, which must come in the same order on both sides.
    package mutating func add(_ row: [(column: TableShape.Column, value: CopiedValue)]) {
        var hash = SHA256()
        for (column, value) in row {
            let bytes = value.canonical(as: column.type)
            // Its length before each, so that no two rows are spelled alike.
            let mark = value.value == .null ? "NULL" : String(bytes.count)
            hash.update(data: Array("\(column.name)=\(mark):".utf8))
            hash.update(data: bytes)
        }
        let words = Array(hash.finalize()).prefix(16).reduce(into: (UInt64(0), UInt64(0))) { words, byte in
            words.0 = words.0 << 8 | words.1 >> 56
            words.1 = words.1 << 8 | UInt64(byte)
        }
        // Overflow is meant: a sum, unlike an exclusive or, tells two equal rows from none.
        high &+= words.0
        low &+= words.1
        count += 1
    }
}

extension JSON {
    /// Members sorted, the last of a name alone, whole numbers as integers: as `jsonb` understands it.
    fileprivate var canonical: JSON {
        switch self {
        case .number(let value): return Int64(exactly: value).map { .integer($0) } ?? self
        case .array(let elements): return .array(elements.map(\.canonical))
        case .object(let object):
            var last: [String: JSON] = [:]
            for member in object.members { last[member.key] = member.value.canonical }
            let members = last.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            return .object(JSONObject(members.map { JSONObject.Member(key: $0.key, value: $0.value) }))
        default: return self
        }
    }
}
