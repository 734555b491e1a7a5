/// A markup that is text with markers in it: everything that such platforms have in common, so that each of them only
/// says what its markers are.
package protocol TextMarkup: Markup {
    /// Literal text, with whatever would be read as a marker escaped.
    func text(_ text: String, startsLine: Bool) -> String
    /// Inline code.
    func code(_ text: String) -> String
    /// Puts markers around `inner`, which is not empty and has no white space at its ends.
    func styled(_ inner: String, as style: ReplyStyles) -> String
    /// A link; `inner` is the label with its styles rendered, `label` its bare text.
    func link(_ inner: String, label: String, url: String) -> String
    func image(url: String, alt: String) -> String
    /// A heading; `nested` in a list or a quote.
    func heading(level: Int, _ inlines: [ReplyInline], nested: Bool) -> String
    func codeBlock(language: String?, text: String) -> String
    /// A quote around rendered lines.
    func quoted(_ lines: String) -> String
    /// What stands before a list item; `depth` counts from 0.
    func marker(number: Int?, depth: Int) -> String
    /// What stands before the further lines and nested lists of an item.
    func indent(under marker: String) -> String
    /// The last word on the runs of one paragraph, before they are grouped into styles.
    func prepared(_ runs: [ReplyRun]) -> [ReplyRun]

    var rule: String { get }
    /// Columns that a table may have before it is written as `key: value` lines.
    var tableWidth: Int { get }
    /// Whether a quote may hold a code block; otherwise the quote is interrupted for it.
    var quotesHoldCode: Bool { get }
    /// Whether styles must be inside links; otherwise the one that reaches further is outside.
    var linksHoldStyles: Bool { get }
    /// Where a zero-width space must stand between a marker and its neighbour to be seen as a marker.
    var markerGuard: MarkerGuard { get }
}

/// Between what a marker loses its meaning.
package enum MarkerGuard: Sendable {
    case nothing
    /// Next to another marker.
    case markers
    /// Next to another marker, a letter or a digit.
    case words
}

extension TextMarkup {
    package func render(_ document: ReplyDocument) -> String {
        joined(pieces(of: document.blocks, place: Place(), gap: "\n\n"))
    }

    package func length(of rendered: String) -> Int { rendered.utf16.count }

    package func prepared(_ runs: [ReplyRun]) -> [ReplyRun] { runs }

    package func heading(level: Int, _ inlines: [ReplyInline], nested: Bool) -> String {
        inline(ReplyRun.runs(of: inlines, adding: .strong))
    }

    package func quoted(_ lines: String) -> String { prefixed(lines, first: "> ", rest: "> ") }

    package func marker(number: Int?, depth: Int) -> String {
        number.map { "\($0). " } ?? (depth.isMultiple(of: 2) ? "• " : "◦ ")
    }

    package func indent(under marker: String) -> String { "  " }

    package var quotesHoldCode: Bool { false }
    package var linksHoldStyles: Bool { false }
    package var markerGuard: MarkerGuard { .nothing }

    package func prefixed(_ lines: String, first: String, rest: String) -> String {
        var result = first
        for character in lines {
            result.append(character)
            if character.isNewline { result += rest }
        }
        return result
    }
}

// MARK: Blocks

/// Where a block stands.
private struct Place {
    var listDepth = 0
    var inQuote = false
    var nested: Bool { listDepth > 0 || inQuote }
}

/// Rendered lines, and whether they must stay as they are (code), neither indented nor quoted.
private struct Piece {
    var text: String
    var isRigid = false
    /// What separates it from the piece before.
    var gap: String
}

extension TextMarkup {
    fileprivate func joined(_ pieces: [Piece]) -> String {
        var result = ""
        for (index, piece) in pieces.enumerated() {
            if index > 0 { result += piece.gap }
            result += piece.text
        }
        return result
    }

    fileprivate func pieces(of blocks: [ReplyBlock], place: Place, gap: String) -> [Piece] {
        var result: [Piece] = []
        for block in blocks {
            var inside = pieces(of: block, place: place, gap: gap)
            guard !inside.isEmpty else { continue }
            inside[0].gap = gap
            result += inside
        }
        return result
    }

