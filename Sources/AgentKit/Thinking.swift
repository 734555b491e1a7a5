extension String {
    /// Without the reasoning that some models write into their text: `<think>…</think>`, also when it was cut off, and
    /// also when the server swallowed the opening tag (chat templates that prefill it).
    var withoutThinking: String {
        guard var opening = firstRange(of: "<think>", from: startIndex) ?? orphan else { return self }
        var kept = ""
        var position = startIndex
        while true {
            kept += self[position..<opening.lowerBound]
            guard let closing = firstRange(of: "</think>", from: opening.upperBound) else { return kept }
            position = closing.upperBound
            guard let next = firstRange(of: "<think>", from: position) else { return kept + self[position...] }
            opening = next
        }
    }

    /// A closing tag without an opening one: everything before it was thought.
    private var orphan: Range<Index>? {
        firstRange(of: "</think>", from: startIndex) == nil ? nil : startIndex..<startIndex
    }

    private func firstRange(of tag: String, from start: Index) -> Range<Index>? {
        let wanted = Array(tag.utf8)
        var position = start
        while position < endIndex, let found = utf8[position...].firstIndex(of: UInt8(ascii: "<")) {
            if utf8[found...].starts(with: wanted) {
                return found..<(utf8.index(found, offsetBy: wanted.count, limitedBy: endIndex) ?? endIndex)
            }
            position = utf8.index(after: found)
        }
        return nil
    }
}
