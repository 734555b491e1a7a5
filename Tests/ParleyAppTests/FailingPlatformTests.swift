import ChannelKit
import Emulators
import ParleyApp
import ParleyCore
import Storage
import Testing

/// Platforms that tell us to wait, break, take a message without saying so, or refuse it for good.
@Suite(.timeLimit(.minutes(4)))
struct FailingPlatformTests {
    @Test(arguments: DemoHouse.channels)
    func `a storm of 429 delays replies, and loses, repeats and reorders none`(channel: ChannelID) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.world.setFaults(.unlimited { $0.rateLimit = 1 }, of: channel)
            let users = ["ann", "bert"]
            var posts: [EmulatedPost] = []
            for number in 1...3 {
                for user in users { posts.append(try await house.ask(channel, "note \(number)", user: user)) }
                try await house.eventually("both notes \(number) have their turn") {
                    try await house.number("SELECT COUNT(*) FROM turns") == number * users.count
                }
            }
            try await house.eventually("the platform has refused") {
                house.calls(channel).count { $0.fault == "rate_limit" } >= 2
            }
            house.world.setFaults(.unlimited, of: channel)
            try await house.taken(posts, within: .seconds(60))
            for conversation in Set(posts.map(\.conversation)) {
                let replies = house.written(in: conversation, by: house.bot(channel)).map(\.words)
                #expect(replies == (1...3).map { "You said: note \($0)" })
            }
            #expect(!house.calls(channel).contains { $0.isEarlySend })
            #expect(try await house.stores.deliveries.dead(of: nil, upTo: 10).isEmpty)
        }
    }

    @Test(arguments: ["slack", "telegram", "discord"] as [ChannelID])
    func `server errors delay replies, and lose and repeat none in silence`(channel: ChannelID) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.world.setFaults(.unlimited { $0.serverError = 0.6 }, of: channel)
            let users = ["ann", "bert", "cleo", "dora"]
            var posts: [EmulatedPost] = []
            for user in users { posts.append(try await house.ask(channel, "a note by \(user)", user: user)) }
            try await house.eventually("the platform has failed") {
                house.calls(channel).contains { $0.fault == "server_error" }
            }
            house.world.setFaults(.unlimited, of: channel)
            try await house.taken(posts, within: .seconds(60))
            let shown = house.written.map(\.words).map { $0.replacing(OutgoingDelivery.repeatMark + "\n", with: "") }
            #expect(shown.sorted() == users.map { "You said: a note by \($0)" })
        }
    }

    @Test func `a bot that is switched off sends nothing, and its replies go out when it is on again`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.world.setFaults(.unlimited { $0.serverError = 1 }, of: "slack")
            let post = try await house.ask("slack", "Are you there?")
            try await house.eventually("the platform has failed") {
                house.calls("slack").contains { $0.fault == "server_error" && $0.method.hasSuffix("chat.postMessage") }
            }
            let bot = try #require(
                try await house.rows("SELECT id FROM channel_integrations WHERE channel = 'slack'").first?
                    .optionalID("id", ParleyCore.Integration.self)
            )
            let integrations = house.stores.integrations
            #expect(try await integrations.setActive(false, bot, of: house.businessID))
            @Sendable func itWaits() async throws -> Bool {
                let soon = SystemClock().now.advanced(by: .seconds(20))
                return try await house.number(
                    "SELECT COUNT(*) FROM deliveries WHERE settled_at IS NULL AND not_before > $1",
                    [.timestamp(soon)]
                ) == 1
            }
            try await house.eventually("the reply waits for the bot to be switched on") { try await itWaits() }
            house.world.setFaults(.unlimited, of: "slack")
            let called = house.calls("slack").count
            try await Self.hurry(house)
            try await house.eventually("somebody has looked again") { try await itWaits() }
            #expect(house.calls("slack").count == called)
            #expect(try await integrations.setActive(true, bot, of: house.businessID))
            // The gateway may go on for 2 s with what it read.
            try await house.eventually("the reply is there") {
                try await Self.hurry(house)
                return house.replies(after: post).map(\.words) == ["You said: Are you there?"]
            }
        }
    }

    /// What waits is due.
    private static func hurry(_ house: DemoHouse) async throws {
        for column in ["deliveries SET not_before", "lanes SET claimable_at"] {
            let name = column.split(separator: " ").last ?? ""
            let now = SQLValue.timestamp(SystemClock().now)
            _ = try await house.change("UPDATE \(column) = $1 WHERE \(name) > $1", [now])
        }
    }

    @Test(arguments: ["slack", "discord"] as [ChannelID])
    func `an answer that is lost is reconciled, and nobody sees a reply twice`(channel: ChannelID) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.world.setFaults(.unlimited { $0.dropResponse = 1 }, of: channel)
            let users = ["ann", "bert", "cleo"]
            var posts: [EmulatedPost] = []
            for user in users { posts.append(try await house.ask(channel, "a note by \(user)", user: user)) }
            try await house.eventually("answers have been lost") {
                house.calls(channel).count { $0.fault == "drop_response" } >= users.count
            }
            house.world.setFaults(.unlimited, of: channel)
            try await house.taken(posts, within: .seconds(60))
            for post in posts {
                let replies = house.replies(after: post)
                // Discord's placeholder is filled in again: the same message with the same text.
                #expect(Set(replies.compactMap(\.messageID)).count == 1)
                #expect(Set(replies.map(\.words)).count == 1)
                #expect(replies.count == 1 || channel == "discord")
            }
            #expect(try await house.number("SELECT COUNT(*) FROM deliveries WHERE may_be_duplicate = 1") == 0)
        }
    }

    @Test func `a part of a reply that Discord may show twice says so`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            house.model.setMode(.longAnswer)
            house.world.setFaults(.unlimited { $0.dropResponse = 0.4 }, of: "discord")
            let post = try await house.ask("discord", "Tell me everything")
            try await house.taken(post, within: .seconds(60))
            try house.expectNoSilentRepeat(after: post)
        }
    }

    @Test func `a reply that Telegram may show twice says so`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.world.setFaults(.unlimited { $0.dropResponse = 1 }, of: "telegram")
            let post = try await house.ask("telegram", "good morning")
            try await house.eventually("an answer has been lost") {
                house.calls("telegram").contains { $0.fault == "drop_response" && $0.method == "sendMessage" }
            }
            house.world.setFaults(.unlimited, of: "telegram")
            try await house.taken(post, within: .seconds(60))
            let replies = house.replies(after: post).map(\.text)
            #expect(replies.first == "You said: good morning")
            #expect(replies.count >= 2)
            for again in replies.dropFirst() { #expect(again.hasPrefix(OutgoingDelivery.repeatMark)) }
            #expect(try await house.number("SELECT may_be_duplicate FROM deliveries") == 1)
            #expect(house.log.text.contains("sending again what may have arrived"))
        }
    }

    @Test func `a lost answer of WhatsApp is settled by its status, and nothing is sent twice`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.world.setFaults(.unlimited { $0.dropResponse = 1 }, of: "whatsapp")
            let post = try await house.ask("whatsapp", "good morning")
            try await house.taken(post, within: .seconds(60))
            #expect(house.replies(after: post).map(\.words) == ["You said: good morning"])
            #expect(try await house.number("SELECT may_be_duplicate FROM deliveries") == 0)
            #expect(try await house.rows("SELECT state FROM deliveries").map { try $0.text("state") } == ["delivered"])
        }
    }

    @Test func `a refusal for good is listed as dead, and goes out when it is revived`() async throws {
        try await DemoHouse.run { house in
            house.world.setFaults(.unlimited { $0.rateLimit = 1 }, of: "slack")
            let post = try await house.ask("slack", "What are your opening hours?")
            try await house.eventually("the reply waits for Slack") {
                try await house.number(
                    "SELECT COUNT(*) FROM deliveries WHERE state = 'waiting' AND not_before > created_at"
                ) == 1
            }
            let channel = "UPDATE deliveries SET address = json_set(address, '$.channel', $1)"
            _ = try await house.change(channel, [.text("C0NOTMEMBER")])
            house.world.setFaults(.unlimited, of: "slack")
            try await house.settled()
            let dead = try await house.stores.deliveries.dead(of: house.businessID, upTo: 10)
            #expect(dead.count == 1)
            let delivery = try #require(dead.first)
            #expect(delivery.deadReason?.contains("not_in_channel") == true)
            #expect(house.replies(after: post).isEmpty)
            #expect(house.log.text.contains("parley dead list"))

            _ = try await house.change(channel, [.text(post.conversation)])
            #expect(try await house.stores.deliveries.revive(delivery.id, at: SystemClock().now))
            #expect(try await house.reply(to: post).words.contains("Monday to Friday"))
            try await house.settled()
            #expect(house.replies(after: post).count == 1)
            #expect(try await house.stores.deliveries.dead(of: nil, upTo: 10).isEmpty)
        }
    }
}

extension DemoHouse {
    /// What was shown twice carries the mark, from the second time on.
    fileprivate func expectNoSilentRepeat(after post: EmulatedPost) throws {
        var seen: [String: String] = [:]
        for reply in replies(after: post) {
            let isMarked = reply.text.hasPrefix(OutgoingDelivery.repeatMark)
            let text = isMarked ? String(reply.text.dropFirst(OutgoingDelivery.repeatMark.count + 1)) : reply.text
            let id = try #require(reply.messageID)
            if let earlier = seen[text] {
                #expect(isMarked || earlier == id, "a silent repetition: \(text.prefix(60))")
            }
            seen[text] = id
        }
        #expect(seen.count >= 5)
    }
}
