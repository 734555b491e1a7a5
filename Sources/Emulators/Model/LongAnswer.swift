/// An answer past every channel's limit, with everything that splitting must not break.
enum LongAnswer {
    /// At least 9,000 characters of Markdown: headings, nested lists, a fenced code block, a table, emoji and a link.
    static let markdown: String = {
        var text = "# The long answer\n\nThis answer is long on purpose. It must arrive whole and in order.\n\n"
        var chapter = 1
        while text.count < 9000 {
            text += """
                ## Chapter \(chapter)

                A paragraph with **bold**, *italic*, `code` and a [link](https://example.com/\(chapter)). It goes on for a \
                while so that a splitter has to choose where to cut: “between sentences, please”, said the reader 👩‍💻.

                1. First point of chapter \(chapter)
                2. Second point
                   - a nested point & an ampersand
                   - another one, 5 < 6

                ```swift
                let chapter = \(chapter)
                if chapter < 10 { print("never cut inside a fence") }
                ```

                | Product | Stock | Price |
                |---|---:|---:|
                | iPhone 15 | 5 | $799.00 |
                | Pixel 9 | 12 | $699.00 |


                """
            chapter += 1
        }
        return text + "## The end\n\nNothing is missing if you can read this."
    }()
}
