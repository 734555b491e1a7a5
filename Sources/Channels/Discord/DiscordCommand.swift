import ChannelKit
import ParleyCore

/// A slash command or an entry of a context menu, as a sentence.
struct DiscordCommand: DiscordUtterance {
    let text: String
    let attachments: [InboundEvent.Attachment]

    init(_ data: JSON?) {
        let name = data?["name"]?.string ?? ""
        switch data?["type"]?.int {
        case 2:
            text = "/\(name) \(Self.username(of: data) ?? "")".trimmed
            attachments = []
        case 3:
            let message = data?["target_id"]?.string.flatMap { data?["resolved"]?["messages"]?[$0] }
            let content = message?["content"]?.string?.trimmed ?? ""
            text = content.isEmpty ? "/\(name)" : content
            attachments = (message?["attachments"]?.array ?? []).map { InboundEvent.Attachment(discord: $0) }
        default:
            let options = Self.options(in: data)
            text = Self.text(of: options, command: name)
            attachments = options.filter { $0["type"]?.int == Option.attachment }.compactMap { option in
                option["value"]?.string.flatMap { data?["resolved"]?["attachments"]?[$0] }
                    .map { InboundEvent.Attachment(discord: $0) }
            }
        }
    }

    /// Discord docs, Application Command Option Type.
    private enum Option {
        static let string: Int64 = 3
        static let attachment: Int64 = 11
        static let plain: Set<Int64> = [3, 4, 5, 10]
    }

    /// `/ask message:…` is its message; any other command is its strings; without strings, the command as typed.
    private static func text(of options: [JSON], command: String) -> String {
        let strings = options.filter { $0["type"]?.int == Option.string }
        if command == "ask", let message = strings.first(where: { $0["name"]?.string == "message" }),
            let text = message["value"]?.string?.trimmed, !text.isEmpty
        {
            return text
        }
        let joined = strings.compactMap { $0["value"]?.string }.joined(separator: " ").trimmed
        if !joined.isEmpty { return joined }
        let typed = options.filter { Option.plain.contains($0["type"]?.int ?? 0) }.compactMap { $0["value"]?.text }
        return (["/\(command)"] + typed).joined(separator: " ").trimmed
    }

    /// The options of the command, or of the subcommand that was chosen; the parser bounds the depth.
    private static func options(in command: JSON?) -> [JSON] {
        (command?["options"]?.array ?? []).flatMap { option in
            option["options"] == nil ? [option] : options(in: option)
        }
    }

    private static func username(of data: JSON?) -> String? {
        data?["target_id"]?.string.flatMap { data?["resolved"]?["users"]?[$0]?["username"]?.string }
    }
}

extension InboundEvent.Attachment {
    /// An attachment object of Discord's.
    init(discord attachment: JSON) {
        let family = attachment["content_type"]?.string?.prefix { $0 != "/" }
        let kind = family.map(String.init).flatMap { ["image", "audio", "video"].contains($0) ? $0 : nil }
        self.init(kind: kind ?? "document", name: attachment["filename"]?.string)
    }
}
