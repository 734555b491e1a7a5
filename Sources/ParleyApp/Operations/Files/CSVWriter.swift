import ParleyCore

/// Comma-separated values as in RFC 4180, safe to open in a spreadsheet.
enum CSVWriter {
    /// One record with its line break (CRLF).
    static func record(_ cells: [JSON]) -> String {
        cells.map(cell).joined(separator: ",") + "\r\n"
    }

    private static func cell(_ value: JSON) -> String {
        switch value {
        case .null: ""
        case .string(let text): quoted(harmless(text))
        case .integer, .number, .bool: value.description
        case .array, .object: quoted(harmless(value.description))
        }
    }

    /// Spreadsheets run what looks like a formula (OWASP, "CSV Injection"); an apostrophe makes it text.
    static func harmless(_ text: String) -> String {
        guard let first = text.unicodeScalars.first, starts.contains(first) else { return text }
        return "'" + text
    }

    /// Excel takes the full-width forms for the plain ones in East Asian locales.
    private static let starts: Set<Unicode.Scalar> = [
        "=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠",
    ]

    private static func quoted(_ text: String) -> String {
        let mustBeQuoted = text.unicodeScalars.contains { $0 == "\"" || $0 == "," || $0 == "\r" || $0 == "\n" }
        guard mustBeQuoted || text.hasPrefix(" ") || text.hasSuffix(" ") else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }
}
