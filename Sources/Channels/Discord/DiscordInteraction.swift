import ChannelKit
import ParleyCore

/// One interaction, on its way to become one event or none, and what Discord is answered at once.
struct DiscordInteraction {
    private let json: JSON
    private let receivedAt: Timestamp
    private let tokenLife: Duration

    init(_ json: JSON, receivedAt: Timestamp, tokenLife: Duration) {
        self.json = json
        self.receivedAt = receivedAt
        self.tokenLife = tokenLife
    }

    func reading() throws(WebhookRefusal) -> WebhookReading {
        switch json["type"]?.int {
        case 1: return WebhookReading(answer: .pong)
        case 2: return try event(.command, said: DiscordCommand(json["data"]))
        case 3: return try event(.action, said: DiscordComponent(json["data"], in: json["message"]))
        case 4: return WebhookReading(ignored: ["autocomplete"], answer: .noChoices)
        case 5: return try event(.action, said: DiscordModal(json["data"]))
        case nil: throw .malformed("type")
        default: return WebhookReading(ignored: ["unknown_interaction"], answer: .unsupported)
        }
    }
}

/// What a person did, in words.
protocol DiscordUtterance {
    var text: String { get }
    var attachments: [InboundEvent.Attachment] { get }
}

extension DiscordInteraction {
    private func event(_ kind: InboundEvent.Kind, said: some DiscordUtterance) throws(WebhookRefusal) -> WebhookReading
    {
        guard let id = json["id"]?.string, let snowflake = Snowflake(id) else { throw .malformed("id") }
        guard let application = json["application_id"]?.string, Snowflake(application) != nil else {
            throw .malformed("application_id")
        }
        guard let token = json["token"]?.string, Self.isToken(token) else { throw .malformed("token") }
        guard let channel = (json["channel_id"] ?? json["channel"]?["id"])?.string, Snowflake(channel) != nil else {
            throw .malformed("channel_id")
        }
        guard let sender = InboundEvent.Sender(discord: json) else { throw .malformed("user") }

        let occurredAt = time(of: snowflake)
        let event = InboundEvent(
            kind: kind,
            dedupeKey: id,
            conversationKey: channel,
            position: snowflake.position,
            occurredAt: occurredAt,
            sender: sender,
            text: said.text,
            attachments: said.attachments,
            isDirect: json["guild_id"]?.string == nil,
            isThread: [10, 11, 12].contains(json["channel"]?["type"]?.int),
            platformMessageID: kind == .command ? id : json["message"]?["id"]?.string ?? id,
            replyAddress: [
                "application_id": .string(application), "interaction_id": .string(id), "token": .string(token),
                "channel_id": .string(channel), "expires_at": .integer(occurredAt.advanced(by: tokenLife).seconds),
            ],
            // Each one shows "thinking…" until it has a reply of its own.
            answersAlone: true
        )
        return WebhookReading(events: [event], answer: .deferred)
    }

    /// When it was created, as its id says; when it came, if the id says something impossible.
    private func time(of snowflake: Snowflake) -> Timestamp {
        let age = receivedAt.since(snowflake.createdAt)
        let isPossible = age <= Limits.freshnessWindow && age >= .zero - Limits.freshnessWindow
        return isPossible ? snowflake.createdAt : receivedAt
    }

    /// It becomes part of a URL, so that nothing may be in it that means something there.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 1024
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "="),
                    UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "+"):
                    true
                default: false
                }
            } && text != "." && text != ".."
    }
}

extension InboundEvent.Sender {
    /// In a guild the person is a member, elsewhere a bare user.
    fileprivate init?(discord interaction: JSON) {
        guard let user = interaction["member"]?["user"] ?? interaction["user"], let id = user["id"]?.string,
            Snowflake(id) != nil
        else { return nil }
        let username = user["username"]?.string
        self.init(
            channelUserID: id,
            displayName: user["global_name"]?.string ?? username,
            username: username,
            locale: interaction["locale"]?.string
        )
    }
}

// MARK: What Discord is answered (Discord docs, Interaction Callback Type)

extension WebhookAnswer {
    fileprivate static let pong = WebhookAnswer.json(["type": 1])
    /// "Thinking…", to be edited within a quarter of an hour.
    fileprivate static let deferred = WebhookAnswer.json(["type": 5])
    fileprivate static let noChoices = WebhookAnswer.json(["type": 8, "data": ["choices": []]])
    /// A deferral would think for ever. The flag shows it to the person alone.
    fileprivate static let unsupported = WebhookAnswer.json([
        "type": 4, "data": ["content": "This kind of interaction is not supported.", "flags": 64],
    ])
}
