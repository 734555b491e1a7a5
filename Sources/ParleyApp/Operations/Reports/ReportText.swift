/// A report as text: aligned, and with nothing in it that could steer a terminal.
package struct ReportText: Sendable {
    private let hasColour: Bool

    package init(hasColour: Bool) { self.hasColour = hasColour }

    package func render(_ report: Report) -> String {
        report.blocks.map { lines(of: $0).joined(separator: "\n") }.joined(separator: "\n")
    }

    private func lines(of block: Report.Block) -> [String] {
        switch block {
        case .line(let text): [Self.harmless(text, keepsLines: true)]
        case .fields(let fields):
            Self.aligned(fields.map { ["\($0.0)", $0.1] }).map { "  " + $0 }
        case .table(let titles, let rows):
            Self.table([titles] + rows).enumerated().map { $0 == 0 ? dimmed($1) : $1 }
        case .check(let mark, let text, let fix):
            [sign(mark) + " " + Self.harmless(text)] + (fix.map { ["    → " + Self.harmless($0)] } ?? [])
        }
    }

    private static func table(_ rows: [[String]]) -> [String] { aligned(rows) }

    /// Columns as wide as their widest cell, two blanks between them.
    private static func aligned(_ rows: [[String]]) -> [String] {
        let rows = rows.map { $0.map { harmless($0) } }
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index < widths.count {
                    widths[index] = max(widths[index], width(cell))
                } else {
                    widths.append(width(cell))
                }
            }
        }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - Self.width(cell) + 2)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// The columns that a terminal gives to a text: two for East Asian wide characters and emoji.
    private static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            let first = character.unicodeScalars.first?.value ?? 0
            let isWide =
                (0x1100...0x115F).contains(first) || (0x2E80...0xA4CF).contains(first)
                || (0xAC00...0xD7A3).contains(first) || (0xF900...0xFAFF).contains(first)
                || (0xFE30...0xFE6F).contains(first) || (0xFF00...0xFF60).contains(first)
                || (0x1F300...0x1FAFF).contains(first) || (0x20000...0x3FFFD).contains(first)
            return sum + (isWide ? 2 : 1)
        }
    }

    /// Names and texts come from strangers: control characters and changes of direction are shown, not obeyed.
    private static func harmless(_ text: String, keepsLines: Bool = false) -> String {
        var safe = ""
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
            let isDirection = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            switch scalar {
            case "\n" where keepsLines: safe += "\n"
            case "\n": safe += "⏎"
            case _ where isControl || isDirection: safe += "\\u{\(String(scalar.value, radix: 16))}"
            default: safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }

    private func sign(_ mark: Report.Mark) -> String {
        switch mark {
        case .good: coloured("✓", 32)
        case .note: coloured("•", 33)
        case .bad: coloured("✗", 31)
        }
    }

    private func dimmed(_ text: String) -> String { coloured(text, 2) }

    private func coloured(_ text: String, _ code: Int) -> String {
        hasColour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
