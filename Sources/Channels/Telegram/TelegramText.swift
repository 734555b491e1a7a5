import ParleyCore

/// What was written, and whether it was written to us.
///
/// Telegram marks mentions and commands by entities whose offsets count UTF-16 code units; looking for `@bot` in the
/// text instead would also find `@bot2`.
struct TelegramText {
    /// The text without our own name or command; the text as it stands when nothing else is in it.
    let said: String
    /// Commanded or mentioned.
    let addressesUs: Bool
    /// Begins with a command of another bot: `/ask@other_bot`.
    let isForAnotherBot: Bool

    var isEmpty: Bool { said.isEmpty }

    init(_ message: JSON, bot: TelegramBot) {
        let isCaption = message["text"] == nil
        let text = (isCaption ? message["caption"] : message["text"])?.string ?? ""
        let entities = message[isCaption ? "caption_entities" : "entities"]?.array ?? []
        let units = Array(text.utf16)

        var mentions: [Range<Int>] = []
        var command: Range<Int>?
        for entity in entities {
            guard let range = units.range(of: entity) else { continue }
            switch entity["type"]?.string {
            case "bot_command" where range.lowerBound == 0:
                command = range
            case "mention" where bot.isNamed(units.text(in: range).dropFirst()),
                "text_mention" where bot.isSelf(entity["user"]):
                mentions.append(range)
            default: break
            }
        }

        let name = command.map { units.text(in: $0) } ?? ""
        let target = name.split(separator: "@", maxSplits: 1).dropFirst().first
        isForAnotherBot = target.map { bot.username != nil && !bot.isNamed($0) } ?? false
        addressesUs = !isForAnotherBot && (command != nil || !mentions.isEmpty)

        let words = units.text(without: mentions, after: command?.upperBound ?? 0)
        if command == nil {
            said = words.isEmpty ? text.trimmed : words
        } else {
            let bare = String(name.prefix { $0 != "@" })
            // What follows /start is a link's parameter, not somebody's words.
            said = words.isEmpty ? bare : bare.lowercased() == "/start" ? "\(bare) \(words)" : words
        }
    }
}

extension [UInt16] {
    /// The range of an entity; nil when it does not lie within the text.
    fileprivate func range(of entity: JSON) -> Range<Int>? {
        guard let offset = entity["offset"]?.int, let length = entity["length"]?.int,
            offset >= 0, length > 0, offset <= count, length <= Int64(count) - offset
        else { return nil }
        return Int(offset)..<Int(offset + length)
    }

    fileprivate func text(in range: Range<Int>) -> String { String(decoding: self[range], as: UTF16.self) }

    /// The text from `start` without the given ranges, and without what held them in place: `Hi @bot, there` becomes
    /// `Hi, there`, and `@bot: there` becomes `there`.
    fileprivate func text(without ranges: [Range<Int>], after start: Int) -> String {
        var kept = ""
        var position = start
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where range.lowerBound >= position {
            kept.append(contentsOf: text(in: position..<range.lowerBound))
            position = range.upperBound
            let rest = text(in: position..<count).prefix { $0.isWhitespace || $0.isPunctuation }
            if kept.allSatisfy(\.isWhitespace) {
                position += rest.prefix { $0.isWhitespace || $0 == "," || $0 == ":" }.utf16.count
            } else if kept.last?.isWhitespace == true, !rest.isEmpty || position == count {
                kept.removeLast()
            }
        }
        kept.append(contentsOf: text(in: position..<count))
        return kept.trimmed
    }
}
