import Emulators
import ParleyCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct TelegramEmulatorTests {
    private func call(_ bed: TestBed, _ method: String, _ body: JSON) async throws -> LocalClient.Answer {
        try await bed.client.send("POST", "/telegram/bot\(bed.credential("bot_token"))/\(method)", body)
    }

    @Test func `a message arrives with the secret and is answered`() async throws {
        try await TestBed.run("telegram", connected: false) { bed in
            let url = JSON(bed.client.base + "/gateway")
            let set = try await call(bed, "setWebhook", ["url": url, "secret_token": "s-1"])
            #expect(set.json?["result"] == true)
            let post = try await bed.say("hello")
            let webhook = try await bed.gateway.next()
            #expect(webhook.headers["x-telegram-bot-api-secret-token"] == "s-1")
            let message = try #require(webhook.json["message"])
            #expect(message["text"] == "hello")
            #expect(message["chat"]?["type"] == "private")
            #expect(message["message_id"]?.int.map(String.init) == post.messageID)

            #expect(
                try await call(bed, "sendChatAction", ["chat_id": JSON(post.conversation), "action": "typing"]).json?[
                    "ok"
                ] == true
            )
            let answer = try await call(
                bed,
                "sendMessage",
                [
                    "chat_id": message["chat"]?["id"] ?? nil, "text": "<b>5</b> &lt; 6 &amp;", "parse_mode": "HTML",
                    "reply_parameters": ["message_id": message["message_id"] ?? nil],
                ]
            )
            #expect(answer.json?["result"]?["text"] == "5 < 6 &")
            let entry = try #require(bed.outgoing.first)
            #expect(entry.text == "5 < 6 &")
            #expect(entry.markup == "<b>5</b> &lt; 6 &amp;")
            #expect(entry.thread == post.messageID)
            let info = try await call(bed, "getWebhookInfo", [:])
            #expect(info.json?["result"]?["url"] == url)
        }
    }

    @Test func `updates wait until a webhook is set, and keep their order`() async throws {
        try await TestBed.run("telegram", connected: false) { bed in
            for text in ["1", "2", "3"] { try await bed.say(text) }
            let info = try await call(bed, "getWebhookInfo", [:])
            #expect(info.json?["result"]?["pending_update_count"] == 3)
            _ = try await call(bed, "setWebhook", ["url": JSON(bed.client.base + "/gateway")])
            var texts: [String] = []
            for _ in 0..<3 { texts.append(try await bed.gateway.next().json["message"]?["text"]?.string ?? "") }
            #expect(texts == ["1", "2", "3"])
        }
    }

    @Test func `a failing update holds its chat back and is repeated until 200`() async throws {
        let failures = (0..<3).map { _ in FakeGateway.Answer(status: 500) }
        try await TestBed.run("telegram", answers: failures) { bed in
            try await bed.say("1")
            try await bed.say("2")
            var texts: [String] = []
            for _ in 0..<5 { texts.append(try await bed.gateway.next().json["message"]?["text"]?.string ?? "") }
            #expect(texts == ["1", "1", "1", "1", "2"])
            let info = try await call(bed, "getWebhookInfo", [:])
            #expect(info.json?["result"]?["last_error_message"]?.string?.contains("500") == true)
        }
    }

    @Test func `the answer to a webhook may call a method`() async throws {
        let reply: JSON = ["method": "sendMessage", "chat_id": 4242, "text": "at once"]
        try await TestBed.run("telegram", answers: [.init(body: reply)]) { bed in
            try await bed.say("hi", user: "4242")
            _ = await bed.exchanges { $0.method == "sendMessage" }
            #expect(bed.outgoing.map(\.text) == ["at once"])
        }
    }

    @Test(arguments: [
        ("<b>open", "Can't find end tag corresponding to start tag \"b\""),
        ("<b><i>x</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<p>x</p>", "Unsupported start tag \"p\" at byte offset 0"),
        ("a<br>b", "Unsupported start tag \"br\" at byte offset 1"),
        ("1 < 2", "Unclosed start tag at byte offset 2"),
    ])
    func `wrong HTML is refused with the place`(html: String, reason: String) async throws {
        try await TestBed.run("telegram") { bed in
            let post = try await bed.say("hi")
            let answer = try await call(
                bed,
                "sendMessage",
                ["chat_id": JSON(post.conversation), "text": JSON(html), "parse_mode": "HTML"]
            )
            #expect(answer.status == 400)
            #expect(answer.json?["description"]?.string == "Bad Request: can't parse entities: \(reason)")
            #expect(bed.outgoing.isEmpty)
        }
    }

    @Test(
        arguments: [
            (["chat_id": 1, "text": "x"], "Bad Request: chat not found"),
            (["text": "x"], "Bad Request: chat_id is empty"),
            (["chat_id": "DM"], "Bad Request: message text is empty"),
            (["chat_id": "DM", "text": " "], "Bad Request: message text is empty"),
            (["chat_id": "DM", "text": "x", "parse_mode": "RTF"], "Bad Request: unsupported parse_mode"),
            (
                ["chat_id": "DM", "text": "x", "reply_parameters": ["message_id": 999]],
                "Bad Request: message to be replied not found"
            ),
            (
                ["chat_id": "DM", "text": "x", "entities": [["type": "bold", "offset": 0, "length": 9]]],
                "Bad Request: can't parse entities: ENTITY_BOUNDS_INVALID"
            ),
        ] as [(JSON, String)]
    )
    func `a wrong message is refused in Telegram's words`(body: JSON, description: String) async throws {
        try await TestBed.run("telegram") { bed in
            let post = try await bed.say("hi")
            var body = body
            if body["chat_id"] == "DM" { body["chat_id"] = JSON(post.conversation) }
            let answer = try await call(bed, "sendMessage", body)
            #expect(answer.status == 400)
            #expect(answer.json?["error_code"] == 400)
            #expect(answer.json?["description"]?.string == description)
        }
    }

    @Test func `the length is counted in UTF-16 units after the mark-up is taken out`() async throws {
        try await TestBed.run("telegram") { bed in
            let post = try await bed.say("hi")
            func send(_ text: String) async throws -> Int {
                let body: JSON = ["chat_id": JSON(post.conversation), "text": JSON(text), "parse_mode": "HTML"]
                return try await call(bed, "sendMessage", body).status
            }
            let most = String(repeating: "😀", count: 2048)
            #expect(try await send("<b>\(most)</b>") == 200)
            #expect(try await send("\(most)x") == 400)
        }
    }

    @Test func `a wrong token is unauthorized and a path without one is not found`() async throws {
        try await TestBed.run("telegram") { bed in
            let wrong = try await bed.client.send("POST", "/telegram/bot12345:AAno/getMe", [:])
            #expect(wrong.status == 401)
            #expect(try await bed.client.send("POST", "/telegram/botx/getMe", [:]).status == 404)
            let me = try await call(bed, "GETME", [:])
            #expect(me.json?["result"]?["is_bot"] == true)
        }
    }

    @Test func `an edit must change something`() async throws {
        try await TestBed.run("telegram") { bed in
            let post = try await bed.say("hi")
            let chat = JSON(post.conversation)
            let sent = try await call(bed, "sendMessage", ["chat_id": chat, "text": "one"])
            let id = try #require(sent.json?["result"]?["message_id"])
            let same = try await call(bed, "editMessageText", ["chat_id": chat, "message_id": id, "text": "one"])
            #expect(same.json?["description"]?.string?.contains("message is not modified") == true)
            let other = try await call(bed, "editMessageText", ["chat_id": chat, "message_id": id, "text": "two"])
            #expect(other.json?["ok"] == true)
            #expect(bed.outgoing.map(\.isEdit) == [false, true])
            let theirs = try await call(
                bed,
                "editMessageText",
                ["chat_id": chat, "message_id": JSON(post.messageID), "text": "x"]
            )
            #expect(theirs.json?["description"] == "Bad Request: message can't be edited")
        }
    }

    @Test func `too many messages are told how long to wait`() async throws {
        try await TestBed.run("telegram") { bed in
            let post = try await bed.say("hi")
            bed.clock.stop()
            let body: JSON = ["chat_id": JSON(post.conversation), "text": "x"]
            for _ in 0..<5 { #expect(try await call(bed, "sendMessage", body).status == 200) }
            let refused = try await call(bed, "sendMessage", body)
            #expect(refused.status == 429)
            #expect(refused.json?["parameters"]?["retry_after"] == 1)
            #expect(refused.headers["retry-after"] == "1")
            bed.clock.advance(by: .milliseconds(500))
            _ = try await call(bed, "sendMessage", body)
            #expect(bed.world.exchanges().last { $0.kind == .api }?.isEarlySend == true)
        }
    }
}
