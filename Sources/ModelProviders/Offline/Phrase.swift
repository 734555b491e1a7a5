import ParleyCore

/// A text as words: compared in lower case and without punctuation, cut out as they were written.
struct Phrase {
    struct Word {
        var plain: String
        var range: Range<String.Index>
        /// A full stop, a question mark or a new line follows.
        var endsSentence = false
        var hasCommaBehind = false
    }

    let text: String
    private(set) var words: [Word] = []

    /// - Parameter limit: the words that are looked at; people ask in fewer.
    init(_ text: String, atMost limit: Int = 400) {
        self.text = text
        var index = text.startIndex
        while index < text.endIndex, words.count < limit {
            guard Self.isWordCharacter(text[index]) else {
                mark(text[index], at: index)
                index = text.index(after: index)
                continue
            }
            let start = index
            var plain = ""
            while index < text.endIndex, Self.isWordCharacter(text[index]) || Self.isApostrophe(text[index]) {
                if !Self.isApostrophe(text[index]) { plain += text[index].lowercased() }
                index = text.index(after: index)
            }
            words.append(Word(plain: plain, range: start..<index))
        }
    }

    /// The words of a range as they were written, with what stands between them.
    func written(_ range: Range<Int>) -> String {
        guard range.lowerBound >= 0, range.upperBound <= words.count, !range.isEmpty else { return "" }
        return String(text[words[range.lowerBound].range.lowerBound..<words[range.upperBound - 1].range.upperBound])
    }

    /// The ranges of words that are sentences.
    var sentences: [Range<Int>] {
        var sentences: [Range<Int>] = []
        var start = 0
        for (index, word) in words.enumerated() where word.endsSentence || index == words.count - 1 {
            sentences.append(start..<index + 1)
            start = index + 1
        }
        return sentences
    }

    private mutating func mark(_ character: Character, at index: String.Index) {
        guard let last = words.indices.last else { return }
        switch character {
        case "?", "!", ";", "\n", "\r\n", "？", "。": words[last].endsSentence = true
        case ".":
            let next = text.index(after: index)
            // "4.5" and "example.com" go on.
            if next == text.endIndex || text[next].isWhitespace { words[last].endsSentence = true }
        case ",": words[last].hasCommaBehind = true
        default: break
        }
    }

    private static func isWordCharacter(_ character: Character) -> Bool { character.isLetter || character.isNumber }
    private static func isApostrophe(_ character: Character) -> Bool { character == "'" || character == "’" }

    /// The words that carry meaning, in lower case.
    static func significantWords(of text: String) -> [String] {
        Phrase(text).words.map(\.plain).filter { !stopWords.contains($0) }
    }

    private static let stopWords: Set<String> = [
        "a", "an", "and", "any", "are", "at", "be", "can", "could", "do", "does", "for", "from", "have", "hello", "hey",
        "hi", "how", "i", "if", "im", "in", "is", "it", "its", "me", "much", "my", "of", "on", "or", "our", "please",
        "some", "that", "the", "there", "this", "to", "us", "was", "we", "what", "whats", "when", "where", "wheres",
        "which", "who", "will", "with", "would", "you", "your",
    ]
}
