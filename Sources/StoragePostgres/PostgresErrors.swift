import CLibPQ
import ParleyCore
import Storage

/// Why no connection could be made: what libpq or the server said of it, without the password.
package struct PostgresUnreachable: Error, Sendable, Equatable, CustomStringConvertible {
    package let reason: String
    package var description: String { "the database cannot be reached: \(reason)" }
}

/// What went wrong with a statement, and what that means for its transaction.
struct PostgresFailure: Error, Sendable {
    enum Remedy: Sendable {
        case none
        /// Trying the whole transaction again may well succeed: others were in the way.
        case again
        /// What the server had prepared does not fit any more; preparing anew does.
        case prepareAgain
        /// The connection is lost. Nothing was committed, if COMMIT had not been sent.
        case reconnect
    }

    let error: SQLError
    let remedy: Remedy

    init(_ error: SQLError, _ remedy: Remedy = .none) {
        self.error = error
        self.remedy = remedy
    }

    static let lost = PostgresFailure(.disconnected, .reconnect)

    /// What the server answered, told without a value: its message may quote one, so only the code and names are kept.
    init(_ result: OpaquePointer) {
        func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        let state = field(PostgresDiagnostic.state) ?? ""
        let table = field(PostgresDiagnostic.table)
        let column = field(PostgresDiagnostic.column)
        let constraint = field(PostgresDiagnostic.constraint)
        let place = [table, column].compactMap(\.self).joined(separator: ".")
        let subject = constraint ?? (place.isEmpty ? "that it has" : place)
        switch state {
        case "": self = .lost
        case "23505": self.init(.unique(constraint: subject))
        case _ where state.hasPrefix("23"): self.init(.constraint(subject))
        case "40001", "40P01": self.init(.busy, .again)
        // A lock that was not to be had, or a statement that took longer than it may.
        case "55P03", "57014": self.init(.busy)
        case "26000", "0A000", "42P05":
            self.init(.failed(code: state, message: Self.message(state, place)), .prepareAgain)
        // Said before the connection is ended: by an operator, a crash, a start, a time limit.
        case "57P01", "57P02", "57P03", "57P05", "25P03", "25P04": self = .lost
        // The message did not fit the statement: the fault of the code, not of the line.
        case "08P01": self.init(.failed(code: state, message: Self.message(state, place)))
        case _ where state.hasPrefix("08"): self = .lost
        case "25006": self.init(.cannotWrite("the server or the transaction is read-only"))
        case "53100": self.init(.cannotWrite("the disk of the server is full"))
        case _ where state.hasPrefix("53"): self.init(.cannotWrite("the server is out of memory or connections"))
        case "58030", "XX001", "XX002": self.init(.cannotWrite("the files of the server cannot be read or written"))
        default: self.init(.failed(code: state, message: Self.message(state, place)))
        }
    }

    private static func message(_ state: String, _ place: String) -> String {
        let text = exact[state] ?? classes[String(state.prefix(2))] ?? "an error of the server"
        return place.isEmpty ? text : "\(text) (\(place))"
    }

    /// The conditions that faulty code or a faulty installation meets most, in words of ours.
    private static let exact = [
        "08P01": "the number of parameters is not that of the statement",
        "22P02": "a value is not written as its type wants it",
        "22001": "a text is too long for its column",
        "22003": "a number is out of its type's range",
        "22021": "a text holds what is not a character",
        "25P02": "a statement before this one has failed",
        "26000":
            "the prepared statement is not there; behind a pooler add ?prepared_statements=off to the database URL",
        "42501":
            "the role of this transaction may not do that; docs/operating.md tells under Roles which the login needs",
        "42601": "the statement cannot be parsed",
        "42703": "there is no such column",
        "42704": "there is no such type, role or setting",
        "42804": "an expression has another type than it must have",
        "42883": "there is no such function or operator for these types",
        "42P01": "there is no such table",
        "42P05":
            "the prepared statement exists already; behind a pooler add ?prepared_statements=off to the database URL",
        "42P18": "the type of a parameter cannot be told",
        "44000": "the row does not satisfy the view's or the policy's condition",
    ]

    /// PostgreSQL's classes of conditions (appendix A of its manual).
    private static let classes = [
        "0A": "the server does not support that", "22": "a value does not fit",
        "25": "the transaction's state is another",
        "28": "the login was refused", "2B": "others depend on it", "34": "there is no such cursor",
        "3D": "there is no such database", "3F": "there is no such schema", "42": "the statement or a right is wrong",
        "54": "a limit of the server was met", "55": "the object is not in the state for that",
        "57": "an operator intervened", "58": "the system failed under the server",
        "P0": "a function of the schema refused",
        "XX": "the server has an internal error",
    ]
}

/// `PG_DIAG_…`: which part of an error is asked for.
private enum PostgresDiagnostic {
    static let state = Int32(UInt8(ascii: "C"))
    static let table = Int32(UInt8(ascii: "t"))
    static let column = Int32(UInt8(ascii: "c"))
    static let constraint = Int32(UInt8(ascii: "n"))
}
