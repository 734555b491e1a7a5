/// What a turn wants said, channel-neutral: a small tree, parsed from the model's Markdown.
package struct ReplyDocument: Sendable, Equatable {
    package var blocks: [ReplyBlock]

    package init(_ blocks: [ReplyBlock]) { self.blocks = blocks }
}

package indirect enum ReplyBlock: Sendable, Equatable {
    case paragraph([ReplyInline])
    /// `level` is 1…6.
    case heading(level: Int, [ReplyInline])
    /// `start` is the first number of an ordered list; nil for bullets.
    case list(start: Int?, items: [[ReplyBlock]])
    /// A fenced or indented code block; `text` has no final newline.
    case code(language: String?, text: String)
    case quote([ReplyBlock])
    /// Every row has as many cells as the header.
    case table(header: [[ReplyInline]], rows: [[[ReplyInline]]])
    case rule
}

package indirect enum ReplyInline: Sendable, Equatable {
    case text(String)
    case strong([ReplyInline])
    case emphasis([ReplyInline])
    case strikethrough([ReplyInline])
    case code(String)
    case link(url: String, [ReplyInline])
    case image(url: String, alt: String)
    case lineBreak
}
