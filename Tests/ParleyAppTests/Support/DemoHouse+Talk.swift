import Emulators
import Logging
import ParleyApp
import ParleyCore
import Storage
import Testing

// What people write, and what they get.
extension DemoHouse {
    @discardableResult
    func ask(
        _ channel: ChannelID,
        _ text: String,
        user: String = "ann",
        in room: String? = nil,
        mention: Bool = false,
        threadOf: String? = nil,
        bot: String? = nil
    ) async throws -> EmulatedPost {
        try await world.say(
            EmulatedUserMessage(
                channel: channel,
                bot: bot ?? self.bot(channel),
                user: EmulatedUser(id: user, name: user),
                text: text,
                conversation: room,
                isRoom: room != nil,
                mention: mention,
                threadOf: threadOf
            )
        )
    }

    /// The first message of the bot after a post, in its conversation.
    func reply(to post: EmulatedPost, within limit: Duration = .seconds(30)) async throws -> TranscriptEntry {
        try #require(try await replies(to: post, count: 1, within: limit).first)
    }

    /// Waits until the bot has written `count` messages after a post, in its conversation.
    func replies(
        to post: EmulatedPost,
        count: Int,
        within limit: Duration = .seconds(30)
    ) async throws -> [TranscriptEntry] {
        let deadline = ContinuousClock.now.advanced(by: limit)
        var last = post.sequence
        while true {
            let found = replies(after: post)
            if found.count >= count { return found }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else {
                throw HouseProblem("\(found.count) of \(count) replies to \(post.messageID)\n\(await report())")
            }
            last = await world.transcript(after: last, waitingUpTo: left).last?.sequence ?? last
        }
    }

    /// What the bot has written in a post's conversation since.
    func replies(after post: EmulatedPost) -> [TranscriptEntry] {
        written(in: post.conversation, by: post.bot).filter { $0.sequence > post.sequence }
    }

    /// All that a bot has written in a conversation; an edit takes the place of what it edits.
    func written(in conversation: String, by bot: String) -> [TranscriptEntry] {
        world.transcript().filter { $0.direction == .outbound && $0.conversation == conversation && $0.bot == bot }
    }

    /// All that bots have written, as plain text.
    var written: [TranscriptEntry] { world.transcript().filter { $0.direction == .outbound } }

    /// Waits until the gateway has taken a post's webhooks, and worked off everything it has.
    func taken(_ post: EmulatedPost, within limit: Duration = .seconds(30)) async throws {
        try await taken([post], within: limit)
    }

    func taken(_ posts: [EmulatedPost], within limit: Duration = .seconds(30)) async throws {
        let wanted = Set(posts.flatMap(\.eventIDs))
        try await eventually("the gateway takes \(wanted.count) webhooks", within: limit) {
            let taken = world.exchanges().filter { $0.kind == .webhook && $0.outcome == "ok" }.compactMap(\.eventID)
            return wanted.isSubset(of: taken)
        }
        try await settled(within: limit)
    }

    /// The webhooks that carried a post.
    func webhooks(of post: EmulatedPost) -> [ExchangeEntry] {
        world.exchanges().filter { $0.kind == .webhook && post.eventIDs.contains($0.eventID ?? "") }
    }

    func calls(_ channel: ChannelID) -> [ExchangeEntry] {
        world.exchanges().filter { $0.kind == .api && $0.channel == channel }
    }

    /// For a failed expectation: what people saw, what went over the wire, and what the gateway says.
    func report() async -> String {
        let seen = world.transcript().suffix(30).map {
            "  \($0.sequence) \($0.channel) \($0.direction.rawValue) \($0.conversation) \($0.text.prefix(100))"
        }
        let wire = world.exchanges().suffix(40).map {
            "  \($0.sequence) \($0.channel) \($0.kind.rawValue) \($0.method) \($0.status) \($0.outcome) \($0.fault ?? "")"
        }
        let outbox = try? await rows(
            "SELECT state, attempts, text, dead_reason FROM deliveries ORDER BY id DESC LIMIT 8"
        )
        let deliveries = (outbox ?? []).map {
            "  \($0.optionalText("state") ?? "") \($0.optionalInt("attempts") ?? -1) "
                + "\($0.optionalText("dead_reason") ?? "") \(($0.optionalText("text") ?? "").prefix(60))"
        }
        return """
            seen:
            \(seen.joined(separator: "\n"))
            wire:
            \(wire.joined(separator: "\n"))
            outbox:
            \(deliveries.joined(separator: "\n"))
            log:
            \(log.lines.filter { $0.level >= .notice }.suffix(15).map(\.text).joined(separator: "\n"))
            """
    }
}

extension TranscriptEntry {
    /// The words, without the stars that two of the platforms leave in.
    var words: String { text.filter { $0 != "*" && $0 != "_" } }
}
