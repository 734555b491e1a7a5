/// Inline styles that a run of text may have at once.
package struct ReplyStyles: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let strong = ReplyStyles(rawValue: 1)
    package static let emphasis = ReplyStyles(rawValue: 2)
    package static let strikethrough = ReplyStyles(rawValue: 4)
}

/// A stretch of inline content with one set of styles.
///
/// Flattening the inline tree to runs makes a style that is nested in itself disappear, which would otherwise come out
/// as doubled markers.
package struct ReplyRun: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case text(String)
        case code(String)
        case image(url: String, alt: String)
        case lineBreak
    }

    package var content: Content
    package var styles: ReplyStyles
    package var link: String?
    /// Whether it is the first thing on its line, where platforms look for quotes, headings and bullets.
    package var startsLine = false

    package init(_ content: Content, styles: ReplyStyles = [], link: String? = nil) {
        self.content = content
        self.styles = styles
        self.link = link
    }

    /// The runs of an inline tree; neighbours of one style are one run, empty ones are gone.
    package static func runs(of inlines: [ReplyInline], adding styles: ReplyStyles = []) -> [ReplyRun] {
        var runs: [ReplyRun] = []
        collect(inlines, styles: styles, link: nil, into: &runs)
        var startsLine = true
        for index in runs.indices {
            runs[index].startsLine = startsLine
            startsLine = runs[index].content == .lineBreak
        }
        return runs
    }

    private static func collect(
        _ inlines: [ReplyInline],
        styles: ReplyStyles,
        link: String?,
        into runs: inout [ReplyRun]
    ) {
        for inline in inlines {
            switch inline {
            case .text(let text): append(.text(text), styles: styles, link: link, to: &runs)
            case .code(let text): append(.code(text), styles: styles, link: link, to: &runs)
            case .lineBreak: append(.lineBreak, styles: styles, link: link, to: &runs)
            case .image(let url, let alt): append(.image(url: url, alt: alt), styles: styles, link: link, to: &runs)
            case .strong(let inside): collect(inside, styles: styles.union(.strong), link: link, into: &runs)
            case .emphasis(let inside): collect(inside, styles: styles.union(.emphasis), link: link, into: &runs)
            case .strikethrough(let inside):
                collect(inside, styles: styles.union(.strikethrough), link: link, into: &runs)
            case .link(let url, let inside):
                let before = runs.count
                collect(inside, styles: styles, link: url, into: &runs)
                if runs.count == before { append(.text(url), styles: styles, link: url, to: &runs) }
            }
        }
    }

    private static func append(
        _ content: Content,
        styles: ReplyStyles,
        link: String?,
        to runs: inout [ReplyRun]
    ) {
        switch content {
        case .text(""), .code(""): return
        case .text(let text):
            if let last = runs.last, case .text(let head) = last.content, last.styles == styles, last.link == link {
                runs[runs.count - 1].content = .text(head + text)
                return
            }
        default: break
        }
        runs.append(ReplyRun(content, styles: styles, link: link))
    }
}
