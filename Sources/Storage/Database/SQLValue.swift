import ParleyCore

/// A parameter, or a value in a row.
package enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
    case bool(Bool)
    case uuid(UUID7)
    case timestamp(Timestamp)
    case json(JSON)
    /// Many parameters of one type in one; only where a statement is written for an engine that has arrays.
    case array([SQLValue])

    package static func id<Entity>(_ id: ID<Entity>) -> SQLValue { .uuid(id.uuid) }
    package static func int(_ value: Int) -> SQLValue { .integer(Int64(value)) }
    package static func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
    package static func id<Entity>(_ id: ID<Entity>?) -> SQLValue { id.map { .uuid($0.uuid) } ?? .null }
    package static func timestamp(_ value: Timestamp?) -> SQLValue { value.map { .timestamp($0) } ?? .null }
}

/// A row, read by column name.
///
/// SQLite has no types for ids, times, booleans and JSON: the accessors read its text and integers, and native values
/// alike. A missing column or a value of another type throws ``SQLError/unreadable(column:)``.
package struct SQLRow: Sendable {
    private let columns: SQLColumns
    private let values: [SQLValue]

    package init(columns: SQLColumns, values: [SQLValue]) {
        self.columns = columns
        self.values = values
    }

    package subscript(column: String) -> SQLValue {
        guard let index = columns.index(of: column), values.indices.contains(index) else { return .null }
        return values[index]
    }

    package func optionalText(_ column: String) -> String? {
        if case .text(let value) = self[column] { value } else { nil }
    }

    package func optionalInt(_ column: String) -> Int64? {
        switch self[column] {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    package func optionalReal(_ column: String) -> Double? {
        switch self[column] {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    package func optionalID<Entity>(_ column: String, _ type: Entity.Type = Entity.self) -> ID<Entity>? {
        switch self[column] {
        case .uuid(let value): ID(value)
        case .text(let value): ID(value)
        default: nil
        }
    }

    package func optionalTimestamp(_ column: String) -> Timestamp? {
        switch self[column] {
        case .timestamp(let value): value
        case .integer(let value): Timestamp(microseconds: value)
        default: nil
        }
    }

    package func optionalJSON(_ column: String) -> JSON? {
        switch self[column] {
        case .json(let value): value
        case .text(let value): try? JSON(parsing: value)
        default: nil
        }
    }

    package func optionalBlob(_ column: String) -> [UInt8]? {
        if case .blob(let value) = self[column] { value } else { nil }
    }

    package func text(_ column: String) throws(SQLError) -> String { try present(optionalText(column), column) }
    package func int(_ column: String) throws(SQLError) -> Int64 { try present(optionalInt(column), column) }
    package func real(_ column: String) throws(SQLError) -> Double { try present(optionalReal(column), column) }
    package func bool(_ column: String) throws(SQLError) -> Bool { try present(optionalInt(column), column) != 0 }
    package func json(_ column: String) throws(SQLError) -> JSON { try present(optionalJSON(column), column) }
    package func blob(_ column: String) throws(SQLError) -> [UInt8] { try present(optionalBlob(column), column) }

    package func id<Entity>(_ column: String, _ type: Entity.Type = Entity.self) throws(SQLError) -> ID<Entity> {
        try present(optionalID(column), column)
    }

    package func timestamp(_ column: String) throws(SQLError) -> Timestamp {
        try present(optionalTimestamp(column), column)
    }

    private func present<Value>(_ value: Value?, _ column: String) throws(SQLError) -> Value {
        guard let value else { throw .unreadable(column: column) }
        return value
    }
}

/// The column names of a result, shared by its rows.
package final class SQLColumns: Sendable {
    private let indices: [String: Int]

    package init(_ names: [String]) {
        indices = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package func index(of name: String) -> Int? { indices[name] }
}

/// Why a statement failed. No case carries a value, so that data cannot leak into a message.
package enum SQLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A unique constraint; `constraint` names its columns or itself.
    case unique(constraint: String)
    /// A foreign key, CHECK or NOT NULL constraint.
    case constraint(String)
    /// Another transaction is in the way; trying again may help.
    case busy
    /// The disk is full, or the file cannot be written: nothing can be acknowledged until that changes.
    case cannotWrite(String)
    /// The database cannot be reached.
    case disconnected
    /// A column is missing, or of another type than the code expects.
    case unreadable(column: String)
    /// Anything else: the engine's code and its message without values.
    case failed(code: String, message: String)

    package var description: String {
        switch self {
        case .unique(let constraint): "a row with the same \(constraint) exists already"
        case .constraint(let name): "the constraint \(name) does not hold"
        case .busy: "the database is busy"
        case .cannotWrite(let reason): "the database cannot be written: \(reason)"
        case .disconnected: "the database cannot be reached"
        case .unreadable(let column): "the column \(column) is missing or of another type"
        case .failed(let code, let message): "the database answered \(code): \(message)"
        }
    }
}
