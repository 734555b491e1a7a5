import Emulators
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import Testing

/// A turn starts from what was said, wherever it learns of it.
@Suite(.timeLimit(.minutes(4)))
struct RecollectionInTheHouseTests {
    @Test(arguments: RequestLimitTests.SharedMemory.available, DemoHouse.Engine.available)
    func `each turn remembers all that was said, also what no turn answered`(
        _ memory: RequestLimitTests.SharedMemory,
        _ engine: DemoHouse.Engine
    ) async throws {
        try await DemoHouse.run(on: engine, usesScriptedModel: true, redis: memory.address()) { house in
            try await house.takeToolsAway()
            for text in ["one", "two", "three"] {
                let post = try await house.ask("telegram", text)
                #expect(try await house.reply(to: post).words == "You said: \(text)")
                try await house.taken(post)
            }
            // A person takes over; what is written to them is kept, and no turn tells a cache of it.
            let found = try await house.rows("SELECT id FROM conversations WHERE message_count = 6")
            let conversation = try #require(found.first?.optionalID("id", Conversation.self))
            func give(toHumanUntil until: Timestamp?) async throws {
                let isDone = try await house.stores.conversations.setOwner(
                    human: until,
                    of: conversation,
                    in: house.businessID,
                    at: SystemClock().now
                )
                #expect(isDone)
            }
            try await give(toHumanUntil: SystemClock().now.advanced(by: .seconds(600)))
            try await house.taken(try await house.ask("telegram", "to the person"))
            try await give(toHumanUntil: nil)
            let last = try await house.ask("telegram", "four")
            #expect(try await house.reply(to: last).words.contains("four"))
            try await house.taken(last)

            let steps = try await house.rows(
                "SELECT value FROM journey_events WHERE step = 'context' AND rule = 'messages' ORDER BY id"
            )
            let counts = steps.compactMap { $0.optionalText("value")?.split(separator: " ").first.flatMap { Int($0) } }
            #expect(counts == [1, 3, 5, 8])
            #expect(try await house.number("SELECT message_count AS n FROM conversations") == 9)
            let metrics = try await LocalHTTP.send("GET", "\(house.baseURL)/metrics").body
            let outcome = memory == .redis ? "confirmed" : "none"
            #expect(metrics.contains("parley_context_cache_total{outcome=\"\(outcome)\"}"))
        }
    }

    @Test(arguments: RequestLimitTests.SharedMemory.available)
    func `who is new in a room is answered with what was said before, and nobody forgets it`(
        _ memory: RequestLimitTests.SharedMemory
    ) async throws {
        try await DemoHouse.run(usesScriptedModel: true, redis: memory.address()) { house in
            try await house.takeToolsAway()
            let root = try await house.ask("slack", "one", user: "ann", in: "C0TEAM", mention: true)
            _ = try await house.reply(to: root)
            try await house.taken(root)
            // Bert was never seen before, and addresses nobody: it is a thread in which we have answered.
            for (text, user) in [("two", "bert"), ("three", "ann")] {
                let post = try await house.ask("slack", text, user: user, in: "C0TEAM", threadOf: root.messageID)
                #expect(try await house.reply(to: post).words.contains(text))
                try await house.taken(post)
            }
            let steps = try await house.rows(
                "SELECT value FROM journey_events WHERE step = 'context' AND rule = 'messages' ORDER BY id"
            )
            let counts = steps.compactMap { $0.optionalText("value")?.split(separator: " ").first.flatMap { Int($0) } }
            #expect(counts == [1, 3, 5])
        }
    }
}
