import CMarkGFM
import Synchronization

extension ReplyDocument {
    /// Reads the model's Markdown (CommonMark with GitHub's tables, strikethrough, autolinks and task lists).
    ///
    /// Total: every string becomes a document. Raw HTML becomes literal text, links keep only http, https, mailto and tel,
    /// nesting deeper than 32 levels is flattened to text. A single newline stays a line break, as in a chat.
    package init(markdown: String) {
        self.init(MarkdownParser.parse(markdown))
    }
}

private enum MarkdownParser {
    static let deepest = 32

    /// cmark's extensions switch special characters on and off in process-wide tables while they parse: two parses at
    /// once would see each other's. The first to come also registers the extensions.
    private static let oneAtATime = Mutex(false)

    static func parse(_ markdown: String) -> [ReplyBlock] {
        guard let root = tree(of: markdown) else { return [] }
        defer { cmark_node_free(root) }
        return blocks(in: root, depth: 0)
    }

    private static func tree(of markdown: String) -> OpaquePointer? {
        oneAtATime.withLock { registered in
            if !registered {
                cmark_gfm_core_extensions_ensure_registered()
                registered = true
            }
            // Two tildes strike; one is how people write "about".
            guard let parser = cmark_parser_new(CMARK_OPT_STRIKETHROUGH_DOUBLE_TILDE) else { return nil }
            defer { cmark_parser_free(parser) }
            for name in ["table", "strikethrough", "autolink", "tasklist"] {
                if let known = cmark_find_syntax_extension(name) {
                    _ = cmark_parser_attach_syntax_extension(parser, known)
                }
            }
            var markdown = markdown
            markdown.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    cmark_parser_feed(parser, characters.baseAddress, characters.count)
                }
            }
            return cmark_parser_finish(parser)
        }
    }

    // MARK: Blocks

    private static func blocks(in parent: OpaquePointer, depth: Int) -> [ReplyBlock] {
        guard depth < deepest else { return flattened(parent) }
        var result: [ReplyBlock] = []
        for node in children(of: parent) {
            switch kind(of: node) {
            case "paragraph":
                let inlines = inlines(in: node, depth: depth + 1)
                if !inlines.isEmpty { result.append(.paragraph(inlines)) }
            case "heading":
                let inlines = inlines(in: node, depth: depth + 1)
                let level = min(6, max(1, Int(cmark_node_get_heading_level(node))))
                if !inlines.isEmpty { result.append(.heading(level: level, inlines)) }
            case "list":
                let ordered = cmark_node_get_list_type(node) == CMARK_ORDERED_LIST
                let start = ordered ? Int(cmark_node_get_list_start(node)) : nil
                result.append(.list(start: start, items: children(of: node).map { item($0, depth: depth + 1) }))
            case "code_block":
                result.append(code(node))
            case "block_quote":
                let inside = blocks(in: node, depth: depth + 1)
                if !inside.isEmpty { result.append(.quote(inside)) }
            case "table":
                result += table(node, depth: depth + 1)
            case "thematic_break":
                result.append(.rule)
            default:
                // HTML, and whatever a later cmark may add.
                result += flattened(node)
            }
        }
        return result
    }

    private static func item(_ node: OpaquePointer, depth: Int) -> [ReplyBlock] {
        var inside = blocks(in: node, depth: depth)
        guard kind(of: node) == "tasklist" else { return inside }
        let box = cmark_gfm_extensions_get_tasklist_item_checked(node) ? "☑ " : "☐ "
        if case .paragraph(let inlines)? = inside.first {
            inside[0] = .paragraph(merged([.text(box)] + inlines))
        } else {
            inside.insert(.paragraph([.text(box)]), at: 0)
        }
        return inside
    }

    private static func code(_ node: OpaquePointer) -> ReplyBlock {
        var text = string(cmark_node_get_literal(node))
        if text.utf8.last == UInt8(ascii: "\n") { text = String(text.unicodeScalars.dropLast()) }
        let language = string(cmark_node_get_fence_info(node)).split(whereSeparator: \.isWhitespace).first
        return .code(language: language.map(String.init), text: text)
    }

    private static func table(_ node: OpaquePointer, depth: Int) -> [ReplyBlock] {
        var rows = children(of: node).map { row in children(of: row).map { inlines(in: $0, depth: depth + 2) } }
        guard let header = rows.first, !header.isEmpty else { return [] }
        rows.removeFirst()
        let even = rows.map { row in
            Array(row.prefix(header.count)) + Array(repeating: [], count: max(0, header.count - row.count))
        }
        return [.table(header: header, rows: even)]
    }

    // MARK: Inlines

    private static func inlines(in parent: OpaquePointer, depth: Int) -> [ReplyInline] {
        guard depth < deepest else { return lines(text(under: parent)) }
        var result: [ReplyInline] = []
        for node in children(of: parent) {
            switch kind(of: node) {
            case "text":
                result.append(.text(string(cmark_node_get_literal(node))))
            case "softbreak", "linebreak":
                result.append(.lineBreak)
            case "code":
                result.append(.code(string(cmark_node_get_literal(node))))
            case "html_inline":
                let tag = string(cmark_node_get_literal(node))
                // In table cells there is no other way to break a line, and models use it.
                result.append(["<br>", "<br/>", "<br />"].contains(tag.lowercased()) ? .lineBreak : .text(tag))
            case "emph":
                result.append(.emphasis(inlines(in: node, depth: depth + 1)))
            case "strong":
                result.append(.strong(inlines(in: node, depth: depth + 1)))
            case "strikethrough":
                result.append(.strikethrough(inlines(in: node, depth: depth + 1)))
            case "link":
                let inside = inlines(in: node, depth: depth + 1)
                if let url = ReplyLink.safe(string(cmark_node_get_url(node))) {
                    result.append(.link(url: url, inside))
                } else {
                    result += inside
                }
            case "image":
                let alt = text(under: node)
                if let url = ReplyLink.safe(string(cmark_node_get_url(node))), ReplyLink.isWeb(url) {
                    result.append(.image(url: url, alt: alt))
                } else {
                    result.append(.text(alt))
                }
            default:
                result += lines(text(under: node))
            }
        }
        return merged(result)
    }

    /// Neighbouring texts become one, empty ones go.
    private static func merged(_ inlines: [ReplyInline]) -> [ReplyInline] {
        var result: [ReplyInline] = []
        var pending = ""
        for inline in inlines {
            if case .text(let text) = inline {
                pending += text
                continue
            }
            if !pending.isEmpty { result.append(.text(pending)) }
            pending = ""
            result.append(inline)
        }
        if !pending.isEmpty { result.append(.text(pending)) }
        return result
    }

    // MARK: Flattening

    private static func flattened(_ node: OpaquePointer) -> [ReplyBlock] {
        let inlines = lines(text(under: node))
        return inlines.isEmpty ? [] : [.paragraph(inlines)]
    }

    private static func lines(_ text: String) -> [ReplyInline] {
        var result: [ReplyInline] = []
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if !result.isEmpty { result.append(.lineBreak) }
            if !line.isEmpty { result.append(.text(String(line))) }
        }
        while result.last == .lineBreak { result.removeLast() }
        return result
    }

    /// All text under a node, however deep: cmark's iterator does not recurse.
    private static func text(under node: OpaquePointer) -> String {
        guard let iterator = cmark_iter_new(node) else { return "" }
        defer { cmark_iter_free(iterator) }
        var result = ""
        while true {
            let event = cmark_iter_next(iterator)
            if event == CMARK_EVENT_DONE { break }
            let current = cmark_iter_get_node(iterator)
            guard event == CMARK_EVENT_ENTER, let current else { continue }
            switch kind(of: current) {
            case "softbreak", "linebreak": result += "\n"
            case "paragraph", "heading", "item", "table_row":
                if let last = result.last, !last.isNewline { result += "\n" }
            default: result += string(cmark_node_get_literal(current))
            }
        }
        return result
    }

    // MARK: cmark

    private static func children(of node: OpaquePointer) -> [OpaquePointer] {
        var result: [OpaquePointer] = []
        var next = cmark_node_first_child(node)
        while let child = next {
            result.append(child)
            next = cmark_node_next(child)
        }
        return result
    }

    private static func kind(of node: OpaquePointer) -> String { string(cmark_node_get_type_string(node)) }

    private static func string(_ pointer: UnsafePointer<CChar>?) -> String {
        pointer.map { String(cString: $0) } ?? ""
    }
}
