import ParleyCore

/// Finds how somebody may be reached in what they wrote.
///
/// Precision before recall: an order number in the list of leads does more harm than a phone number that the agent has
/// to ask for. A hand-written scanner in linear time: the text comes from strangers.
package enum ContactDetails {
    /// The first e-mail address, the first phone number and a name said as "my name is …" in the first
    /// ``Limits/inboxTextBytes`` of a text. E-mail in lower case; phone as digits, with its leading `+` if it has one.
    package static func find(in text: String) -> LeadDetails {
        // A character cut in two reads as U+FFFD, which ends a word as well as anything.
        let head = String(decoding: text.utf8.prefix(Limits.inboxTextBytes), as: UTF8.self)
        let scalars = Array(head.unicodeScalars)
        return LeadDetails(
            name: NameScanner(scalars: scalars).first(),
            email: EmailScanner(scalars: scalars).first(),
            phone: PhoneScanner(scalars: scalars).first()
        )
    }

    /// A whole text as an e-mail address, in lower case; nil when it is none.
    package static func email(_ text: String) -> String? {
        let text = text.trimmed
        // RFC 5321 §4.5.3.1.3: a path has at most 256 octets, its two angle brackets included.
        guard text.utf8.count <= 254 else { return nil }
        let found = EmailScanner(scalars: Array(text.unicodeScalars)).first()
        return found == text.lowercased() ? found : nil
    }

    /// A whole text as a phone number: 7 to 15 digits (ITU-T E.164: 15) and the usual separators; nil otherwise.
    package static func phone(_ text: String) -> String? {
        let text = text.trimmed
        guard text.utf8.count <= 40 else { return nil }
        var digits = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if scalar == "+", index == 0 {
                digits.unicodeScalars.append(scalar)
            } else if scalar.isDigit {
                digits.unicodeScalars.append(scalar)
            } else if !" -./()\u{A0}".unicodeScalars.contains(scalar) {
                return nil
            }
        }
        let count = digits.utf8.count - (digits.hasPrefix("+") ? 1 : 0)
        return (7...15).contains(count) ? digits : nil
    }
}

private struct EmailScanner {
    let scalars: [Unicode.Scalar]

    func first() -> String? {
        var tokenHasSlashes = false
        for (index, scalar) in scalars.enumerated() {
            if scalar.properties.isWhitespace { tokenHasSlashes = false }
            if scalar == "/", at(index - 1) == "/" { tokenHasSlashes = true }
            // `https://user:password@host` is no address of anybody.
            if scalar == "@", !tokenHasSlashes, let found = address(around: index) { return found }
        }
        return nil
    }

    private func address(around sign: Int) -> String? {
        guard let local = local(before: sign), let domain = domain(after: sign) else { return nil }
        return (local + "@" + domain).lowercased()
    }

    /// RFC 5321 §4.5.3.1.1: at most 64 octets.
    private func local(before sign: Int) -> String? {
        var start = sign
        while sign - start <= 64, let before = at(start - 1), isLocal(before) { start -= 1 }
        guard sign - start <= 64 else { return nil }
        if let before = at(start - 1), before == "@" || before == "/" || before.isLatinBeyondASCII { return nil }
        let text = string(start..<sign).drop { ".'-".contains($0) }
        guard !text.isEmpty, !text.hasSuffix("."), !text.contains("..") else { return nil }
        return String(text)
    }

    /// RFC 1035 §2.3.4: labels of at most 63 octets, 255 in all.
    private func domain(after sign: Int) -> String? {
        var end = sign + 1
        while end - sign <= 254, let next = at(end), next.isLetterOrDigit || next == "." || next == "-" { end += 1 }
        guard end - sign <= 254 else { return nil }
        if let next = at(end), next == "@" || next == "_" || next.isLatinBeyondASCII { return nil }
        var text = Substring(string(sign + 1..<end))
        while text.hasSuffix(".") || text.hasSuffix("-") { text.removeLast() }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, let top = labels.last, top.utf8.count >= 2 else { return nil }
        guard labels.allSatisfy({ (1...63).contains($0.utf8.count) && !$0.hasPrefix("-") && !$0.hasSuffix("-") }) else {
            return nil
        }
        let isLettersOnly = top.unicodeScalars.allSatisfy { !$0.isDigit && $0 != "-" }
        return isLettersOnly || top.lowercased().hasPrefix("xn--") ? String(text) : nil
    }

    private func isLocal(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isLetterOrDigit || "._%+-'".unicodeScalars.contains(scalar)
    }

    private func at(_ index: Int) -> Unicode.Scalar? { scalars.indices.contains(index) ? scalars[index] : nil }

    private func string(_ range: Range<Int>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[range])
        return String(text)
    }
}

private struct PhoneScanner {
    /// A run of digits, and where it stands.
    private struct Group {
        var range: Range<Int>
        /// What stands between the group before it and this one.
        var separator: String

        var count: Int { range.count }
    }

