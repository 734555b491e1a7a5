import Crypto
import Migrations
import ParleyCore

/// One step of the schema: a file of `db/migrations`, for one engine.
package struct Migration: Sendable {
    /// When it was written, as digits; the order in which migrations are applied: `20261121080000`.
    package let version: String
    /// What it is about: `businesses`.
    package let name: String
    package let up: [String]
    package let down: [String]
    /// SHA-256 of the file, in hexadecimal.
    package let checksum: String

    /// The embedded migrations for one engine, oldest first.
    ///
    /// Of the files of one version the engine's own (`….sqlite.sql`) wins over the common one (`….sql`).
    package static func embedded(for dialect: Dialect) throws(MigrationError) -> [Migration] {
        var chosen: [String: MigrationFiles.File] = [:]
        for file in MigrationFiles.all {
            let stem = String(file.name.prefix { $0 != "." })
            switch file.name.dropFirst(stem.count) {
            case ".\(dialect.rawValue).sql": chosen[stem] = file
            case ".sql": if chosen[stem] == nil { chosen[stem] = file }
            default: break
            }
        }
        var migrations: [Migration] = []
        for (_, file) in chosen.sorted(by: { $0.key < $1.key }) {
            migrations.append(try Migration(fileName: file.name, text: file.text))
        }
        return migrations
    }

    /// Reads a file: remarks, a line `-- up`, statements, a line `-- down`, statements.
    package init(fileName: String, text: String) throws(MigrationError) {
        let stem = fileName.prefix { $0 != "." }
        let version = stem.prefix { $0 != "_" }
        guard version.count == 14, version.allSatisfy({ "0"..."9" ~= $0 }), stem.count > 15 else {
            throw .malformed(fileName)
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let up = lines.firstIndex(of: "-- up"), let down = lines.lastIndex(of: "-- down"), up < down else {
            throw .malformed(fileName)
        }
        self.version = String(version)
        name = String(stem.dropFirst(15))
        self.up = Self.statements(in: lines[(up + 1)..<down].joined(separator: "\n"))
        self.down = Self.statements(in: lines[(down + 1)...].joined(separator: "\n"))
        checksum = Hex.encode(SHA256.hash(data: Array(text.utf8)))
    }

    /// The statements of a script, without their semicolons.
    ///
    /// The body of a trigger or function holds semicolons of its own, from BEGIN to the END that belongs to it.
    package static func statements(in script: String) -> [String] {
        var scanner = SQLScanner(script)
        var statements: [String] = []
        var text = ""
        var holdsCode = false
        var hasBody = false
        var depth = 0
        while let token = scanner.next() {
            if token.isCode, depth == 0, token.text == ";" {
                if holdsCode { statements.append(text.trimmed) }
                (text, holdsCode, hasBody) = ("", false, false)
                continue
            }
            if token.kind == .word {
                switch token.text.uppercased() {
                case "TRIGGER", "FUNCTION", "PROCEDURE": hasBody = true
                case "BEGIN" where hasBody, "CASE" where hasBody: depth += 1
                case "END" where hasBody: depth = max(0, depth - 1)
                default: break
                }
            }
            holdsCode = holdsCode || token.isCode || token.kind == .quoted
            // A remark before a statement is about the file; one inside it is kept by the engine.
            if holdsCode { text += token.text }
        }
        if holdsCode { statements.append(text.trimmed) }
        return statements
    }
}
