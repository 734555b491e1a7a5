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

    fileprivate var leafID: Int? { leaf < path.count ? path[leaf].id : nil }

    fileprivate var isBlank: Bool {
        switch content {
        case .lineBreak: true
        case .text(let text): text.allSatisfy(\.isWhitespace)
        case .image, .rule, .nothing: false
        }
    }

    fileprivate var isCode: Bool {
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

// MARK: From a document to atoms

private struct AtomMaker {
    let limit: Int
    let length: (ReplyDocument) -> Int
    var atoms: [ReplyAtom] = []
    private var nextID = 0
    private var nextCut = Cut.block

    init(limit: Int, length: @escaping (ReplyDocument) -> Int) {
        self.limit = limit
        self.length = length
    }

    private mutating func frame(_ kind: ReplyAtom.Frame.Kind) -> ReplyAtom.Frame {
        nextID += 1
        return ReplyAtom.Frame(id: nextID, kind: kind)
    }

    private mutating func emit(_ content: ReplyAtom.Content, path: [ReplyAtom.Frame], leaf: Int, then cut: Cut) {
        let weight =
            switch content {
            case .text(let text): text.utf16.count
            case .lineBreak: 1
            case .image(let url, let alt): url.utf16.count + alt.utf16.count
            case .rule: 3
            case .nothing: 0
            }
        atoms.append(ReplyAtom(path: path, leaf: leaf, content: content, cut: nextCut, weight: weight))
        nextCut = cut
    }

    mutating func add(_ blocks: [ReplyBlock], path: [ReplyAtom.Frame]) {
        for block in blocks {
            let before = atoms.count
            add(block, path: path)
            guard atoms.count > before else { continue }
            nextCut = path.isEmpty ? .block : .item
            // A heading stays with what it heads.
            if case .heading = block { nextCut = .word }
        }
    }

    private mutating func add(_ block: ReplyBlock, path: [ReplyAtom.Frame]) {
        switch block {
        case .paragraph(let inlines):
            add(inlines, path: path + [frame(.paragraph)], leaf: path.count)
        case .heading(let level, let inlines):
            add(inlines, path: path + [frame(.heading(level: level))], leaf: path.count)
        case .rule:
            emit(.rule, path: path, leaf: path.count, then: .item)
        case .quote(let inside):
            add(inside, path: path + [frame(.quote)])
        case .code(let language, let text):
            let path = path + [frame(.code(language: language))]
            text.isEmpty
                ? emit(.nothing, path: path, leaf: path.count - 1, then: .item)
                : add(text: text, path: path, leaf: path.count - 1, keepsLeadingSpace: true)
        case .list(let start, let items):
            let path = path + [frame(.list(start: start))]
            for (index, item) in items.enumerated() {
                let path = path + [frame(.item(index: index))]
                let before = atoms.count
                add(item, path: path)
                if atoms.count == before { emit(.nothing, path: path, leaf: path.count, then: .item) }
                nextCut = .item
            }
        case .table(let header, let rows):
            table(header: header, rows: rows, path: path)
        }
    }

    private mutating func table(header: [[ReplyInline]], rows: [[[ReplyInline]]], path: [ReplyAtom.Frame]) {
        let tablePath = path + [frame(.table(header: header))]
        let empty = ReplyAtom(path: tablePath, leaf: tablePath.count, content: .nothing, cut: .block, weight: 0)
        guard length(ReplyAtom.document(of: [empty], 0..<1)) * 2 <= limit else {
            for row in [header] + rows {
                add(.paragraph(Array(row.joined(separator: [.text(" | ")]))), path: path)
                nextCut = .item
            }
            return
        }
        if rows.isEmpty { emit(.nothing, path: tablePath, leaf: tablePath.count, then: .item) }
        for row in rows {
            let rowPath = tablePath + [frame(.row)]
            let before = atoms.count
            for (column, cell) in row.enumerated() {
                add(cell, path: rowPath + [frame(.cell(column: column))], leaf: rowPath.count)
                nextCut = .word
            }
            if atoms.count == before { emit(.nothing, path: rowPath, leaf: rowPath.count, then: .item) }
            nextCut = .item
        }
    }

    private mutating func add(_ inlines: [ReplyInline], path: [ReplyAtom.Frame], leaf: Int) {
        for inline in inlines {
            switch inline {
            case .text(let text): add(text: text, path: path, leaf: leaf)
            case .lineBreak: emit(.lineBreak, path: path, leaf: leaf, then: .line)
            case .code(let text): whole(text, path: path + [frame(.inlineCode)], leaf: leaf)
            case .strong(let inside): add(inside, path: path + [frame(.inline(.strong))], leaf: leaf)
            case .emphasis(let inside): add(inside, path: path + [frame(.inline(.emphasis))], leaf: leaf)
            case .strikethrough(let inside): add(inside, path: path + [frame(.inline(.strikethrough))], leaf: leaf)
            case .image(let url, let alt):
                isLight(.image(url: url, alt: alt), url)
                    ? emit(.image(url: url, alt: alt), path: path, leaf: leaf, then: .grapheme)
                    : add(text: ReplyLink.spelledOut(label: alt, shown: alt, url: url), path: path, leaf: leaf)
            case .link(let url, let inside):
                link(url: url, inside, path: path, leaf: leaf)
            }
        }
    }

    private mutating func link(url: String, _ inside: [ReplyInline], path: [ReplyAtom.Frame], leaf: Int) {
        let label = inside.isEmpty ? [.text(url)] : inside
        if isLight(.link(url: url, [.text("x")]), url) {
            let path = path + [frame(.link(url: url))]
            if case .text(let text)? = label.first, label.count == 1 {
                whole(text, path: path, leaf: leaf)
            } else {
                add(label, path: path, leaf: leaf)
            }
            return
        }
        if label == [.text(url)] {
            add(text: url, path: path, leaf: leaf)
        } else {
            add(label, path: path, leaf: leaf)
            add(text: " (\(url))", path: path, leaf: leaf)
        }
    }

    /// Whether a link leaves at least half of a part to its text.
    private func isLight(_ inline: ReplyInline, _ url: String) -> Bool {
        // Escaping makes no byte longer than six units; measure only what might be too long.
        url.utf8.count * 6 + 64 < limit / 2 || length(ReplyDocument([.paragraph([inline])])) * 2 <= limit
    }

    /// Text that is better not cut (link labels, inline code), unless it is long.
    private mutating func whole(_ text: String, path: [ReplyAtom.Frame], leaf: Int) {
        guard text.utf16.count > limit / 4 else {
            if !text.isEmpty { emit(.text(text), path: path, leaf: leaf, then: .grapheme) }
            return
        }
        add(text: text, path: path, leaf: leaf)
    }

    /// A word and the space behind it at a time, and no more than 16 graphemes: fewer for a small limit, which escaping
    /// would make them exceed.
    private mutating func add(
        text: String,
        path: [ReplyAtom.Frame],
        leaf: Int,
        keepsLeadingSpace: Bool = false
    ) {
        let most = max(1, min(16, limit / 12))
        var start = text.startIndex
        var graphemes = 0
        var hasWord = !keepsLeadingSpace
        var hasSpace = false
        var endsSentence = false
        var index = start
        while index < text.endIndex {
            let character = text[index]
            if !character.isWhitespace {
                if hasSpace {
                    emit(
                        .text(String(text[start..<index])),
                        path: path,
                        leaf: leaf,
                        then: endsSentence ? .sentence : .word
                    )
                    (start, graphemes, hasSpace) = (index, 0, false)
                }
                hasWord = true
                endsSentence = ".!?…。！？".contains(character)
            } else if hasWord {
                hasSpace = true
            }
            index = text.index(after: index)
            graphemes += 1
            let next: Cut? =
                character.isNewline
                ? .line : "。！？".contains(character) ? .sentence : graphemes >= most && !hasSpace ? .grapheme : nil
            if let next {
                emit(.text(String(text[start..<index])), path: path, leaf: leaf, then: next)
                (start, graphemes, hasSpace, hasWord) = (index, 0, false, !keepsLeadingSpace)
            }
        }
        guard start < index else { return }
        let end: Cut = hasSpace ? (endsSentence ? .sentence : .word) : .grapheme
        emit(.text(String(text[start..<index])), path: path, leaf: leaf, then: end)
    }
}

// MARK: From atoms to a document

extension ReplyAtom {
    /// Past white space that goes on from a paragraph which was cut.
    static func firstVisible(of atoms: [ReplyAtom], from start: Int) -> Int {
        var index = start
        while index > 0, index < atoms.count, atoms[index].isBlank, !atoms[index].isCode,
            let leaf = atoms[index].leafID, leaf == atoms[index - 1].leafID
        {
            index += 1
        }
        return index
    }

    /// A range of atoms as a document. A list item that began before the range goes on without its marker.
    static func document(of atoms: [ReplyAtom], _ range: Range<Int>) -> ReplyDocument {
        var end = range.upperBound
        let isCut =
            end < atoms.count && end > 0 && atoms[end].leafID != nil && atoms[end].leafID == atoms[end - 1].leafID
        while isCut, end > range.lowerBound + 1, atoms[end - 1].isBlank, !atoms[end - 1].isCode { end -= 1 }
        let before = range.lowerBound > 0 ? atoms[range.lowerBound - 1].path.map(\.id) : []
        let builder = TreeBuilder(atoms: atoms[range.lowerBound..<end], opened: Set(before), isCut: isCut)
        return ReplyDocument(builder.blocks(range.lowerBound..<end, level: 0))
    }
}

private struct TreeBuilder {
    let atoms: ArraySlice<ReplyAtom>
    /// Frames that were open before the range.
    let opened: Set<Int>
    /// Whether the range ends in the midst of a paragraph or code block.
    let isCut: Bool

    func blocks(_ range: Range<Int>, level: Int) -> [ReplyBlock] {
        var blocks: [ReplyBlock] = []
        for (frame, group) in groups(range, level: level) {
            guard let frame else {
                for index in group where atoms[index].content == .rule { blocks.append(.rule) }
                continue
            }
            switch frame.kind {
            case .paragraph: blocks.append(.paragraph(inlines(group, level: level + 1)))
            case .heading(let depth): blocks.append(.heading(level: depth, inlines(group, level: level + 1)))
            case .quote: blocks.append(.quote(self.blocks(group, level: level + 1)))
            case .code(let language): blocks.append(.code(language: language, text: code(group)))
            case .list(let start): blocks += list(start: start, group, level: level + 1)
            case .table(let header): blocks.append(table(header: header, group, level: level + 1))
            case .item, .row: blocks += self.blocks(group, level: level + 1)
            case .cell, .inline, .link, .inlineCode: blocks.append(.paragraph(inlines(group, level: level)))
            }
        }
        return blocks
    }

    private func list(start: Int?, _ range: Range<Int>, level: Int) -> [ReplyBlock] {
        var blocks: [ReplyBlock] = []
        var first: Int?
        var items: [[ReplyBlock]] = []
        for (frame, group) in groups(range, level: level) {
            guard let frame, case .item(let index) = frame.kind else { continue }
            let content = self.blocks(group, level: level + 1)
            if opened.contains(frame.id) {
                blocks += content
            } else {
                if first == nil { first = index }
                items.append(content)
            }
        }
        guard let first else { return blocks }
        let number = start.map { $0.addingReportingOverflow(first) }.map { $0.overflow ? Int.max : $0.partialValue }
        return blocks + [.list(start: number, items: items)]
    }

    private func table(header: [[ReplyInline]], _ range: Range<Int>, level: Int) -> ReplyBlock {
        var rows: [[[ReplyInline]]] = []
        for (frame, group) in groups(range, level: level) where frame != nil {
            var cells: [[ReplyInline]] = Array(repeating: [], count: header.count)
            for (cell, inside) in groups(group, level: level + 1) {
                guard let cell, case .cell(let column) = cell.kind, column < cells.count else { continue }
                cells[column] = inlines(inside, level: level + 2)
            }
            rows.append(cells)
        }
        return .table(header: header, rows: rows)
    }

    private func code(_ range: Range<Int>) -> String {
        var text = ""
        for index in range {
            if case .text(let part) = atoms[index].content { text += part }
        }
        // The newline at the cut becomes the end of the block.
        if isCut, range.upperBound == atoms.endIndex, text.last?.isNewline == true { text.removeLast() }
        return text
    }

    private func inlines(_ range: Range<Int>, level: Int) -> [ReplyInline] {
        var result: [ReplyInline] = []
        for (frame, group) in groups(range, level: level) {
            switch frame?.kind {
            case .link(let url)?: result.append(.link(url: url, inlines(group, level: level + 1)))
            case .inlineCode?: result.append(.code(text(group)))
            case .inline(let style)?:
                let inside = inlines(group, level: level + 1)
                result.append(
                    style == .strong ? .strong(inside) : style == .emphasis ? .emphasis(inside) : .strikethrough(inside)
                )
            default: result += leaves(group)
            }
        }
        return result
    }

    private func leaves(_ range: Range<Int>) -> [ReplyInline] {
        var result: [ReplyInline] = []
        var pending = ""
        func flush() {
            if !pending.isEmpty { result.append(.text(pending)) }
            pending = ""
        }
        for index in range {
            switch atoms[index].content {
            case .text: pending += text(index..<index + 1)
            case .lineBreak:
                flush()
                result.append(.lineBreak)
            case .image(let url, let alt):
                flush()
                result.append(.image(url: url, alt: alt))
            case .rule, .nothing: break
            }
        }
        flush()
        return result
    }

    private func text(_ range: Range<Int>) -> String {
        var result = ""
        for index in range {
            guard case .text(let part) = atoms[index].content else { continue }
            guard isCut, index == atoms.endIndex - 1 else {
                result += part
                continue
            }
            let end = part.lastIndex { !$0.isWhitespace }
            result += end.map { part[...$0] } ?? ""
        }
        return result
    }

    /// Neighbours that hang on the same frame at `level`; nil for those that end above it.
    private func groups(_ range: Range<Int>, level: Int) -> [(ReplyAtom.Frame?, Range<Int>)] {
        var groups: [(ReplyAtom.Frame?, Range<Int>)] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let frame = atoms[start].path.count > level ? atoms[start].path[level] : nil
            var end = start + 1
            while end < range.upperBound {
                let next = atoms[end].path.count > level ? atoms[end].path[level].id : nil
                guard next == frame?.id else { break }
                end += 1
            }
            groups.append((frame, start..<end))
            start = end
        }
        return groups
    }
}
