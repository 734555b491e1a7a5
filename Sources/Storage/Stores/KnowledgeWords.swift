/// Splits text into the words that full-text search and scoring compare.
package struct KnowledgeWords: Sendable {
    /// Questions are short; a longer text is searched by its beginning.
    private static let most = 32

    /// The words that carry meaning, as written but in lower case and without accents: letters and digits only.
    package let significant: [String]

    /// All words when none carries meaning: "who are you" may be an entry, too.
    package init(_ text: String) {
        let words = Self.words(in: text)
        let telling = words.filter { !Self.empty.contains($0) }
        var seen: Set<String> = []
        significant = Array((telling.isEmpty ? words : telling).filter { seen.insert($0).inserted }.prefix(Self.most))
    }

    /// The stems of every word of a text.
    package static func stems(of text: String) -> Set<String> { Set(words(in: text).map { stem($0) }) }

    static func words(in text: String) -> [String] {
        var words: [String] = []
        var word = ""
        for scalar in text.lowercased().unicodeScalars {
            let properties = scalar.properties
            if properties.isAlphabetic || properties.numericType == .decimal {
                word.unicodeScalars.append(base(of: scalar))
            } else if properties.generalCategory == .nonspacingMark || scalar == "'" || scalar == "’" {
                // An accent of its own, or the apostrophe of "don't": the word goes on.
                continue
            } else if !word.isEmpty {
                words.append(word)
                word = ""
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// "LATIN SMALL LETTER E WITH ACUTE" is an e to someone who types in a hurry.
    private static func base(of scalar: Unicode.Scalar) -> Unicode.Scalar {
        guard (0xC0...0x24F).contains(scalar.value), let name = scalar.properties.name,
            let with = name.firstRange(of: " WITH "), name.hasPrefix("LATIN SMALL LETTER "),
            let letter = name[..<with.lowerBound].split(separator: " ").last, letter.utf8.count == 1,
            let small = letter.lowercased().unicodeScalars.first
        else { return scalar }
        return small
    }

    /// English plurals and the endings -ing and -ed, roughly: both sides are cut alike.
    package static func stem(_ word: String) -> String {
        var letters = Array(word.utf8)
        guard letters.count > 3 else { return word }
        func ends(_ suffix: StaticString) -> Bool {
            letters.count > suffix.utf8CodeUnitCount + 2 && letters.ends(with: "\(suffix)")
        }
        if ends("ies") {
            letters.removeLast(3)
            letters.append(UInt8(ascii: "y"))
        } else if letters.last == UInt8(ascii: "s"), !letters.ends(with: "ss"), !letters.ends(with: "us") {
            letters.removeLast()
        }
        for suffix in ["ing", "ed"] where letters.count > suffix.utf8.count + 2 && letters.ends(with: suffix) {
            letters.removeLast(suffix.utf8.count)
            // shipping → shipp → ship; but call, pass
            if let last = letters.last, letters.count > 3, letters[letters.count - 2] == last,
                !"aeiouls".utf8.contains(last)
            {
                letters.removeLast()
            }
            break
        }
        if letters.count > 3, letters.last == UInt8(ascii: "e") { letters.removeLast() }
        return String(decoding: letters, as: UTF8.self)
    }

    /// Words that nearly every question has.
    private static let empty: Set<String> = Set(
        """
        a an and are as at be been but by can could did do does doing for from get had has have having hello hey hi how i \
        id if im in is it its ive just know like me my of ok okay on or our please shall she should so tell thank thanks \
        that thats the their them then there these they this those to too us was we were what whats when where which who \
        whom whose why will with would you your yours youre
        """.split(separator: " ").map(String.init)
    )
}

extension [UInt8] {
    fileprivate func ends(with suffix: String) -> Bool { self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
}
