import ParleyCore

enum SlackMethod: String {
    case authTest = "auth.test"
    case usersInfo = "users.info"
    case replies = "conversations.replies"
    case history = "conversations.history"
    case openConversation = "conversations.open"
    case postMessage = "chat.postMessage"
    case update = "chat.update"
    case setStatus = "assistant.threads.setStatus"

    /// Reading methods take a form or a query, not JSON.
    var isRead: Bool { self == .usersInfo || self == .replies || self == .history }

    static func arguments(of call: APICall, isRead: Bool) -> Result<[String: JSON], SlackRefusal> {
        var arguments: [String: JSON] = [:]
        for field in call.query { arguments[field.name] = JSON(field.value) }
        guard !call.body.isEmpty else { return .success(arguments) }
        switch call.mediaType {
        case "application/json":
            guard !isRead else {
                return .failure(.init("invalid_arguments", "[ERROR] this method does not read application/json"))
            }
            guard let json = try? JSON(parsing: call.body) else { return .failure(.init("invalid_json")) }
            guard let object = json.object else { return .failure(.init("json_not_object")) }
            for member in object.members { arguments[member.key] = member.value.isNull ? nil : member.value }
        case "application/x-www-form-urlencoded":
            for field in Form.decode(String(decoding: call.body, as: UTF8.self)) {
                let isJSON = field.name == "blocks" || field.name == "metadata"
                arguments[field.name] = (isJSON ? try? JSON(parsing: field.value) : nil) ?? JSON(field.value)
            }
        case nil: return .failure(.init("missing_post_type"))
        default: return .failure(.init("invalid_post_type"))
        }
        guard arguments["token"] == nil else {
            return .failure(.init("invalid_arguments", "[ERROR] the token belongs into the Authorization header"))
        }
        return .success(arguments)
    }

    static func isTrue(_ value: JSON?) -> Bool { ["true", "1"].contains(value?.text ?? "") }

    /// Compares two `ts` as decimals without losing digits.
    static func isBefore(_ left: String, _ right: String) -> Bool { key(left).lexicographicallyPrecedes(key(right)) }

    private static func key(_ ts: String) -> [UInt8] {
        let pieces = ts.split(separator: ".", maxSplits: 1)
        let whole = pieces.first.map(String.init) ?? "0"
        let fraction = pieces.count > 1 ? String(pieces[1]) : ""
        let padded = String(repeating: "0", count: max(0, 16 - whole.utf8.count)) + whole
        return Array((padded + fraction + String(repeating: "0", count: max(0, 6 - fraction.utf8.count))).utf8)
    }
}

/// What a message says, checked as Slack checks it.
struct SlackContent {
    var text = ""
    var markup = ""
    var plain = ""
    var format = "mrkdwn"
    var blocks: JSON?
    var metadata: JSON?
    var deliveryID: String?
    var isTruncated = false

    static func read(
        _ arguments: [String: JSON],
        maximum: Int = 40_000,
        truncates: Bool = true
    ) -> Result<SlackContent, SlackRefusal> {
        var content = SlackContent()
        for field in ["text", "markdown_text", "thread_ts"] {
            guard arguments[field].map({ $0.string != nil }) ?? true else {
                return .failure(.init("invalid_arguments", "[ERROR] must be a string [json-pointer:/\(field)]"))
            }
        }
        let text = arguments["text"]?.string
        let markdown = arguments["markdown_text"]?.string
        if markdown != nil, text != nil || arguments["blocks"] != nil {
            return .failure(.init("markdown_text_conflict"))
        }
        if let given = arguments["blocks"] {
            if let refusal = SlackBlocks.refusal(given) { return .failure(refusal) }
            content.blocks = given
        }
        if let markdown {
            guard markdown.utf16.count <= 12_000 else { return .failure(.init("msg_too_long")) }
            content.text = markdown
            content.markup = markdown
            content.plain = markdown
            content.format = "markdown"
        } else if let text {
            content.text = text
            if text.utf16.count > maximum {
                guard truncates else { return .failure(.init("msg_too_long")) }
                content.text = String(text.prefix(maximum))
                content.isTruncated = true
            }
            content.markup = content.text
            content.plain = SlackText.plain(content.text)
        }
        if let blocks = content.blocks, let elements = blocks.array, !elements.isEmpty {
            content.format = "blocks"
            content.markup = blocks.description
            content.plain = SlackBlocks.text(elements)
        } else if content.text.trimmed.isEmpty {
            return .failure(.init("no_text"))
        }
        if let metadata = arguments["metadata"] {
            guard metadata["event_type"]?.string?.isEmpty == false, metadata["event_payload"]?.object != nil else {
                return .failure(.init("invalid_metadata_format"))
            }
            guard metadata.encoded().count <= 16_000 else { return .failure(.init("metadata_too_large")) }
            content.metadata = metadata
            let payload = metadata["event_payload"]
            content.deliveryID =
                payload?["key"]?.string ?? payload?["delivery_id"]?.string ?? payload?["delivery"]?.string
                ?? payload?["id"]?.string ?? payload?.object?.members.lazy.compactMap(\.value.string).first
        }
        return .success(content)
    }
}

/// Block Kit, as far as a gateway uses it.
enum SlackBlocks {
    static func refusal(_ blocks: JSON) -> SlackRefusal? {
        guard let elements = blocks.array else {
            return SlackRefusal("invalid_blocks_format", "[ERROR] must be an array [json-pointer:/blocks]")
        }
        guard elements.count <= 50 else {
            return SlackRefusal("invalid_blocks", "[ERROR] no more than 50 items allowed")
        }
        var markdown = 0
        for (index, block) in elements.enumerated() {
            func invalid(_ reason: String) -> SlackRefusal {
                SlackRefusal("invalid_blocks", "[ERROR] \(reason) [json-pointer:/blocks/\(index)]")
            }
            switch block["type"]?.string {
            case "section":
                guard let text = block["text"] else {
                    if block["fields"]?.array?.isEmpty == false { continue }
                    return invalid("missing required field: text")
                }
                guard let content = text["text"]?.string, !content.isEmpty else { return invalid("empty text") }
                guard content.utf16.count <= 3000 else { return invalid("must be less than 3001 characters") }
            case "header":
                guard let content = block["text"]?["text"]?.string, block["text"]?["type"] == "plain_text",
                    (1...150).contains(content.utf16.count)
                else { return invalid("header takes plain_text of 1 to 150 characters") }
            case "markdown":
                guard let content = block["text"]?.string, !content.isEmpty else { return invalid("empty text") }
                markdown += content.utf16.count
                guard markdown <= 12_000 else { return SlackRefusal("msg_blocks_too_long") }
            case "divider", "context", "actions", "image", "rich_text", "table", "context_actions", "file", "video":
                continue
            default: return invalid("unsupported type: \(block["type"]?.string ?? "none")")
            }
        }
        return nil
    }

    static func text(_ blocks: [JSON]) -> String {
        blocks.compactMap { block -> String? in
            if let text = block["text"]?.string { return text }
            if let text = block["text"]?["text"]?.string { return SlackText.plain(text) }
            if let elements = block["elements"]?.array {
                return elements.compactMap { $0["text"]?.string ?? $0["text"]?["text"]?.string }.joined(separator: " ")
            }
            return block["type"] == "divider" ? "---" : nil
        }.joined(separator: "\n")
    }
}
