import Emulators
import ParleyApp
import ParleyCore
import Storage
import Testing

@Suite(.timeLimit(.minutes(4)))
struct FourChannelsTests {
    @Test(arguments: DemoHouse.channels, DemoHouse.Engine.available)
    func `a question is answered from the live shop, and asked again from the cache`(
        channel: ChannelID,
        engine: DemoHouse.Engine
    ) async throws {
        try await DemoHouse.run(on: engine) { house in
            let first = try await house.ask(channel, "Do you have iPhone 15 in stock?")
            let answer = try await house.reply(to: first).words
            #expect(answer.contains("5 in stock"))
            #expect(answer.contains("$799"))
            #expect(answer.contains("as of"))
            let requests = house.shop.requestCount
            #expect(requests > 0)

            let second = try await house.ask(channel, "Do you have iPhone 15 in stock?", user: "bert")
            #expect(try await house.reply(to: second).words.contains("5 in stock"))
            #expect(house.shop.requestCount == requests)
            try await house.settled()
            let hits = try await house.rows("SELECT is_cache_hit FROM tool_executions ORDER BY id")
                .map { try $0.bool("is_cache_hit") }
            #expect(hits == [false, true])
        }
    }

    @Test(arguments: DemoHouse.channels, DemoHouse.Engine.available)
    func `a frequent question is answered from the knowledge`(channel: ChannelID, engine: DemoHouse.Engine) async throws
    {
        try await DemoHouse.run(on: engine) { house in
            let post = try await house.ask(channel, "What are your opening hours?")
            #expect(try await house.reply(to: post).words.contains("Monday to Friday 9:00–18:00"))
            try await house.settled()
            #expect(house.replies(after: post).count == 1)
            #expect(house.shop.requestCount == 0)
        }
    }

    @Test(arguments: DemoHouse.channels, DemoHouse.Engine.available)
    func `who leaves an address becomes one lead, which a second message enriches`(
        channel: ChannelID,
        engine: DemoHouse.Engine
    ) async throws {
        try await DemoHouse.run(on: engine) { house in
            let first = try await house.ask(channel, "Please write to ann@example.com about the Pixel 9")
            _ = try await house.reply(to: first)
            let second = try await house.ask(channel, "Or call me: +1 415 555 0123")
            _ = try await house.reply(to: second)
            let third = try await house.ask(channel, "Again, my e-mail is ann@example.com")
            _ = try await house.reply(to: third)
            try await house.settled()
            let leads = try await house.stores.leads.page(of: house.businessID)
            #expect(leads.count == 1)
            let lead = try #require(leads.first)
            #expect(lead.email == "ann@example.com")
            #expect(lead.phone?.filter(\.isNumber) == "14155550123")
            #expect(lead.channel == channel)
        }
    }

    @Test(arguments: DemoHouse.channels, DemoHouse.Engine.available)
    func `who asks for a human gets one, and the bot falls silent`(
        channel: ChannelID,
        engine: DemoHouse.Engine
    ) async throws {
        try await DemoHouse.run(on: engine) { house in
            let first = try await house.ask(channel, "I want to talk to a human")
            _ = try await house.reply(to: first)
            try await house.settled()
            let owner = try await house.rows("SELECT owner, owner_until FROM conversations")
            #expect(owner.map { $0.optionalText("owner") } == ["human"])

            let second = try await house.ask(channel, "Do you have iPhone 15 in stock?")
            try await house.taken(second)
            // Discord shows that an answer is awaited: a notice ends that, once.
            let notices = house.replies(after: second).map(\.words)
            #expect(notices.count == (channel == "discord" ? 1 : 0))
            #expect(notices.allSatisfy { $0.contains("A person of our team") })
            #expect(house.shop.requestCount == 0)
            let journey = try await house.rows(
                "SELECT verdict, value FROM journey_events WHERE step = 'gate' AND rule = 'owner' ORDER BY id"
            )
            #expect(journey.last?.optionalText("verdict") == "closed")
            #expect(journey.last?.optionalText("value") == "human")
            // What people will read is kept.
            let kept = try await house.number(
                "SELECT COUNT(*) FROM messages WHERE content = 'Do you have iPhone 15 in stock?'"
            )
            #expect(kept == 1)
        }
    }

    @Test func `a Slack channel is answered in a thread when the bot is mentioned, and left alone otherwise`()
        async throws
    {
        try await DemoHouse.run { house in
            let ambient = try await house.ask("slack", "Do you have iPhone 15 in stock?", in: "C0TEAM")
            try await house.taken(ambient)
            #expect(house.replies(after: ambient).isEmpty)

            let asked = try await house.ask("slack", "Do you have iPhone 15 in stock?", in: "C0TEAM", mention: true)
            let reply = try await house.reply(to: asked)
            #expect(reply.words.contains("5 in stock"))
            #expect(reply.thread == asked.messageID)
            try await house.taken(asked)
            // `app_mention` and `message` are one event.
            #expect(asked.eventIDs.count == 2)
            #expect(house.replies(after: asked).count == 1)

            let followUp = try await house.ask(
                "slack",
                "What are your opening hours?",
                in: "C0TEAM",
                threadOf: asked.messageID
            )
            let second = try await house.reply(to: followUp)
            #expect(second.thread == asked.messageID)
            #expect(second.words.contains("9:00"))
            try await house.taken(followUp)
            #expect(house.replies(after: ambient).count == 2)
        }
    }

    @Test func `a Telegram group is answered when the bot is mentioned, and left alone otherwise`() async throws {
        try await DemoHouse.run { house in
            let ambient = try await house.ask("telegram", "Do you have iPhone 15 in stock?", in: "friends")
            try await house.taken(ambient)
            #expect(house.replies(after: ambient).isEmpty)

            let asked = try await house.ask("telegram", "Do you have iPhone 15 in stock?", in: "friends", mention: true)
            let reply = try await house.reply(to: asked)
            #expect(reply.words.contains("5 in stock"))
            #expect(reply.thread == asked.messageID)
            try await house.taken(asked)
            #expect(house.replies(after: ambient).count == 1)
        }
    }
}
