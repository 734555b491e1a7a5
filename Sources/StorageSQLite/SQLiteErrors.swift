import GRDB
import Storage

extension SQLError {
    /// SQLite's result code, and its message without what may be data.
    init(_ error: any Error) {
        switch error {
        case let error as SQLError: self = error
        case let error as DatabaseError: self.init(error)
        default: self = .failed(code: "driver", message: "\(type(of: error))")
        }
    }

    init(_ error: DatabaseError) {
        let message = error.message ?? ""
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID:
            self = .unique(constraint: Self.subject(of: message))
            return
        default: break
        }
        switch error.resultCode {
        case .SQLITE_CONSTRAINT: self = .constraint(Self.subject(of: message))
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN: self = .cannotWrite(message)
        case .SQLITE_MISUSE: self = .disconnected
        default:
            self = .failed(code: "SQLITE \(error.extendedResultCode.rawValue)", message: Self.withoutQuotes(message))
        }
    }

    /// `UNIQUE constraint failed: agents.business_id, agents.id` → `agents.business_id, agents.id`.
    private static func subject(of message: String) -> String {
        guard let colon = message.firstIndex(of: ":") else { return message }
        return String(message[message.index(after: colon)...].drop(while: \.isWhitespace))
    }

    /// Full-text search and JSON functions quote what they could not read; that is data.
    private static func withoutQuotes(_ message: String) -> String {
        var text = ""
        var quote: Character?
        for character in message {
            if let open = quote {
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
                text += "…"
            } else {
                text.append(character)
            }
        }
        return text
    }
}
