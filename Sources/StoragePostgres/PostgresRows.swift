import CLibPQ
import ParleyCore
import Storage

/// Reads the rows of a result, which arrive in the server's binary formats.
enum PostgresRows {
    /// A value of a type that this driver does not know arrives as its bytes. Throws ``SQLError/unreadable(column:)`` for
    /// bytes that are not what their type says.
    static func rows(of result: OpaquePointer) throws(SQLError) -> [SQLRow] {
        let columnCount = PQnfields(result)
        let names = (0..<columnCount).map { PQfname(result, $0).map { String(cString: $0) } ?? "" }
        let types = (0..<columnCount).map { PostgresType(rawValue: PQftype(result, $0)) }
        let columns = SQLColumns(names)
        var rows: [SQLRow] = []
        rows.reserveCapacity(Int(PQntuples(result)))
        for row in 0..<PQntuples(result) {
            var values: [SQLValue] = []
            values.reserveCapacity(types.count)
            for (index, type) in types.enumerated() {
                let column = Int32(index)
                if PQgetisnull(result, row, column) == 1 {
                    values.append(.null)
                    continue
                }
                let bytes = UnsafeRawBufferPointer(
                    start: PQgetvalue(result, row, column),
                    count: Int(PQgetlength(result, row, column))
                )
                guard let type else {
                    values.append(.blob(Array(bytes)))
                    continue
                }
                guard let value = type.value(bytes) else { throw .unreadable(column: names[index]) }
                values.append(value)
            }
            rows.append(SQLRow(columns: columns, values: values))
        }
        return rows
    }

    /// How many rows the statement wrote; reading is not writing.
    static func written(by result: OpaquePointer) -> Int {
        guard let tag = PQcmdStatus(result), tag.pointee != Int8(bitPattern: UInt8(ascii: "S")) else { return 0 }
        return PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
    }
}

/// The types that a column may have, by the number that they have in every PostgreSQL (`pg_type.dat`).
enum PostgresType: UInt32 {
    case bool = 16
    case bytea = 17
    case char = 18
    case name = 19
    case int8 = 20
    case int2 = 21
    case int4 = 23
    case text = 25
    case oid = 26
    case json = 114
    case float4 = 700
    case float8 = 701
    case unknown = 705
    case bpchar = 1042
    case varchar = 1043
    case date = 1082
    case timestamp = 1114
    case timestamptz = 1184
    case numeric = 1700
    case regclass = 2205
    case void = 2278
    case uuid = 2950
    case lsn = 3220
    case jsonb = 3802

    /// Nil when the bytes are not what the type has.
    func value(_ bytes: UnsafeRawBufferPointer) -> SQLValue? {
        switch self {
        case .bool: bytes.first.map { .bool($0 != 0) }
        case .bytea: .blob(Array(bytes))
        case .int2: integer(bytes, as: Int16.self).map { .integer(Int64($0)) }
        case .int4: integer(bytes, as: Int32.self).map { .integer(Int64($0)) }
        case .oid, .regclass: integer(bytes, as: UInt32.self).map { .integer(Int64($0)) }
        case .int8, .lsn: integer(bytes, as: Int64.self).map { .integer($0) }
        case .float4: integer(bytes, as: UInt32.self).map { .real(Double(Float(bitPattern: $0))) }
        case .float8: integer(bytes, as: UInt64.self).map { .real(Double(bitPattern: $0)) }
        case .numeric: PostgresNumeric(bytes)?.value
        case .text, .varchar, .bpchar, .name, .char, .unknown, .json: .text(String(decoding: bytes, as: UTF8.self))
        // JSON stays text, as it is on SQLite: who wants a value parses it.
        case .jsonb: bytes.first == 1 ? .text(String(decoding: bytes.dropFirst(), as: UTF8.self)) : nil
        case .uuid: uuid(bytes)
        case .timestamp, .timestamptz:
            integer(bytes, as: Int64.self).map { .timestamp(PostgresTime.time($0)) }
        case .date: integer(bytes, as: Int32.self).map { .text(PostgresTime.day($0)) }
        case .void: .null
        }
    }

    private func uuid(_ bytes: UnsafeRawBufferPointer) -> SQLValue? {
        guard bytes.count == 16 else { return nil }
        let words = bytes.withMemoryRebound(to: UInt8.self) { bytes in
            bytes.reduce(into: (high: UInt64(0), low: UInt64(0))) { words, byte in
                words.high = words.high << 8 | words.low >> 56
                words.low = words.low << 8 | UInt64(byte)
            }
        }
        return .uuid(UUID7(high: words.high, low: words.low))
    }

    private func integer<Value: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, as type: Value.Type) -> Value? {
        guard bytes.count == MemoryLayout<Value>.size else { return nil }
        return Value(bigEndian: bytes.loadUnaligned(as: Value.self))
    }
}

/// `numeric`: digits to the base 10,000, the place of the first, a sign.
private struct PostgresNumeric {
    private let digits: [UInt16]
    private let weight: Int
    private let sign: UInt16

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= 8, bytes.count.isMultiple(of: 2) else { return nil }
        let words = stride(from: 0, to: bytes.count, by: 2).map {
            UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt16.self))
        }
        weight = Int(Int16(bitPattern: words[1]))
        sign = words[2]
        digits = Array(words.dropFirst(4))
        guard digits.count == Int(words[0]) else { return nil }
    }

    /// An integer when it is one and fits, else a real number.
    var value: SQLValue {
        switch sign {
        case 0x0000, 0x4000: integer.map { .integer($0) } ?? .real(real)
        case 0xD000: .real(.infinity)
        case 0xF000: .real(-.infinity)
        default: .real(.nan)
        }
    }

    // The server keeps no zeros at the end.
    private var integer: Int64? {
        guard !digits.isEmpty else { return 0 }
        guard digits.count <= weight + 1, weight < 5 else { return nil }
        var result: Int64 = 0
        for place in 0...weight {
            let (shifted, tooLarge) = result.multipliedReportingOverflow(by: 10_000)
            let digit = place < digits.count ? Int64(digits[place]) : 0
            let (sum, overflow) = shifted.addingReportingOverflow(sign == 0 ? digit : -digit)
            guard !tooLarge, !overflow else { return nil }
            result = sum
        }
        return result
    }

    private var real: Double {
        let written = digits.map { digit in
            let text = String(digit)
            return String(repeating: "0", count: max(0, 4 - text.count)) + text
        }
        let exponent = (weight - digits.count + 1) * 4
        return Double("\(sign == 0 ? "" : "-")\(written.joined())e\(exponent)") ?? .nan
    }
}
