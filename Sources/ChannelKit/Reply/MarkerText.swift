/// Zero-width help for platforms without an escape character.
package enum MarkerText {
    /// Text in which no `*`, `_` or `~` can open a style and no backticks can open a code block: a zero-width space
    /// stands where a marker would need its neighbour. Words like `snake_case` stay untouched.
    package static func neutralised(_ text: String, markers: String = "*_~") -> String {
        guard text.contains(where: { markers.contains($0) || $0 == "`" }) else { return text }
        var result = ""
        var previous: Character?
        var index = text.startIndex
        while index < text.endIndex {
            let character = text[index]
            index = text.index(after: index)
            result.append(character)
            let next = index < text.endIndex ? text[index] : nil
            if character == "`" {
                if next == "`" || next == nil { result += "\u{200B}" }
            } else if markers.contains(character) {
                let opens = previous.map { !$0.isLetter && !$0.isNumber } ?? true
                if opens, let next, !next.isWhitespace { result += "\u{200B}" }
                if opens, next == nil { result += "\u{200B}" }
            }
            previous = character
        }
        return result
    }

    /// Code in which three backticks never stand together, so that it cannot close its own fence.
    package static func unfenced(_ code: String) -> String {
        guard code.contains("``") else { return code }
        var result = ""
        var backticks = 0
        for character in code {
            backticks = character == "`" ? backticks + 1 : 0
            if backticks == 3 {
                result += "\u{200B}"
                backticks = 1
            }
            result.append(character)
        }
        return result
    }

    /// A fenced block.
    package static func fence(_ code: String, language: String = "") -> String {
        "```\(language)\n\(unfenced(code))\n```"
    }

    /// A language name that can stand behind a fence or in an attribute; empty if there is none.
    package static func language(_ language: String?) -> String {
        guard let language, language.utf8.count <= 32 else { return "" }
        let isSafe = language.unicodeScalars.allSatisfy { scalar in
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "+", "-", "#", "_", ".": true
            default: false
            }
        }
        return isSafe ? language : ""
    }
}