    private func pieces(of block: ReplyBlock, place: Place, gap: String) -> [Piece] {
        switch block {
        case .paragraph(let inlines): flexible(inline(ReplyRun.runs(of: inlines)), gap)
        case .heading(let level, let inlines): flexible(heading(level: level, inlines, nested: place.nested), gap)
        case .code(let language, let text): code(text, language: language, gap)
        case .rule: flexible(rule, gap)
        case .table(let header, let rows): table(header: header, rows: rows, gap: gap)
        case .quote(let inside): quote(inside, place: place, gap: gap)
        case .list(let start, let items): list(start: start, items: items, place: place, gap: gap)
        }
    }

    private func flexible(_ text: String, _ gap: String) -> [Piece] {
        text.isBlank ? [] : [Piece(text: text, gap: gap)]
    }

    private func code(_ text: String, language: String?, _ gap: String) -> [Piece] {
        text.isBlank ? [] : [Piece(text: codeBlock(language: language, text: text), isRigid: true, gap: gap)]
    }

    private func list(start: Int?, items: [[ReplyBlock]], place: Place, gap: String) -> [Piece] {
        var inner = place
        inner.listDepth += 1
        var result: [Piece] = []
        var number = start
        for item in items {
            let marker = marker(number: number, depth: place.listDepth)
            let indent = indent(under: marker)
            if let last = number { number = last < Int.max ? last + 1 : last }
            var inside = pieces(of: item, place: inner, gap: "\n")
            if inside.first?.isRigid ?? true { inside.insert(Piece(text: "", gap: "\n"), at: 0) }
            for index in inside.indices {
                inside[index].gap = "\n"
                guard !inside[index].isRigid else { continue }
                inside[index].text = prefixed(inside[index].text, first: index == 0 ? marker : indent, rest: indent)
            }
            result += inside
        }
        if !result.isEmpty { result[0].gap = gap }
        return result
    }

    /// Nested quotes become one: none of the platforms can nest them.
    private func quote(_ blocks: [ReplyBlock], place: Place, gap: String) -> [Piece] {
        var inner = place
        inner.inQuote = true
        let inside = pieces(of: blocks, place: inner, gap: place.listDepth > 0 ? "\n" : "\n\n")
        guard !place.inQuote, !inside.isEmpty else { return inside }
        if quotesHoldCode {
            return [Piece(text: quoted(joined(inside)), isRigid: inside.contains(where: \.isRigid), gap: gap)]
        }
        var result: [Piece] = []
        var run: [Piece] = []
        func closeQuote() {
            if let first = run.first { result.append(Piece(text: quoted(joined(run)), gap: first.gap)) }
            run = []
        }
        for piece in inside {
            if piece.isRigid {
                closeQuote()
                result.append(piece)
            } else {
                run.append(piece)
            }
        }
        closeQuote()
        return result
    }

    private func table(header: [[ReplyInline]], rows: [[[ReplyInline]]], gap: String) -> [Piece] {
        let table = TextTable(header: header, rows: rows)
        if table.width <= tableWidth {
            return [Piece(text: codeBlock(language: nil, text: table.padded), isRigid: true, gap: gap)]
        }
        guard !rows.isEmpty else {
            return flexible(inline(ReplyRun.runs(of: Array(header.joined(separator: [.text(" | ")])))), gap)
        }
        var result: [Piece] = []
        for row in rows {
            let records = zip(header, row).filter { !$0.1.isEmpty }.map { key, value in
                let name = inline(ReplyRun.runs(of: key, adding: .strong))
                let content = inline(ReplyRun.runs(of: value))
                return name.isEmpty ? content : "\(name): \(content)"
            }
            result += flexible(records.joined(separator: "\n"), "\n\n")
        }
        if !result.isEmpty { result[0].gap = gap }
        return result
    }
}

// MARK: Inlines

