import AgentKit
import ParleyCore

/// How people ask for a tool: "do you have {product} in stock".
struct TriggerPhrase {
    private enum Piece {
        case word(String)
        case slot(String)
    }

    /// A place where the phrase was found.
    struct Find {
        var tool: ToolDefinition
        var arguments: [String: String]
        /// The slot for which nothing, or only "it", was said.
        var missing: String?
        /// The literal words that were found: the more, the surer.
        var strength: Int
        var start: Int
    }

    private let tool: ToolDefinition
    private let pieces: [Piece]
    private let strength: Int

    init(_ trigger: String, of tool: ToolDefinition) {
        self.tool = tool
        var pieces: [Piece] = []
        var rest = Substring(trigger)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            pieces += Phrase(String(rest[..<open])).words.map { .word($0.plain) }
            pieces.append(.slot(String(rest[rest.index(after: open)..<close])))
            rest = rest[rest.index(after: close)...]
        }
        pieces += Phrase(String(rest)).words.map { .word($0.plain) }
        // Every slot multiplies the ways in which a phrase may stand; nobody asks for four things in one.
        let slots = pieces.count { if case .slot = $0 { true } else { false } }
        self.pieces = slots <= 3 ? pieces : []
        strength = pieces.reduce(0) { if case .word = $1 { $0 + 1 } else { $0 } }
    }

    /// The first place in a range of words where the phrase stands.
    func find(in phrase: Phrase, _ range: Range<Int>) -> Find? {
        guard strength > 0, let first = pieces.first else { return nil }
        var starts = Array(range)
        // A phrase that begins with a slot takes all that stands before its first word.
        if case .slot = first { starts = [range.lowerBound] }
        for start in starts {
            var slots: [String: Range<Int>] = [:]
            guard stands(pieces[...], in: phrase, from: start, to: range.upperBound, &slots) else { continue }
            if let find = find(slots, in: phrase, start) { return find }
        }
        return nil
    }

    private static let slotWords = 12

    private func stands(
        _ pieces: ArraySlice<Piece>,
        in phrase: Phrase,
        from position: Int,
        to end: Int,
        _ slots: inout [String: Range<Int>]
    ) -> Bool {
        guard let piece = pieces.first else { return true }
        let rest = pieces.dropFirst()
        switch piece {
        case .word(let word):
            guard position < end, phrase.words[position].plain == word else { return false }
            return stands(rest, in: phrase, from: position + 1, to: end, &slots)
        case .slot(let name):
            if rest.isEmpty {
                slots[name] = position..<min(end, position + Self.slotWords)
                return true
            }
            guard position < end else { return false }
            for next in position + 1..<max(position + 2, min(end, position + Self.slotWords + 1))
            where stands(rest, in: phrase, from: next, to: end, &slots) {
                slots[name] = position..<next
                return true
            }
            return false
        }
    }

    private func find(_ slots: [String: Range<Int>], in phrase: Phrase, _ start: Int) -> Find? {
        var find = Find(tool: tool, arguments: [:], strength: strength, start: start)
        for (name, range) in slots {
            switch SlotValue(name, in: phrase, range) {
            case .value(let value): find.arguments[name] = value
            case .nothing: find.missing = name
            case .unsuitable: return nil
            }
        }
        return find
    }
}

/// What stands in a slot, without the politeness around it.
enum SlotValue: Equatable {
    case value(String)
    /// Nothing, or "it".
    case nothing
    /// Words where a number is needed.
    case unsuitable

    init(_ name: String, in phrase: Phrase, _ range: Range<Int>) {
        var range = range
        while let first = range.first, Self.leading.contains(phrase.words[first].plain) { range.removeFirst() }
        while let last = range.last, Self.trailing.contains(phrase.words[last].plain) { range.removeLast() }
        guard !range.isEmpty else {
            self = .nothing
            return
        }
        let text = phrase.written(range)
        guard Self.wantsNumber(name) else {
            self = .value(text)
            return
        }
        let number = text.split(whereSeparator: \.isWhitespace).first { $0.contains { $0.isASCII && $0.isNumber } }
        self = number.map { .value(Self.bare($0)) } ?? .unsuitable
    }

    /// Whether an argument of that name has a digit in it: `order_number`, `invoice_id`.
    static func wantsNumber(_ name: String) -> Bool {
        name.hasSuffix("number") || name.hasSuffix("_id") || name.hasSuffix("_no")
    }

    private static func bare(_ piece: Substring) -> String {
        var piece = piece
        while let first = piece.first, !first.isLetter, !first.isNumber { piece.removeFirst() }
        while let last = piece.last, !last.isLetter, !last.isNumber { piece.removeLast() }
        return String(piece)
    }

    private static let leading: Set<String> = [
        "a", "an", "any", "some", "the", "your", "of", "about", "for", "please", "hi", "hello", "hey", "new", "more",
        "it", "that", "this", "them", "these", "those", "one", "ones", "is", "are", "and", "also",
    ]
    private static let trailing: Set<String> = [
        "please", "thanks", "today", "now", "right", "currently", "still", "left", "anymore", "available", "it", "that",
        "this", "them", "these", "those", "there", "again", "moment", "at", "the", "then", "and", "also", "too", "me",
        "for", "here", "is", "are", "yet", "thank", "you",
    ]
}
