import GRDB
import Storage
import Synchronization

/// SQL as the stores write it, `$1…$n`, turned into SQLite's `?1…?n` once for each distinct text.
final class PortableStatements: Sendable {
    struct Rewritten {
        let sql: String
        let parameterCount: Int
    }

    /// Stores have a few hundred texts; lists of varying length may make more, which are then prepared each time.
    private static let capacity = 512

    private let known = Mutex<[String: Rewritten]>([:])

    func prepare(_ sql: String, on connection: Database) throws -> BoundStatement {
        let (rewritten, isKept) = known.withLock { known in
            if let rewritten = known[sql] { return (rewritten, true) }
            let rewritten = Self.rewrite(sql)
            guard known.count < Self.capacity, !Self.changesSchema(sql) else { return (rewritten, false) }
            known[sql] = rewritten
            return (rewritten, true)
        }
        let statement =
            isKept
            ? try connection.cachedStatement(sql: rewritten.sql) : try connection.makeStatement(sql: rewritten.sql)
        return BoundStatement(statement: statement, parameterCount: rewritten.parameterCount)
    }

    private static func changesSchema(_ sql: String) -> Bool {
        ["CREATE ", "DROP ", "ALTER "].contains { sql.hasPrefix($0) }
    }

    /// Leaves alone what stands in string literals, quoted names and comments.
    static func rewrite(_ sql: String) -> Rewritten {
        var scanner = SQLScanner(sql)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sql.utf8.count)
        var highest = 0
        while let token = scanner.next() {
            let number = token.isCode ? parameterNumber(token.bytes) : nil
            if let number {
                highest = max(highest, number)
                bytes.append(UInt8(ascii: "?"))
                bytes.append(contentsOf: token.bytes.dropFirst())
            } else {
                bytes.append(contentsOf: token.bytes)
            }
        }
        return Rewritten(sql: String(decoding: bytes, as: UTF8.self), parameterCount: highest)
    }

    /// The n of `$n`.
    private static func parameterNumber(_ token: ArraySlice<UInt8>) -> Int? {
        guard token.first == UInt8(ascii: "$") else { return nil }
        return Int(String(decoding: token.dropFirst(), as: UTF8.self))
    }
}
