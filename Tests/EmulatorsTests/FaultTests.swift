import Emulators
import Logging
import ParleyCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct FaultTests {
    private func send(_ bed: TestBed, _ post: EmulatedPost) async throws -> LocalClient.Answer {
        try await bed.client.send(
            "POST",
            "/telegram/bot\(bed.credential("bot_token"))/sendMessage",
            ["chat_id": JSON(post.conversation), "text": "x"]
        )
    }

    @Test func `the same seed makes the same credentials, and another makes others`() throws {
        func credentials(_ seed: UInt64) throws -> [String: String] {
            let world = EmulatedWorld(seed: seed, logger: Logger(label: "test"))
            return try world.makeBot(channel: "slack", name: "a").credentials
        }
        #expect(try credentials(1) == credentials(1))
        #expect(try credentials(1) != credentials(2))
    }

    @Test func `the same seed makes the same faults in the same order`() async throws {
        func statuses(_ seed: UInt64) async throws -> [Int] {
            var statuses: [Int] = []
            try await TestBed.run("telegram", seed: seed, connected: false) { bed in
                var faults = EmulatorFaults()
                faults.serverError = 0.5
                faults.rateLimits = false
                bed.world.setFaults(faults)
                let post = try await bed.say("hi")
                for _ in 0..<40 { statuses.append(try await send(bed, post).status) }
            }
            return statuses
        }
        let first = try await statuses(1)
        #expect(try await statuses(1) == first)
        #expect(try await statuses(2) != first)
        #expect(Set(first) == [200, 502])
    }

    @Test func `a dropped answer was carried out`() async throws {
        try await TestBed.run("telegram", connected: false) { bed in
            var faults = EmulatorFaults()
            faults.dropResponse = 1
            bed.world.setFaults(faults, of: "telegram")
            let post = try await bed.say("hi")
            let answer = try? await send(bed, post)
            #expect(answer?.isComplete != true)
            #expect(bed.outgoing.map(\.text) == ["x"])
            #expect(bed.world.exchanges().last?.fault == "drop_response")
        }
    }

    @Test(arguments: ["slack", "telegram", "discord", "whatsapp"] as [ChannelID])
    func `an injected refusal is no early send, and nothing was done`(channel: ChannelID) async throws {
        try await TestBed.run(channel, connected: false) { bed in
            var faults = EmulatorFaults()
            faults.rateLimit = 1
            bed.world.setFaults(faults)
            let post = try await bed.say("hi")
            let (path, headers, body): (String, [(String, String)], JSON) =
                switch channel {
                case "slack":
                    (
                        "/slack/api/chat.postMessage", [("authorization", "Bearer \(bed.credential("bot_token"))")],
                        ["channel": JSON(post.conversation), "text": "x"]
                    )
                case "telegram":
                    (
                        "/telegram/bot\(bed.credential("bot_token"))/sendMessage", [],
                        ["chat_id": JSON(post.conversation), "text": "x"]
                    )
                case "discord":
                    (
                        "/discord/api/v10/channels/\(post.conversation)/messages",
                        [
                            ("authorization", "Bot \(bed.credential("bot_token"))"),
                            ("user-agent", "DiscordBot (x, 1)"),
                        ],
                        ["content": "x"]
                    )
                default:
                    (
                        "/whatsapp/v26.0/\(bed.credential("phone_number_id"))/messages",
                        [("authorization", "Bearer \(bed.credential("access_token"))")],
                        [
                            "messaging_product": "whatsapp", "to": JSON("+" + post.conversation),
                            "text": ["body": "x"],
                        ]
                    )
                }
            let answer = try await bed.client.send(
                "POST",
                path,
                headers: headers + [("content-type", "application/json")],
                body
            )
            #expect(answer.status == 429)
            #expect(bed.outgoing.isEmpty)
            let entry = try #require(bed.world.exchanges().last { $0.kind == .api })
            #expect(entry.fault == "rate_limit")
            #expect(!entry.isEarlySend)
            #expect(entry.bot == bed.bot.id)
        }
    }

    @Test(arguments: ["slack", "telegram", "discord", "whatsapp"] as [ChannelID])
    func `a duplicate is the same bytes`(channel: ChannelID) async throws {
        try await TestBed.run(channel, answers: [.init(body: ["type": 5]), .init(body: ["type": 5])]) { bed in
            var faults = EmulatorFaults()
            faults.duplicate = 1
            bed.world.setFaults(faults)
            try await bed.say("hi")
            let first = try await bed.gateway.next()
            let second = try await bed.gateway.next()
            #expect(first.body == second.body)
        }
    }

    @Test func `a forged copy has a wrong signature, and accepting it is noted`() async throws {
        try await TestBed.run("slack") { bed in
            var faults = EmulatorFaults()
            faults.badSignature = 1
            bed.world.setFaults(faults)
            try await bed.say("hi")
            let forged = try await bed.gateway.next()
            let expected = WebhookSignature.slack(
                secret: bed.credential("signing_secret"),
                timestamp: forged.headers["x-slack-request-timestamp"] ?? "",
                body: forged.body
            )
            #expect(forged.headers["x-slack-signature"] != expected)
            let genuine = try await bed.gateway.next()
            #expect(genuine.body == forged.body)
            let log = await bed.exchanges { $0.outcome == "ok" }
            #expect(log.first?.outcome == "forged_accepted")
        }
    }

    @Test func `without rate limits a flood is let through`() async throws {
        try await TestBed.run("telegram", connected: false) { bed in
            var faults = EmulatorFaults()
            faults.rateLimits = false
            bed.world.setFaults(faults)
            let post = try await bed.say("hi")
            for _ in 0..<50 { #expect(try await send(bed, post).status == 200) }
        }
    }
}
