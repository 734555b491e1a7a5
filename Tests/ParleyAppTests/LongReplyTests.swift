import Emulators
import ParleyCore
import Storage
import Testing

@Suite(.timeLimit(.minutes(4)))
struct LongReplyTests {
    /// The platforms' own limits of one message, in UTF-16 units; ours for Slack, whose own is 40,000.
    private static let limits: [(ChannelID, Int)] = [
        ("slack", 3500), ("telegram", 4096), ("discord", 2000), ("whatsapp", 4096),
    ]

    @Test(arguments: limits)
    func `a long answer comes in parts within the limit, in order and whole`(
        channel: ChannelID,
        limit: Int
    ) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            house.model.setMode(.longAnswer)
            let post = try await house.ask(channel, "Tell me everything")
            _ = try await house.reply(to: post)
            try await house.taken(post)
            let parts = house.replies(after: post)
            #expect(parts.count >= 3)
            for part in parts {
                // Telegram counts "after entities parsing": what is read, not the mark-up.
                let counted = channel == "telegram" ? part.text : part.markup ?? part.text
                #expect(counted.utf16.count <= limit)
            }
            let whole = parts.map(\.text).joined(separator: "\n")
            let chapters = whole.split(separator: "\n").compactMap { line -> Int? in
                let words = line.split { !$0.isLetter && !$0.isNumber }
                guard words.count == 2, words[0] == "Chapter" else { return nil }
                return Int(words[1])
            }
            #expect(chapters.count >= 9)
            #expect(chapters == Array(1...chapters.count))
            #expect(whole.contains("Nothing is missing if you can read this."))
            // Nothing was refused on the way: no part too long, no markup broken.
            let refused = house.calls(channel).filter { $0.outcome != "ok" }
            #expect(refused.isEmpty, "\(refused.map(\.outcome))")
            #expect(try await house.number("SELECT COUNT(*) FROM deliveries WHERE uses_plain_text = 1") == 0)
            #expect(try await house.number("SELECT COUNT(*) FROM turns") == 1)
        }
    }

    @Test func `every part of a long answer stays in its Slack thread`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            house.model.setMode(.longAnswer)
            let post = try await house.ask("slack", "Tell me everything", in: "C0TEAM", mention: true)
            _ = try await house.reply(to: post)
            try await house.taken(post)
            let parts = house.replies(after: post)
            #expect(parts.count >= 3)
            #expect(parts.allSatisfy { $0.thread == post.messageID })
        }
    }

    @Test func `a reply whose formatting is rejected goes out once more as plain text`() async throws {
        try await DemoHouse.run { house in
            house.world.setFaults(.unlimited { $0.rateLimit = 1 }, of: "telegram")
            let post = try await house.ask("telegram", "What are your opening hours?")
            try await house.eventually("the reply waits for Telegram") {
                try await house.number(
                    "SELECT COUNT(*) FROM deliveries WHERE state = 'waiting' AND not_before > created_at"
                ) == 1
            }
            let spoilt = try await house.change(
                "UPDATE deliveries SET payload = json_set(payload, '$.body.text', '<b>never closed <nonsense>')"
            )
            #expect(spoilt == 1)
            house.world.setFaults(.unlimited, of: "telegram")

            let reply = try await house.reply(to: post)
            #expect(reply.text.contains("Monday to Friday 9:00–18:00"))
            try await house.settled()
            #expect(house.replies(after: post).count == 1)
            let sends = house.calls("telegram").filter { $0.method == "sendMessage" && $0.fault == nil }
            #expect(sends.map(\.status) == [400, 200])
            #expect(try await house.number("SELECT uses_plain_text FROM deliveries") == 1)
        }
    }
}