extension TextMarkup {
    package func inline(_ runs: [ReplyRun]) -> String {
        grouped(prepared(runs)[...], styles: [], link: nil)
    }

    /// Opens, at each run, the style that reaches furthest, so that styles always nest.
    private func grouped(_ runs: ArraySlice<ReplyRun>, styles open: ReplyStyles, link openLink: String?) -> String {
        var line = GuardedLine(markerGuard)
        var index = runs.startIndex
        while index < runs.endIndex {
            let run = runs[index]
            var end = index
            var choice: ReplyStyles?
            for style in [ReplyStyles.strong, .emphasis, .strikethrough]
            where run.styles.contains(style) && !open.contains(style) {
                let reach = runs[index...].firstIndex { !$0.styles.contains(style) } ?? runs.endIndex
                if reach > end { (end, choice) = (reach, style) }
            }
            if let url = run.link, openLink == nil {
                let reach = runs[index...].firstIndex { $0.link != url } ?? runs.endIndex
                if reach > end || (reach == end && choice == nil) || linksHoldStyles {
                    let group = runs[index..<reach]
                    let inner = grouped(group, styles: open, link: url)
                    line.append(around(inner) { link($0, label: label(of: group), url: url) }, isMarked: false)
                    index = reach
                    continue
                }
            }
            if let choice {
                let inner = grouped(runs[index..<end], styles: open.union(choice), link: openLink)
                line.append(around(inner) { styled($0, as: choice) }, isMarked: true)
                index = end
                continue
            }
            switch run.content {
            case .text(let content): line.append(text(content, startsLine: run.startsLine), isMarked: false)
            case .code(let content): line.append(code(content), isMarked: true)
            case .image(let url, let alt): line.append(image(url: url, alt: alt), isMarked: false)
            case .lineBreak: line.append("\n", isMarked: false)
            }
            index = runs.index(after: index)
        }
        return line.text
    }

    /// Applies `wrap` to what is between the white space at both ends: markers next to a space are not markers.
    private func around(_ inner: String, _ wrap: (String) -> String) -> String {
        guard let first = inner.firstIndex(where: { !$0.isWhitespace }),
            let last = inner.lastIndex(where: { !$0.isWhitespace })
        else { return inner }
        let end = inner.index(after: last)
        return inner[..<first] + wrap(String(inner[first..<end])) + inner[end...]
    }

    private func label(of runs: ArraySlice<ReplyRun>) -> String {
        var label = ""
        for run in runs {
            switch run.content {
            case .text(let text), .code(let text): label += text
            case .image(_, let alt): label += alt
            case .lineBreak: label += " "
            }
        }
        return String(label.drop(while: \.isWhitespace))
    }
}

/// A line that keeps its markers apart from what would take their meaning away.
private struct GuardedLine {
    private let rule: MarkerGuard
    private var lastIsMarked = false
    private(set) var text = ""

    init(_ rule: MarkerGuard) { self.rule = rule }

    mutating func append(_ piece: String, isMarked: Bool) {
        guard !piece.isEmpty else { return }
        if let left = text.last, let right = piece.first, needsGuard(left, right, isMarked) { text += "\u{200B}" }
        text += piece
        lastIsMarked = isMarked
    }

    private func needsGuard(_ left: Character, _ right: Character, _ isMarked: Bool) -> Bool {
        guard isMarked || lastIsMarked, !left.isWhitespace, !right.isWhitespace else { return false }
        return switch rule {
        case .nothing: false
        case .markers: isMarker(left) && isMarker(right)
        case .words: isMarked && isWordlike(left) || lastIsMarked && isWordlike(right)
        }
    }

    private func isMarker(_ character: Character) -> Bool { "*_~`".contains(character) }

    private func isWordlike(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || isMarker(character)
    }
}

extension String {
    /// Nothing to see: platforms refuse such a message as empty.
    fileprivate var isBlank: Bool {
        allSatisfy { $0.isWhitespace || "\u{200B}\u{200C}\u{200D}\u{2060}\u{FEFF}\u{2800}\u{3164}".contains($0) }
    }
}
