/// Takes a document apart into atoms.
struct AtomMaker {
    let limit: Int
    let length: (ReplyDocument) -> Int
    private(set) var atoms: [ReplyAtom] = []
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
