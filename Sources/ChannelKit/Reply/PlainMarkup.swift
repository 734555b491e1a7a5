/// No markup at all: what is sent when a platform refuses a formatted text, and what a log or a notification shows.
package struct PlainMarkup: TextMarkup {
    package init() {}

    package func text(_ text: String, startsLine: Bool) -> String { text }

    package func code(_ text: String) -> String { text }

    package func styled(_ inner: String, as style: ReplyStyles) -> String { inner }

    package func link(_ inner: String, label: String, url: String) -> String {
        ReplyLink.spelledOut(label: label, shown: inner, url: url)
    }

    package func image(url: String, alt: String) -> String {
        ReplyLink.spelledOut(label: alt, shown: alt, url: url)
    }

    package func codeBlock(language: String?, text: String) -> String { text }

    package var rule: String { "———" }
    package var tableWidth: Int { 80 }
}
