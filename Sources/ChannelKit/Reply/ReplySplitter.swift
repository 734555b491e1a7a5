/// Cuts a reply into parts that a platform accepts.
///
/// The cut is made in the document tree, not in rendered text: each part is a document of its own, so that lists go on
/// counting, code reopens in its language, tables repeat their header and styles are closed and opened again.
package enum ReplySplitter {
    /// The parts in order; each of them, rendered by `markup`, has at most `limit` units of that markup's length.
    ///
    /// Nothing is lost but white space at the cuts. Cuts prefer the end of a block, then of a list item or table row, of
    /// a line, of a sentence, of a word; otherwise they fall between graphemes. `limit` below 50 counts as 50.
    package static func split(_ document: ReplyDocument, as markup: some Markup, limit: Int) -> [ReplyDocument] {
        var cutter = Cutter(document, markup: markup, limit: max(50, limit))
        var parts: [ReplyDocument] = []
        while let part = cutter.next() { parts.append(part) }
        return parts
    }
}

private struct Cutter<M: Markup> {
    private let markup: M
    private let limit: Int
    private var atoms: [ReplyAtom]
    private var position = 0

    init(_ document: ReplyDocument, markup: M, limit: Int) {
        self.markup = markup
        self.limit = limit
        atoms = ReplyAtom.atoms(of: document, limit: limit) { markup.length(of: markup.render($0)) }
    }

    mutating func next() -> ReplyDocument? {
        while position < atoms.count {
            position = ReplyAtom.firstVisible(of: atoms, from: position)
            guard position < atoms.count else { return nil }
            let end = bestCut(furthestThatFits())
            let part = slice(end)
            position = end
            if length(part) > 0 { return part }
        }
        return nil
    }

    private func slice(_ end: Int) -> ReplyDocument { ReplyAtom.document(of: atoms, position..<end) }

    private func length(_ part: ReplyDocument) -> Int { markup.length(of: markup.render(part)) }

    private func fits(_ end: Int) -> Bool { length(slice(end)) <= limit }

    /// An end close to the largest whose part fits; makes the first atom smaller when not even that fits.
    private mutating func furthestThatFits() -> Int {
        while !fits(position + 1) {
            guard let pieces = atoms[position].smaller(fits: { length(ReplyAtom.document(of: [$0], 0..<1)) <= limit })
            else { return position + 1 }
            atoms.replaceSubrange(position...position, with: pieces)
        }
        var good = position + 1
        var bad = tooFar()
        var guess = bad - 1
        var tries = 0
        while bad - good > 1 {
            let length = length(slice(guess))
            if length <= limit { good = guess } else { bad = guess }
            // Near enough: the cut will be made at a kinder place before it anyway.
            if length <= limit, limit - length <= limit / 256 { break }
            tries += 1
            // The length grows nearly evenly, so a proportional guess is close; halving ends it in any case.
            let even = position + (guess - position) * limit / max(1, length)
            guess = tries < 4 ? min(max(even, good + 1), bad - 1) : good + (bad - good) / 2
        }
        return good
    }

    /// An end whose bare text is over the limit already, or one past the last.
    private func tooFar() -> Int {
        var weight = 0
        var end = position
        while end < atoms.count {
            weight += atoms[end].weight
            end += 1
            if weight > limit { return end + 1 > atoms.count ? atoms.count + 1 : end + 1 }
        }
        return atoms.count + 1
    }

    /// The kindest place to cut up to `furthest`, unless it leaves the part too empty.
    private func bestCut(_ furthest: Int) -> Int {
        guard furthest < atoms.count, furthest > position + 1 else { return furthest }
        let total = atoms[position..<furthest].reduce(0) { $0 + $1.weight }
        for (kind, share) in [(Cut.block, 30), (.item, 40), (.line, 45), (.sentence, 50), (.word, 20)] {
            var weight = total
            var end = furthest
            while end > position, weight * 100 >= total * share {
                if atoms[end].cut >= kind, end == furthest || fits(end) { return end }
                end -= 1
                weight -= atoms[end].weight
            }
        }
        return furthest
    }
}