    /// Words that say that a number is a phone's, or that it is none; the nearest before it decides.
    private static let favourable: Set<String> = [
        "phone", "telephone", "tel", "call", "mobile", "cell", "cellphone", "whatsapp", "sms", "text", "reach", "ring",
        "dial", "telefon", "handy",
    ]
    private static let adverse: Set<String> = [
        "order", "orders", "tracking", "isbn", "ean", "upc", "invoice", "ticket", "account", "serial", "sku", "ref",
        "reference", "iban", "card", "ip", "id", "version", "price", "part", "model", "imei", "case",
    ]

    let scalars: [Unicode.Scalar]

    func first() -> String? {
        var index = 0
        while index < scalars.count {
            guard scalars[index].isDigit else {
                index += 1
                continue
            }
            let run = self.run(from: index)
            if let found = number(in: run) { return found }
            index = run.last?.range.upperBound ?? index + 1
        }
        return nil
    }

    /// Groups of digits with at most three separators between one and the next.
    private func run(from start: Int) -> [Group] {
        var groups: [Group] = []
        var position = start
        var separator = ""
        while true {
            var end = position
            while at(end)?.isDigit == true { end += 1 }
            groups.append(Group(range: position..<end, separator: separator))
            separator = ""
            position = end
            while separator.utf8.count < 3, let next = at(position), let character = Self.separator(next) {
                separator.append(character)
                position += 1
            }
            guard at(position)?.isDigit == true, Self.separators.contains(separator) else { return groups }
        }
    }

    private static let separators: Set<String> = [" ", "-", ".", "/", ") ", ")", " (", "(", ")-", ") (", " - "]

    private static func separator(_ scalar: Unicode.Scalar) -> Character? {
        switch scalar {
        case " ", "\u{A0}", "\u{202F}": " "
        case "-", "\u{2010}", "\u{2011}", "\u{2013}": "-"
        case ".", "/", "(", ")": Character(scalar)
        default: nil
        }
    }

    /// The first part of a run, cut at its spaces, that is a phone number; the longest of those that begin there.
    private func number(in run: [Group]) -> String? {
        // "DE89 3704 0044 …": what begins within a word is something else to its end.
        if let start = run.first?.range.lowerBound, at(start - 1)?.isLetterOrDigit == true { return nil }
        for first in run.indices {
            // Behind a hyphen, a dot or a slash something goes on; nothing begins there.
            guard first == 0 || run[first].separator.hasPrefix(" ") || run[first].separator == ") " else { continue }
            guard mayBegin(at: run[first].range.lowerBound) else { continue }
            for last in (first..<min(first + 8, run.count)).reversed() {
                let mayEnd =
                    last == run.count - 1 ? endsCleanly(at: run[last].range.upperBound) : hasSpace(after: last, run)
                guard mayEnd else { continue }
                let isWhole = first == 0 && last == run.count - 1
                if let found = number(Array(run[first...last]), isWhole: isWhole) { return found }
            }
        }
        return nil
    }

    private func hasSpace(after index: Int, _ run: [Group]) -> Bool { run[index + 1].separator.hasPrefix(" ") }

    private func number(_ groups: [Group], isWhole: Bool) -> String? {
        guard let first = groups.first, let last = groups.last else { return nil }
        let lengths = groups.map(\.count)
        let total = lengths.reduce(0, +)
        guard (7...17).contains(total), groups.count == 1 || last.count >= 2 else { return nil }
        if let plus = self.plus(before: first.range.lowerBound) {
            return international(groups, plus: plus)
        }
        let hint = self.hint(before: first.range.lowerBound)
        guard hint != false, !isDate(groups), !isInternetAddress(groups) else { return nil }
        let digits = text(of: groups[...])
        let isSpaced = groups.dropFirst().allSatisfy { $0.separator == " " }

        // North America: 555-123-4567, (555) 123-4567, 1-555-123-4567.
        if lengths == [3, 3, 4] || lengths == [1, 3, 3, 4] && digits.hasPrefix("1") {
            let isPlausible = !isSpaced || hint == true || isWhole && ("2"..."9").contains(digits.first ?? "0")
            return isPlausible ? digits : nil
        }
        // A trunk zero: 0170 1234567, 020 7946 0958, 06 12 34 56 78, 01701234567.
        if digits.hasPrefix("0"), !digits.hasPrefix("00"), first.count >= 2,
            !digits.dropFirst().allSatisfy({ $0 == "0" })
        {
            if groups.count == 1 { return (10...11).contains(total) ? digits : nil }
            return (9...12).contains(total) ? digits : nil
        }
        // Anything else only when the text says that it is a phone number.
        guard hint == true else { return nil }
        return (groups.count == 1 ? 9...13 : 7...13).contains(total) ? digits : nil
    }

    /// ITU-T E.164: at most 15 digits, a country code never begins with 0.
    private func international(_ groups: [Group], plus: Int) -> String? {
        // The trunk zero of `+49 (0)170 …` is not dialled from abroad.
        let dialled = groups.enumerated().filter { index, group in
            !(index > 0 && group.separator.hasSuffix("(") && text(of: [group]) == "0")
        }.map(\.element)
        let digits = text(of: dialled[...])
        guard (8...15).contains(digits.utf8.count), !digits.hasPrefix("0") else { return nil }
        if let before = at(plus - 1), before.isLetterOrDigit || before == "+" { return nil }
        return "+" + digits
    }

