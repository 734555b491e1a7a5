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
