import Crypto
import Emulators
import ParleyCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct DiscordEmulatorTests {
    private static let deferred = [FakeGateway.Answer(body: ["type": 5])]

    private func call(
        _ bed: TestBed,
        _ method: String,
        _ path: String,
        _ body: JSON?,
        without: String? = nil
    ) async throws -> LocalClient.Answer {
        let headers = [
            ("content-type", "application/json"), ("user-agent", "DiscordBot (https://parley.test, 1.0)"),
            ("authorization", "Bot \(bed.credential("bot_token"))"),
        ].filter { $0.0 != without }
        return try await bed.client.send(method, "/discord/api/v10/\(path)", headers: headers, body)
    }

    /// The webhook path of the interaction that arrives next, once the gateway's answer to it was read.
    private func interaction(_ bed: TestBed) async throws -> (path: String, webhook: FakeGateway.Received) {
        let webhook = try await bed.gateway.next()
        _ = await bed.exchanges { $0.method == "interaction" }
        let token = try #require(webhook.json["token"]?.string)
        return ("webhooks/\(bed.credential("application_id"))/\(token)", webhook)
    }

    @Test func `a command is signed, deferred, and its placeholder becomes the answer`() async throws {
        try await TestBed.run("discord", answers: DiscordEmulatorTests.deferred) { bed in
            let post = try await bed.say("opening hours?")
            let (path, webhook) = try await interaction(bed)
            let option = webhook.json["data"]?["options"]?[0]
            #expect(webhook.json["data"]?["name"] == "ask")
            #expect(option?["name"] == "message")
            #expect(option?["value"] == "opening hours?")
            #expect(webhook.json["user"]?["global_name"] == "Ann")
            let key = try Curve25519.Signing.PublicKey(
                rawRepresentation: try #require(Hex.decode(bed.credential("public_key")))
            )
            let signature = try #require(Hex.decode(webhook.headers["x-signature-ed25519"] ?? ""))
            let timestamp = try #require(webhook.headers["x-signature-timestamp"])
            #expect(key.isValidSignature(signature, for: Array(timestamp.utf8) + webhook.body))

            let placeholder = try #require(bed.world.transcript().last)
            #expect(placeholder.flag == "thinking")
            let answer = try await call(bed, "PATCH", "\(path)/messages/@original", ["content": "9 to 5"])
            #expect(answer.status == 200)
            let entry = try #require(bed.outgoing.first)
            #expect(entry.text == "9 to 5")
            #expect(entry.isEdit)
            #expect(entry.messageID == placeholder.messageID)
            #expect(entry.conversation == post.conversation)

            let more = try await call(bed, "POST", path, ["content": "and more"])
            #expect(more.status == 200)
            #expect(bed.outgoing.last?.isEdit == false)
            #expect(bed.outgoing.last?.messageID != placeholder.messageID)
        }
    }

    @Test func `an answer of the wrong kind voids the token`() async throws {
        try await TestBed.run("discord", answers: [.init(status: 500)]) { bed in
            try await bed.say("hi")
            let (path, _) = try await interaction(bed)
            #expect(bed.world.transcript().last?.flag == "not_answered_in_time")
            let late = try await call(bed, "PATCH", "\(path)/messages/@original", ["content": "x"])
            #expect(late.status == 404)
            #expect(late.json?["code"] == 10015)
            #expect(bed.outgoing.isEmpty)
        }
    }

    @Test func `after fifteen minutes the token is invalid`() async throws {
        try await TestBed.run("discord", answers: DiscordEmulatorTests.deferred) { bed in
            try await bed.say("hi")
            let (path, _) = try await interaction(bed)
            bed.clock.advance(by: .seconds(901))
            let late = try await call(bed, "PATCH", "\(path)/messages/@original", ["content": "x"])
            #expect(late.status == 401)
            #expect(late.json?["code"] == 50027)
        }
    }

    @Test func `the manners are wanted`() async throws {
        try await TestBed.run("discord") { bed in
            let path = "users/@me"
            #expect(try await call(bed, "GET", path, nil).status == 200)
            let noAgent = try await call(bed, "GET", path, nil, without: "user-agent")
            #expect(noAgent.status == 403)
            #expect(noAgent.json?["code"] == 40333)
            #expect(try await call(bed, "GET", path, nil, without: "authorization").status == 401)
            let post = try await bed.say("hi")
            let noType = try await call(
                bed,
                "POST",
                "channels/\(post.conversation)/messages",
                ["content": "x"],
                without: "content-type"
            )
            #expect(noType.json?["code"] == 50035)
        }
    }

    @Test(
        arguments: [
            (["content": JSON(String(repeating: "a", count: 2001))], 50035, "content", "BASE_TYPE_MAX_LENGTH"),
            (["content": 5], 50035, "content", "STRING_TYPE_CONVERT"),
            (
                ["content": "x", "nonce": JSON(String(repeating: "n", count: 26))], 50035, "nonce",
                "BASE_TYPE_MAX_LENGTH"
            ),
            (["content": " "], 50006, "", ""),
            ([:], 50006, "", ""),
        ] as [(JSON, Int64, String, String)]
    )
    func `a wrong message is refused with the field`(
        body: JSON,
        code: Int64,
        field: String,
        reason: String
    ) async throws {
        try await TestBed.run("discord") { bed in
            let post = try await bed.say("hi")
            let answer = try await call(bed, "POST", "channels/\(post.conversation)/messages", body)
            #expect(answer.status == 400)
            #expect(answer.json?["code"]?.int == code)
            if !field.isEmpty {
                #expect(answer.json?["errors"]?[field]?["_errors"]?[0]?["code"]?.string == reason)
            }
        }
    }

    @Test func `an unknown channel is not found`() async throws {
        try await TestBed.run("discord") { bed in
            let answer = try await call(bed, "POST", "channels/123456789012345678/messages", ["content": "x"])
            #expect(answer.status == 404)
            #expect(answer.json?["code"] == 10003)
        }
    }

    @Test func `the same nonce is sent once`() async throws {
        try await TestBed.run("discord") { bed in
            let post = try await bed.say("hi")
            let body: JSON = ["content": "once", "nonce": "n-1", "enforce_nonce": true]
            let path = "channels/\(post.conversation)/messages"
            let first = try await call(bed, "POST", path, body)
            let second = try await call(bed, "POST", path, body)
            #expect(first.json?["id"] != nil)
            #expect(first.json?["id"] == second.json?["id"])
            #expect(bed.outgoing.map(\.deliveryID) == ["n-1"])
        }
    }

    @Test func `the budget is told with every answer and enforced`() async throws {
        try await TestBed.run("discord") { bed in
            let post = try await bed.say("hi")
            bed.clock.stop()
            let path = "channels/\(post.conversation)/messages"
            var remaining: [String] = []
            for _ in 0..<5 {
                let answer = try await call(bed, "POST", path, ["content": "x"])
                remaining.append(answer.headers["x-ratelimit-remaining"] ?? "")
                #expect(answer.headers["x-ratelimit-limit"] == "5")
            }
            #expect(remaining == ["4", "3", "2", "1", "0"])
            let refused = try await call(bed, "POST", path, ["content": "x"])
            #expect(refused.status == 429)
            #expect(refused.json?["global"] == false)
            let wait = try #require(refused.json?["retry_after"]?.double)
            #expect(wait > 0 && wait <= 5)
            #expect(refused.headers["x-ratelimit-scope"] == "user")
            bed.clock.advance(by: .milliseconds(200))
            _ = try await call(bed, "POST", path, ["content": "x"])
            #expect(bed.world.exchanges().last { $0.kind == .api }?.isEarlySend == true)
            bed.clock.advance(by: .seconds(6))
            #expect(try await call(bed, "POST", path, ["content": "x"]).status == 200)
        }
    }

    @Test func `commands are checked and kept`() async throws {
        try await TestBed.run("discord") { bed in
            let path = "applications/\(bed.credential("application_id"))/commands"
            let option: JSON = ["name": "message", "type": 3, "description": "Your question", "required": true]
            let good: JSON = [["name": "ask", "type": 1, "description": "Ask", "options": [option]]]
            #expect(try await call(bed, "PUT", path, good).status == 200)
            #expect(try await call(bed, "GET", path, nil).json?[0]?["name"] == "ask")
            let bad = try await call(bed, "PUT", path, [["name": "Ask", "type": 1, "description": "Ask"]])
            #expect(bad.json?["code"] == 50035)
            let me = try await call(bed, "GET", "applications/@me", nil)
            #expect(me.json?["verify_key"]?.string == bed.credential("public_key"))
        }
    }

    @Test func `typing shows`() async throws {
        try await TestBed.run("discord") { bed in
            let post = try await bed.say("hi")
            #expect(try await call(bed, "POST", "channels/\(post.conversation)/typing", nil).status == 204)
            #expect(bed.world.transcript().contains { $0.text == "typing" && $0.direction == .typing })
        }
    }
}
