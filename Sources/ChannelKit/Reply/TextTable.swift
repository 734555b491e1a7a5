/// A table written with spaces, for platforms that have none.
struct TextTable {
    private let rows: [[String]]
    private let widths: [Int]

    init(header: [[ReplyInline]], rows: [[[ReplyInline]]]) {
        let cells = ([header] + rows).map { row in row.map(TextTable.cell) }
        var widths = Array(repeating: 1, count: header.count)
        for row in cells {
            for (column, cell) in row.enumerated() where column < widths.count {
                widths[column] = max(widths[column], cell.columns)
            }
        }
        self.rows = cells
        self.widths = widths
    }

    /// Columns on a screen with letters of one width.
    var width: Int { widths.reduce(0, +) + 3 * max(0, widths.count - 1) }

    /// `Item | Price` above `-----|------` above the rows; the last column is not padded.
    var padded: String {
        var lines = rows.map(line)
        lines.insert(widths.map { String(repeating: "-", count: $0) }.joined(separator: "-|-"), at: min(1, lines.count))
        return lines.joined(separator: "\n")
    }

    private func line(_ row: [String]) -> String {
        var line = ""
        for (column, width) in widths.enumerated() {
            let cell = column < row.count ? row[column] : ""
            line += column > 0 ? " | " + cell : cell
            if column < widths.count - 1 { line += String(repeating: " ", count: max(0, width - cell.columns)) }
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    private static func cell(_ inlines: [ReplyInline]) -> String {
        let text = PlainMarkup().inline(ReplyRun.runs(of: inlines))
        return String(text.map { $0.isNewline ? " " : $0 })
    }
}

extension String {
    /// Columns in a monospaced font: ideographs and emoji take two.
    fileprivate var columns: Int { reduce(0) { $0 + ($1.isWide ? 2 : 1) } }
}

extension Character {
    fileprivate var isWide: Bool {
        guard let scalar = unicodeScalars.first, scalar.value >= 0x1100 else { return false }
        if scalar.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return true }
        return switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