    /// Where the `+` of a number stands: right before its first digit, or before `(`.
    private func plus(before start: Int) -> Int? {
        if at(start - 1) == "+" { return start - 1 }
        return at(start - 1) == "(" && at(start - 2) == "+" ? start - 2 : nil
    }

    private func mayBegin(at start: Int) -> Bool {
        guard let before = at(start - 1) else { return true }
        if before == ":" || before == "=" { return at(start - 2)?.isDigit != true }
        return !before.isLetterOrDigit && !before.isLatinBeyondASCII
            && !"#$€£¥₹@/.,_-%*×&?".unicodeScalars.contains(before)
    }

    private func endsCleanly(at end: Int) -> Bool {
        guard let next = at(end) else { return true }
        if next == "x" { return at(end + 1)?.isDigit == true }
        if next.isLetterOrDigit || next.isLatinBeyondASCII { return false }
        if "@%€$£¥_#".unicodeScalars.contains(next) { return false }
        guard ":,.-/+*".unicodeScalars.contains(next) else { return true }
        return at(end + 1)?.isDigit != true
    }

    /// Whether the nearest telling word of the last few before a number says phone (true) or something else (false).
    private func hint(before start: Int) -> Bool? {
        var word = ""
        var position = start - 1
        while position >= max(0, start - 40) {
            let scalar = scalars[position]
            if scalar.isLetterOrDigit {
                word.unicodeScalars.append(scalar)
            } else if let verdict = self.verdict(onReversed: word) {
                return verdict
            } else {
                word = ""
            }
            position -= 1
        }
        return verdict(onReversed: word)
    }

    private func verdict(onReversed word: String) -> Bool? {
        let word = String(word.reversed()).lowercased()
        if Self.favourable.contains(word) { return true }
        return Self.adverse.contains(word) ? false : nil
    }

    /// 21.11.2026, 2026-11-21, 11/21/2026, also with a time behind it.
    private func isDate(_ groups: [Group]) -> Bool {
        guard groups.count >= 3 else { return false }
        for index in 0...(groups.count - 3) {
            let (one, two, three) = (groups[index], groups[index + 1], groups[index + 2])
            guard two.separator == three.separator, [".", "-", "/"].contains(two.separator), two.count <= 2 else {
                continue
            }
            if one.count <= 2, three.count == 4, isYear(three) { return true }
            if one.count == 4, three.count <= 2, isYear(one) { return true }
        }
        return false
    }

    private func isYear(_ group: Group) -> Bool {
        let year = text(of: [group])
        return year.hasPrefix("19") || year.hasPrefix("20")
    }

    private func isInternetAddress(_ groups: [Group]) -> Bool {
        groups.count == 4 && groups.allSatisfy { $0.count <= 3 }
            && groups.dropFirst().allSatisfy { $0.separator == "." }
    }

    private func text(of groups: ArraySlice<Group>) -> String {
        var text = String.UnicodeScalarView()
        for group in groups { text.append(contentsOf: scalars[group.range]) }
        return String(text)
    }

    private func at(_ index: Int) -> Unicode.Scalar? { scalars.indices.contains(index) ? scalars[index] : nil }
}

/// "My name is Ada Lovelace" and "name: Ada": people seldom say it otherwise when they leave their details.
private struct NameScanner {
    let scalars: [Unicode.Scalar]

    func first() -> String? {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        let words = String(text).split(whereSeparator: \.isWhitespace)
        for index in words.indices.dropFirst(2)
        where words[index].lowercased() == "is" && words[index - 1].lowercased() == "name"
            && words[index - 2].lowercased().hasSuffix("my")
        {
            return name(words[(index + 1)...])
        }
        return nil
    }

    /// At most three words: the first, and those after it that begin with a capital letter.
    private func name(_ words: ArraySlice<Substring>) -> String? {
        var parts: [Substring] = []
        for word in words.prefix(3) {
            let bare = word.trimming { !$0.isLetter }
            guard let initial = bare.first, initial.isUppercase || parts.isEmpty, bare.utf8.count <= 64 else { break }
            guard !word.contains("@"), bare.allSatisfy({ $0.isLetter || "'’-".contains($0) }) else { break }
            parts.append(bare)
            if word.last?.isLetter != true { break }
        }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }
}

extension Substring {
    fileprivate func trimming(_ isNoise: (Character) -> Bool) -> Substring {
        var slice = self
        while let first = slice.first, isNoise(first) { slice.removeFirst() }
        while let last = slice.last, isNoise(last) { slice.removeLast() }
        return slice
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }

    fileprivate var isLetterOrDigit: Bool {
        isDigit || ("a"..."z").contains(self) || ("A"..."Z").contains(self)
    }

    /// Letters such as ü, which belong to the word beside them; CJK text, say, is written without spaces.
    fileprivate var isLatinBeyondASCII: Bool { (0xC0...0x24F).contains(value) }
}
