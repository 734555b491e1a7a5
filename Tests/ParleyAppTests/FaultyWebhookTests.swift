import Emulators
import ParleyCore
import Storage
import Testing

/// Platforms that repeat, overtake, delay, and strangers who forge.
@Suite(.timeLimit(.minutes(4)))
struct FaultyWebhookTests {
    @Test(arguments: DemoHouse.channels, [UInt64(3), 11])
    func `everybody is answered once, whatever the webhooks go through`(
        channel: ChannelID,
        seed: UInt64
    ) async throws {
        let faults = EmulatorFaults.unlimited {
            $0.duplicate = 0.5
            $0.reorder = 0.3
            $0.badSignature = 0.4
            $0.delay = .milliseconds(150)
        }
        try await DemoHouse.run(seed: seed, faults: faults, usesScriptedModel: true, redelivery: 0.5) { house in
            try await house.takeToolsAway()
            var posts: [EmulatedPost] = []
            for number in 1...4 {
                for user in ["ann", "bert", "cleo", "dora", "emil"] {
                    posts.append(try await house.ask(channel, "note \(number) by \(user)", user: user))
                }
            }
            try await house.taken(posts)

            // Each message became one event and part of one turn.
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events WHERE kind != 'status'") == posts.count)
            let turns = try await house.rows("SELECT id, user_message, bot_reply FROM turns ORDER BY id")
            let answered = try turns.flatMap { try $0.text("user_message").split(separator: "\n").map(String.init) }
            let texts = (1...4).flatMap { number in
                ["ann", "bert", "cleo", "dora", "emil"].map { "note \(number) by \($0)" }
            }
            #expect(answered.sorted() == texts.sorted())

            // Each turn has one reply, which everybody saw once.
            let shown = house.written
            #expect(shown.count == turns.count)
            #expect(shown.map(\.words).sorted() == (try turns.map { try $0.text("bot_reply") }).sorted())
            // WhatsApp tells times in whole seconds: within one, the order of arrival is all there is.
            for turn in turns where channel != "whatsapp" {
                let notes = try turn.text("user_message").split(separator: "\n").map(String.init)
                #expect(notes == notes.sorted(), "one turn's messages in the order in which they were written")
            }
            for conversation in Set(posts.map(\.conversation)) {
                let replies = house.written(in: conversation, by: house.bot(channel)).map(\.words)
                let said = replies.joined(separator: "\n").split(separator: " ").compactMap { Int($0) }
                #expect(said.sorted() == [1, 2, 3, 4])
                // Telegram alone keeps the order of a chat on its way to us.
                if channel == "telegram" { #expect(said == [1, 2, 3, 4]) }
            }
            let webhooks = house.world.exchanges().filter { $0.kind == .webhook }
            #expect(webhooks.contains { $0.fault == "duplicate" })
            #expect(webhooks.contains { $0.outcome == "forged_refused" })
            #expect(!webhooks.contains { $0.outcome == "forged_accepted" })
            #expect(webhooks.filter { $0.outcome == "forged_refused" }.allSatisfy { $0.status == 401 })
        }
    }
}
