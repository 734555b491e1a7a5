import ParleyCore

/// What a command did or found out: for programs as JSON, for people as a few calm lines.
package struct Report: Sendable {
    package enum Mark: Sendable { case good, note, bad }

    package enum Block: Sendable {
        case line(String)
        /// A name and its value, the values under each other.
        case fields([(String, String)])
        /// Column titles and rows.
        case table([String], [[String]])
        /// What was looked at, and how to put it right.
        case check(Mark, String, fix: String?)
    }

    package var json: JSON
    package var blocks: [Block]
    /// False makes the command fail although it did its work: something that it looked at is not right.
    package var isGood: Bool

    package init(_ json: JSON, _ blocks: [Block], isGood: Bool = true) {
        self.json = json
        self.blocks = blocks
        self.isGood = isGood
    }

    /// One sentence.
    package init(_ json: JSON, _ line: String) { self.init(json, [.line(line)]) }

    /// A table, or what to do when it is empty.
    package init(_ json: [JSON], _ titles: [String], _ rows: [[String]], whenEmpty: String) {
        self.init(.array(json), rows.isEmpty ? [.line(whenEmpty)] : [.table(titles, rows)])
    }
}

extension BinaryInteger {
    /// `1 business`, `2 businesses`.
    func counted(_ one: String, _ many: String) -> String { "\(self) \(self == 1 ? one : many)" }
}

extension Timestamp {
    /// The time of day in UTC: `12:04:05.678`.
    var timeOfDay: String { String(description.dropFirst(11).prefix(12)) }

    /// `2026-11-21 12:04:05 UTC`
    var dayAndTime: String { "\(day) \(timeOfDay.prefix(8)) UTC" }
}

extension Duration {
    /// For people: `250 ms`, `4.2 s`, `3 min`, `5 h`, `2 days`.
    var spoken: String {
        let milliseconds = max(0, self.milliseconds)
        switch milliseconds {
        case ..<1000: return "\(milliseconds) ms"
        case ..<10_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
        case ..<120_000: return "\(milliseconds / 1000) s"
        case ..<7_200_000: return "\(milliseconds / 60_000) min"
        case ..<172_800_000: return "\(milliseconds / 3_600_000) h"
        default: return "\(milliseconds / 86_400_000) days"
        }
    }
}
