/// Which of several titles somebody means.
///
/// The order: the same words; a title that begins with them; one that has them all; one that is wholly in what was
/// asked ("the new iPhone 15 phone"). Among equals the shortest, since it adds least. Case, spaces, punctuation and
/// a plural's s do not count.
struct TitleMatch {
    /// The title that is meant; nil when none is.
    let index: Int?
    let isExact: Bool
    /// Others that share a word with what was asked, nearest first.
    let similar: [Int]

    init(asked: String, among titles: [String]) {
        let wanted = Self.words(of: asked)
        var scored: [(index: Int, rank: Int, length: Int)] = []
        for (index, title) in titles.enumerated() where !title.isEmpty {
            let rank = Self.rank(of: Self.words(of: title), for: wanted)
            if rank > 0 { scored.append((index, rank, title.count)) }
        }
        scored.sort { left, right in
            if left.rank != right.rank { return left.rank > right.rank }
            return left.length != right.length ? left.length < right.length : left.index < right.index
        }
        if let best = scored.first, best.rank >= Self.sufficient {
            index = best.index
            isExact = best.rank == Self.same
            // Beside a find, only what is much like it is worth naming.
            similar = scored.dropFirst().filter { $0.rank >= 50 }.map(\.index)
        } else {
            index = nil
            isExact = false
            similar = scored.map(\.index)
        }
    }

    private static let same = 1000
    private static let sufficient = 500

    private static func rank(of title: [String], for wanted: [String]) -> Int {
        guard !title.isEmpty, !wanted.isEmpty else { return 0 }
        if title == wanted || title.joined() == wanted.joined() { return same }
        if title.starts(with: wanted) { return 800 }
        let titleWords = Set(title)
        let shared = Set(wanted).intersection(titleWords).count
        if shared == Set(wanted).count { return 700 }
        // One word of a title would be too little: "pro" is in half of what is asked.
        if shared == titleWords.count, shared >= 2 { return sufficient + min(shared, 99) }
        return shared * 100 / max(wanted.count, 1)
    }

    static func words(of text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.prefix(32).map { word in
            word.count > 3 && word.hasSuffix("s") ? String(word.dropLast()) : String(word)
        }
    }
}
