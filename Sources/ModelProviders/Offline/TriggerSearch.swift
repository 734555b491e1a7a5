import AgentKit
import ParleyCore

/// Finds what is asked of the enabled tools in a message; two questions are two finds.
struct TriggerSearch {
    private let phrases: [TriggerPhrase]

    init(_ tools: [ToolDefinition]) {
        phrases = tools.flatMap { tool in tool.triggers.map { TriggerPhrase($0, of: tool) } }
    }

    /// In the order of the text; at most four.
    func finds(in text: String) -> [TriggerPhrase.Find] {
        let phrase = Phrase(text)
        var finds: [TriggerPhrase.Find] = []
        for sentence in phrase.sentences.prefix(16) {
            finds += self.finds(in: phrase, sentence, splits: 8)
        }
        return Array(finds.prefix(4))
    }

    /// "Do you have A and where is my order 7?" is two questions when each half is one.
    private func finds(in phrase: Phrase, _ range: Range<Int>, splits: Int) -> [TriggerPhrase.Find] {
        guard let whole = best(in: phrase, range) else { return [] }
        for joint in joints(in: phrase, range).prefix(splits) {
            let (left, right) = (range.lowerBound..<joint.end, joint.next..<range.upperBound)
            guard let first = best(in: phrase, left), first.missing == nil, first.strength >= 2,
                let second = best(in: phrase, right), second.missing == nil, second.strength >= 2
            else { continue }
            return [first] + finds(in: phrase, right, splits: splits - 1)
        }
        return [whole]
    }

    private func joints(in phrase: Phrase, _ range: Range<Int>) -> [(end: Int, next: Int)] {
        var joints: [(end: Int, next: Int)] = []
        for index in range {
            if ["and", "also", "plus", "or"].contains(phrase.words[index].plain) { joints.append((index, index + 1)) }
            if phrase.words[index].hasCommaBehind { joints.append((index + 1, index + 1)) }
        }
        return joints.filter { $0.end > range.lowerBound && $0.next < range.upperBound }
    }

    /// The one with the most words of its phrase; a whole one before one that lacks its argument.
    private func best(in phrase: Phrase, _ range: Range<Int>) -> TriggerPhrase.Find? {
        var best: TriggerPhrase.Find?
        for find in phrases.lazy.compactMap({ $0.find(in: phrase, range) }) {
            guard let leader = best else {
                best = find
                continue
            }
            let isWhole = find.missing == nil
            if isWhole != (leader.missing == nil) {
                if isWhole { best = find }
            } else if find.strength > leader.strength || find.strength == leader.strength && find.start < leader.start {
                best = find
            }
        }
        return best
    }
}
