import Emulators
import ParleyCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct ControlTests {
    @Test func `a bot is registered, written to and watched from outside`() async throws {
        try await TestBed.run("slack", connected: false) { bed in
            let client = bed.client
            let made = try await client.send(
                "POST",
                "/emulator/bots",
                [
                    "channel": "whatsapp", "name": "Shop", "webhook_url": JSON(client.base + "/gateway"),
                    "handshake": false,
                ]
            )
            #expect(made.status == 201)
            let id = try #require(made.json?["id"]?.string)
            let fields = made.json?["credentials"]?.object?.members.map(\.key)
            #expect(fields == ["access_token", "app_secret", "phone_number_id", "verify_token"])
            #expect(try await client.get("/emulator/bots").json?["bots"]?.array?.count == 2)

            let said = try await client.send(
                "POST",
                "/emulator/messages",
                [
                    "channel": "whatsapp", "bot": JSON(id), "user": ["id": "+4915112345678", "name": "Ann"],
                    "text": "hi",
                ]
            )
            #expect(said.status == 201)
            #expect(said.json?["conversation"] == "4915112345678")
            let sequence = try #require(said.json?["seq"]?.int)
            let transcript = try await client.get("/emulator/transcript?after=\(sequence - 1)")
            let entry = try #require(transcript.json?["entries"]?[0])
            #expect(entry["direction"] == "in")
            #expect(entry["text"] == "hi")
            #expect(entry["message_id"] == said.json?["message_id"])
            #expect(transcript.json?["last"]?.int == sequence)
            _ = try await bed.gateway.next()
            _ = await bed.exchanges { $0.kind == .webhook }
            let log = try await client.get("/emulator/requests?after=0&wait_ms=5000")
            #expect(log.json?["entries"]?[0]?["kind"] == "webhook")
            #expect(log.json?["entries"]?[0]?["event_id"] == said.json?["message_id"])
        }
    }

    @Test func `a long poll ends with the first entry`() async throws {
        try await TestBed.run("telegram", connected: false) { bed in
            async let page = bed.client.get("/emulator/transcript?after=0&wait_ms=20000")
            try await bed.say("hi")
            #expect(try await page.json?["entries"]?.array?.count == 1)
        }
    }

    @Test func `faults are merged, for all and for one channel`() async throws {
        try await TestBed.run("slack", connected: false) { bed in
            let set = try await bed.client.send(
                "PUT",
                "/emulator/faults",
                ["duplicate": 0.25, "delay_ms": 20, "channels": ["discord": ["rate_limits": false]]]
            )
            #expect(set.json?["duplicate"] == 0.25)
            #expect(set.json?["channels"]?["discord"]?["rate_limits"] == false)
            #expect(set.json?["channels"]?["discord"]?["duplicate"] == 0.25)
            #expect(bed.world.faults(of: "slack").duplicate == 0.25)
            #expect(bed.world.faults(of: "slack").rateLimits)
            #expect(!bed.world.faults(of: "discord").rateLimits)
            let got = try await bed.client.get("/emulator/faults")
            #expect(got.json == set.json)
        }
    }

    @Test(
        arguments: [
            ("PUT", "/emulator/faults", ["duplicate": 2]), ("PUT", "/emulator/faults", ["nothing": 1]),
            ("PUT", "/emulator/faults", ["channels": ["icq": [:]]]), ("POST", "/emulator/bots", ["channel": "icq"]),
            ("POST", "/emulator/bots", ["channel": "slack", "credentials": ["app_secret": "x"]]),
            ("POST", "/emulator/messages", ["channel": "slack", "user": "ann"]),
            ("POST", "/emulator/messages", ["channel": "discord", "user": "ann", "text": "hi"]),
        ] as [(String, String, JSON)]
    )
    func `what cannot be is refused with a reason`(method: String, path: String, body: JSON) async throws {
        try await TestBed.run("slack", connected: false) { bed in
            let answer = try await bed.client.send(method, path, body)
            #expect(answer.status == 400)
            #expect(answer.json?["error"]?.string?.isEmpty == false)
        }
    }

    @Test func `a reset forgets entries and never repeats a number`() async throws {
        try await TestBed.run("slack", connected: false) { bed in
            let before = try await bed.say("one")
            #expect(try await bed.client.send("DELETE", "/emulator", nil).status == 200)
            #expect(bed.world.transcript().isEmpty)
            let after = try await bed.say("two")
            #expect(after.sequence > before.sequence)
            #expect(bed.world.bots.count == 1)
        }
    }
}
