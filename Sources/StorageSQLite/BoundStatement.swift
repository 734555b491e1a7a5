import GRDB
import GRDBSQLite
import ParleyCore
import Storage

/// A prepared statement, its parameters and its rows.
///
/// GRDB prepares and keeps it; binding and stepping speak to SQLite itself, because a turn has some thirty statements and a
/// webhook two, and boxing every value twice was a tenth of their time.
struct BoundStatement {
    let statement: Statement
    /// How many parameters its SQL names.
    let parameterCount: Int

    private var handle: SQLiteStatement { statement.sqliteStatement }

    func bind(_ parameters: [SQLValue]) throws {
        // SQLite would read a parameter that is missing as NULL.
        guard parameters.count == parameterCount else {
            throw SQLError.failed(code: "parameters", message: "\(parameterCount) expected, \(parameters.count) given")
        }
        sqlite3_reset(handle)
        for (index, parameter) in parameters.enumerated() {
            let code = parameter.bind(to: handle, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
        }
    }

    /// Runs to the end; the number of rows that were written, those of triggers left out.
    func execute(on connection: Database) throws -> Int {
        let before = connection.totalChangesCount
        defer { sqlite3_reset(handle) }
        while try step() {}
        // `changesCount` keeps its old value over statements that write no rows.
        return connection.totalChangesCount == before ? 0 : connection.changesCount
    }

    func rows() throws -> [SQLRow] {
        defer { sqlite3_reset(handle) }
        guard try step() else { return [] }
        let columns = SQLColumns(statement.columnNames)
        let count = Int32(clamping: statement.columnCount)
        var rows: [SQLRow] = []
        repeat {
            rows.append(SQLRow(columns: columns, values: (0..<count).map { SQLValue(column: $0, of: handle) }))
        } while try step()
        return rows
    }

    /// Whether there is a row.
    private func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let connection = sqlite3_db_handle(handle)
            throw DatabaseError(
                resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)),
                message: sqlite3_errmsg(connection).map { String(cString: $0) }
            )
        }
    }
}

extension SQLValue {
    /// Ids are 36 characters, times microseconds, truth is 1, JSON is text. SQLite copies what it is given.
    fileprivate func bind(to statement: SQLiteStatement, at index: Int32) -> Int32 {
        switch self {
        case .null: sqlite3_bind_null(statement, index)
        case .integer(let value): sqlite3_bind_int64(statement, index, value)
        case .real(let value): sqlite3_bind_double(statement, index, value)
        case .text(let value): Self.bind(value, to: statement, at: index)
        case .blob(let value):
            value.withUnsafeBytes { bytes in
                // An empty array has no address, and without one SQLite would bind NULL.
                guard let start = bytes.baseAddress else { return sqlite3_bind_zeroblob(statement, index, 0) }
                return sqlite3_bind_blob64(statement, index, start, UInt64(bytes.count), Self.copied)
            }
        case .bool(let value): sqlite3_bind_int64(statement, index, value ? 1 : 0)
        case .uuid(let value): Self.bind(value.description, to: statement, at: index)
        case .timestamp(let value): sqlite3_bind_int64(statement, index, value.microseconds)
        case .json(let value): Self.bind(value.description, to: statement, at: index)
        // No statement for this engine has one.
        case .array: SQLITE_MISUSE
        }
    }

    private static func bind(_ text: String, to statement: SQLiteStatement, at index: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else {
                    return sqlite3_bind_text(statement, index, "", 0, copied)
                }
                return sqlite3_bind_text64(
                    statement,
                    index,
                    start,
                    UInt64(characters.count),
                    copied,
                    UInt8(SQLITE_UTF8)
                )
            }
        }
    }

    /// SQLITE_TRANSIENT, which C spells as a cast that Swift does not import.
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    /// Straight from SQLite's own buffers: GRDB's row would copy strings twice.
    fileprivate init(column: Int32, of statement: SQLiteStatement) {
        switch sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: self = .integer(sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: self = .real(sqlite3_column_double(statement, column))
        case SQLITE_TEXT:
            let start = sqlite3_column_text(statement, column)
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column)))
            self = .text(String(decoding: bytes, as: UTF8.self))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(statement, column)
            self = .blob(
                Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, column))))
            )
        default: self = .null
        }
    }
}
