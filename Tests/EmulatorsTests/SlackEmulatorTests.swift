import Emulators
import ParleyCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct SlackEmulatorTests {
    private func call(
        _ bed: TestBed,
        _ method: String,
        _ body: JSON,
        token: String? = nil
    ) async throws -> LocalClient.Answer {
        try await bed.client.send(
            "POST",
            "/slack/api/\(method)",
            headers: [
                ("content-type", "application/json; charset=utf-8"),
                ("authorization", "Bearer \(token ?? bed.credential("bot_token"))"),
            ],
            body
        )
    }

    @Test func `a direct message arrives signed, is answered, and the answer echoes`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("1 < 2 & <@U1>")
            let webhook = try await bed.gateway.next()
            let event = try #require(webhook.json["event"])
            #expect(event["text"] == "1 &lt; 2 &amp; &lt;@U1&gt;")
            #expect(event["channel_type"] == "im")
            #expect(event["ts"]?.string == post.messageID)
            #expect(webhook.json["event_id"]?.string == post.eventIDs.first)
            let timestamp = try #require(webhook.headers["x-slack-request-timestamp"])
            #expect(
                webhook.headers["x-slack-signature"]
                    == WebhookSignature.slack(
                        secret: bed.credential("signing_secret"),
                        timestamp: timestamp,
                        body: webhook.body
                    )
            )

            let answer = try await call(
                bed,
                "chat.postMessage",
                [
                    "channel": JSON(post.conversation), "text": "<https://a.test|here> &amp; *there*",
                    "metadata": ["event_type": "parley", "event_payload": ["delivery_id": "d-1"]],
                ]
            )
            #expect(answer.json?["ok"] == true)
            let ts = try #require(answer.json?["ts"]?.string)
            let entry = try #require(bed.outgoing.first)
            #expect(entry.text == "here & *there*")
            #expect(entry.messageID == ts)
            #expect(entry.deliveryID == "d-1")

            let echo = try await bed.gateway.next().json["event"]
            #expect(echo?["ts"]?.string == ts)
            #expect(echo?["bot_id"]?.string?.isEmpty == false)
        }
    }

    @Test func `a mention in a channel comes as two events of one message`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("help", in: "C0TEAM", mention: true)
            #expect(Set(post.eventIDs).count == 2)
            let events = [try await bed.gateway.next().json, try await bed.gateway.next().json]
            #expect(Set(events.compactMap { $0["event"]?["type"]?.string }) == ["app_mention", "message"])
            #expect(Set(events.compactMap { $0["event"]?["ts"]?.string }) == [post.messageID])
            #expect(Set(events.compactMap { $0["event_id"]?.string }).count == 2)
        }
    }

    @Test func `a lost answer is found again by its metadata`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("hi")
            _ = try await call(
                bed,
                "chat.postMessage",
                [
                    "channel": JSON(post.conversation), "text": "one", "thread_ts": JSON(post.messageID),
                    "metadata": ["event_type": "parley", "event_payload": ["delivery_id": "d-2"]],
                ]
            )
            let query = "channel=\(post.conversation)&ts=\(post.messageID)&include_all_metadata=true"
            let headers = [("authorization", "Bearer \(bed.credential("bot_token"))")]
            let answer = try await bed.client.get("/slack/api/conversations.replies?\(query)", headers: headers)
            let messages = try #require(answer.json?["messages"]?.array)
            #expect(messages.count == 2)
            #expect(messages.last?["metadata"]?["event_payload"]?["delivery_id"] == "d-2")
            let history = try await bed.client.get(
                "/slack/api/conversations.history?channel=\(post.conversation)&limit=1",
                headers: headers
            )
            #expect(history.json?["messages"]?.array?.count == 1)
        }
    }

    @Test func `an edit keeps the message and is told as changed`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("hi")
            let sent = try await call(bed, "chat.postMessage", ["channel": JSON(post.conversation), "text": "one"])
            let ts = try #require(sent.json?["ts"])
            let edit: JSON = ["channel": JSON(post.conversation), "ts": ts, "text": "two"]
            #expect(try await call(bed, "chat.update", edit).json?["ok"] == true)
            #expect(bed.outgoing.map(\.text) == ["one", "two"])
            #expect(bed.outgoing.map(\.isEdit) == [false, true])
            #expect(Set(bed.outgoing.map(\.messageID)).count == 1)
        }
    }

    @Test func `a status shows as typing`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("hi")
            let status: JSON = [
                "channel_id": JSON(post.conversation), "thread_ts": JSON(post.messageID), "status": "is typing…",
            ]
            #expect(try await call(bed, "assistant.threads.setStatus", status).json?["ok"] == true)
            #expect(bed.world.transcript().last?.direction == .typing)
        }
    }

    @Test(
        arguments: [
            (["channel": "DM"], "no_text"),
            (["channel": "DM", "text": "  "], "no_text"),
            (["channel": "CUNKNOWN", "text": "x"], "channel_not_found"),
            (["channel": "C0NOTMEMBER", "text": "x"], "not_in_channel"),
            (["text": "x"], "invalid_arguments"),
            (["channel": "DM", "text": 5], "invalid_arguments"),
            (["channel": "DM", "text": "x", "thread_ts": "1.000001"], "thread_not_found"),
            (["channel": "DM", "text": "x", "markdown_text": "y"], "markdown_text_conflict"),
            (["channel": "DM", "text": "x", "blocks": "[]"], "invalid_blocks_format"),
            (["channel": "DM", "text": "x", "blocks": [["type": "section", "text": ["text": ""]]]], "invalid_blocks"),
            (["channel": "DM", "text": "x", "metadata": ["event_type": ""]], "invalid_metadata_format"),
        ] as [(JSON, String)]
    )
    func `a wrong message is refused in Slack's words`(body: JSON, error: String) async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("hi")
            var body = body
            if body["channel"] == "DM" { body["channel"] = JSON(post.conversation) }
            let answer = try await call(bed, "chat.postMessage", body)
            #expect(answer.status == 200)
            #expect(answer.json?["ok"] == false)
            #expect(answer.json?["error"]?.string == error)
            #expect(bed.outgoing.isEmpty)
        }
    }

    @Test func `texts too long are cut when posted and refused when edited`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("hi")
            let long = JSON(String(repeating: "a", count: 40_001))
            let sent = try await call(bed, "chat.postMessage", ["channel": JSON(post.conversation), "text": long])
            #expect(sent.json?["warning"] == "message_truncated")
            #expect(bed.outgoing.first?.text.count == 40_000)
            let ts = try #require(sent.json?["ts"])
            let edit: JSON = [
                "channel": JSON(post.conversation), "ts": ts, "text": JSON(String(repeating: "a", count: 4001)),
            ]
            #expect(try await call(bed, "chat.update", edit).json?["error"] == "msg_too_long")
        }
    }

    @Test func `without the right token or content type nothing happens`() async throws {
        try await TestBed.run("slack") { bed in
            #expect(try await call(bed, "auth.test", [:], token: "xoxb-no").json?["error"] == "invalid_auth")
            let bare = try await bed.client.send("POST", "/slack/api/auth.test", [:])
            #expect(bare.json?["error"] == "not_authed")
            let plain = try await bed.client.send(
                "POST",
                "/slack/api/chat.postMessage",
                headers: [
                    ("content-type", "text/plain"), ("authorization", "Bearer \(bed.credential("bot_token"))"),
                ],
                [:]
            )
            #expect(plain.json?["error"] == "invalid_post_type")
            #expect(try await call(bed, "chat.nothing", [:]).json?["error"] == "unknown_method")
            #expect(try await call(bed, "auth.test", [:]).json?["ok"] == true)
        }
    }

    @Test func `the sixth message at once is told to wait, and one sent sooner is noted`() async throws {
        try await TestBed.run("slack") { bed in
            let post = try await bed.say("hi")
            bed.clock.stop()
            let body: JSON = ["channel": JSON(post.conversation), "text": "x"]
            var statuses: [Int] = []
            for _ in 0..<6 { statuses.append(try await call(bed, "chat.postMessage", body).status) }
            #expect(statuses == [200, 200, 200, 200, 200, 429])
            bed.clock.advance(by: .milliseconds(300))
            let early = try await call(bed, "chat.postMessage", body)
            #expect(early.status == 429)
            #expect(early.headers["retry-after"] == "1")
            let refused = bed.world.exchanges().filter { $0.kind == .api && $0.status == 429 }
            #expect(refused.map(\.isEarlySend) == [false, true])
            bed.clock.advance(by: .seconds(2))
            #expect(try await call(bed, "chat.postMessage", body).status == 200)
        }
    }

    @Test func `a webhook that fails comes three more times and says why`() async throws {
        let failures = (0..<4).map { _ in FakeGateway.Answer(status: 503) }
        try await TestBed.run("slack", answers: failures) { bed in
            try await bed.say("hi")
            var numbers: [String] = []
            var bodies: Set<[UInt8]> = []
            for _ in 0..<4 {
                let webhook = try await bed.gateway.next()
                numbers.append(webhook.headers["x-slack-retry-num"] ?? "none")
                bodies.insert(webhook.body)
                if numbers.last != "none" { #expect(webhook.headers["x-slack-retry-reason"] == "http_error") }
            }
            #expect(numbers == ["none", "1", "2", "3"])
            #expect(bodies.count == 1)
            let log = await bed.exchanges { $0.attempt == 4 }
            #expect(log.filter { $0.kind == .webhook }.map(\.outcome) == ["refused", "refused", "refused", "refused"])
        }
    }

    @Test func `the challenge must come back`() async throws {
        try await TestBed.run("slack", answers: [.init(body: "wrong")]) { bed in
            let url = try #require(bed.world.bots.first?.webhookURL)
            try bed.world.setWebhook(bot: bed.bot.id, url: url)
            let webhook = try await bed.gateway.next()
            #expect(webhook.json["type"] == "url_verification")
            let log = await bed.exchanges { $0.method == "url_verification" }
            #expect(log.first?.outcome == "refused")
        }
    }
}
