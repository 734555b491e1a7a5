/// How good a place to cut is; the larger, the better.
enum Cut: Int, Comparable {
    case grapheme, word, sentence, line, item, block

    static func < (one: Cut, other: Cut) -> Bool { one.rawValue < other.rawValue }
}

/// A word's worth of a document, with the path of tree nodes that it hangs on: what a reply is cut between.
///
/// Any range of atoms can be put together to a document again (``document(of:_:)``).
struct ReplyAtom {
    struct Frame {
        enum Kind {
            case paragraph
            case heading(level: Int)
            case list(start: Int?)
            case item(index: Int)
            case code(language: String?)
            case quote
            case table(header: [[ReplyInline]])
            case row
            case cell(column: Int)
            case inline(ReplyStyles)
            case link(url: String)
            case inlineCode
        }

        let id: Int
        let kind: Kind
    }

    enum Content: Equatable {
        case text(String)
        case lineBreak
        case image(url: String, alt: String)
        case rule
        /// Keeps an empty item, row or code block in place.
        case nothing
    }

    var path: [Frame]
    /// Where in `path` the paragraph, heading, code block or cell stands.
    var leaf: Int
    var content: Content
    /// How good a cut before this atom is.
    var cut: Cut
    /// UTF-16 units of bare text.
    var weight: Int

    /// The atoms of a document. What would not fit even alone (a long URL, a wide table header) becomes text.
    static func atoms(
        of document: ReplyDocument,
        limit: Int,
        length: (ReplyDocument) -> Int
    ) -> [ReplyAtom] {
        withoutActuallyEscaping(length) { length in
            var maker = AtomMaker(limit: limit, length: length)
            maker.add(document.blocks, path: [])
            return maker.atoms
        }
    }

    /// Smaller atoms for one that does not fit alone; nil if there is nothing left to take away.
    func smaller(fits: (ReplyAtom) -> Bool) -> [ReplyAtom]? {
        guard case .text(let text) = content else { return bare.map { [$0] } }
        if let first = text.first {
            // Is it the text or what it hangs on that is too big?
            var one = self
            one.content = .text(text.count > 1 ? String(first) : String(text.unicodeScalars.prefix(1)))
            if !fits(one), let bare { return [bare] }
        }
        let halves = text.count > 1 ? text.halves : text.unicodeScalars.count > 1 ? text.scalarHalves : nil
        guard let halves else { return bare.map { [$0] } }
        var (left, right) = (self, self)
        left.content = .text(halves.0)
        left.weight = halves.0.utf16.count
        right.content = .text(halves.1)
        right.weight = halves.1.utf16.count
        right.cut = .grapheme
        return [left, right]
    }

    /// The same content in a paragraph of its own, then without styles too; nil if nothing can be taken away.
    private var bare: ReplyAtom? {
        var bare = self
        guard leaf < path.count else {
            // A rule or an empty item, which deep nesting has pushed out of sight.
            (bare.path, bare.leaf) = ([], 0)
            return path.isEmpty ? nil : bare
        }
        let paragraph = Frame(id: path[leaf].id, kind: .paragraph)
        if leaf > 0 || !path[leaf].isParagraph {
            bare.path = [paragraph] + path[(leaf + 1)...]
        } else if path.count > 1 {
            bare.path = [paragraph]
        } else {
            return nil
        }
        bare.leaf = 0
        return bare
    }

    var leafID: Int? { leaf < path.count ? path[leaf].id : nil }

    var isBlank: Bool {
        switch content {
        case .lineBreak: true
        case .text(let text): text.allSatisfy(\.isWhitespace)
        case .image, .rule, .nothing: false
        }
    }

    var isCode: Bool {
        guard leaf < path.count, case .code = path[leaf].kind else { return false }
        return true
    }
}

extension ReplyAtom.Frame {
    fileprivate var isParagraph: Bool {
        if case .paragraph = kind { true } else { false }
    }
}

extension String {
    fileprivate var halves: (String, String) {
        let middle = index(startIndex, offsetBy: count / 2)
        return (String(self[..<middle]), String(self[middle...]))
    }

    fileprivate var scalarHalves: (String, String) {
        let scalars = unicodeScalars
        let middle = scalars.index(scalars.startIndex, offsetBy: scalars.count / 2)
        return (String(scalars[..<middle]), String(scalars[middle...]))
    }
}
