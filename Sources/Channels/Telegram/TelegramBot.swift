import ParleyCore

/// Who we are on Telegram, as connecting found out.
struct TelegramBot {
    let id: Int64?
    /// Without the at sign.
    let username: String?

    init(_ settings: JSON) {
        id = settings["bot_id"]?.int ?? settings["bot_id"]?.string.flatMap { Int64($0) }
        username = settings["bot_username"]?.string
    }

    /// Whether a user object is this bot.
    func isSelf(_ user: JSON?) -> Bool {
        guard let id, let other = user?["id"]?.int else { return false }
        return id == other
    }

    /// Whether `@name` is this bot; Telegram's names know no case.
    func isNamed(_ name: some StringProtocol) -> Bool {
        guard let username else { return false }
        return name.lowercased() == username.lowercased()
    }
}
