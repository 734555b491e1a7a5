import Emulators
import ParleyCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct WhatsAppEmulatorTests {
    private func call(
        _ bed: TestBed,
        _ body: JSON,
        token: String? = nil,
        number: String? = nil
    ) async throws -> LocalClient.Answer {
        try await bed.client.send(
            "POST",
            "/whatsapp/v26.0/\(number ?? bed.credential("phone_number_id"))/messages",
            headers: [
                ("content-type", "application/json"),
                ("authorization", "Bearer \(token ?? bed.credential("access_token"))"),
            ],
            body
        )
    }

    private func text(_ text: String, to: String, callbackData: String? = nil) -> JSON {
        .object(present: [
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": JSON(to), "type": "text",
            "text": ["body": JSON(text)], "biz_opaque_callback_data": callbackData.map { JSON($0) },
        ])
    }

    @Test func `a message arrives signed over escaped bytes, and the answer's statuses follow`() async throws {
        try await TestBed.run("whatsapp") { bed in
            let post = try await bed.say("héllo 😀")
            let webhook = try await bed.gateway.next()
            #expect(webhook.body.allSatisfy { $0 < 0x80 })
            #expect(
                webhook.headers["x-hub-signature-256"]
                    == WebhookSignature.whatsApp(secret: bed.credential("app_secret"), body: webhook.body)
            )
            let value = try #require(webhook.json["entry"]?[0]?["changes"]?[0]?["value"])
            #expect(value["metadata"]?["phone_number_id"]?.string == bed.credential("phone_number_id"))
            #expect(value["messages"]?[0]?["text"]?["body"] == "héllo 😀")
            #expect(value["messages"]?[0]?["id"]?.string == post.messageID)
            #expect(value["messages"]?[0]?["timestamp"]?.string != nil)

            let answer = try await call(bed, text("*hi*", to: "+" + post.conversation, callbackData: "d-1"))
            let id = try #require(answer.json?["messages"]?[0]?["id"]?.string)
            #expect(bed.outgoing.map(\.deliveryID) == ["d-1"])
            var statuses: Set<String> = []
            for _ in 0..<3 {
                let received = try await bed.gateway.next().json
                let status = try #require(received["entry"]?[0]?["changes"]?[0]?["value"]?["statuses"]?[0])
                #expect(status["id"]?.string == id)
                #expect(status["biz_opaque_callback_data"] == "d-1")
                statuses.insert(status["status"]?.string ?? "")
            }
            #expect(statuses == ["sent", "delivered", "read"])
        }
    }

    @Test func `reading shows as typing`() async throws {
        try await TestBed.run("whatsapp") { bed in
            let post = try await bed.say("hi")
            let body: JSON = [
                "messaging_product": "whatsapp", "status": "read", "message_id": JSON(post.messageID),
                "typing_indicator": ["type": "text"],
            ]
            #expect(try await call(bed, body).json?["success"] == true)
            #expect(bed.world.transcript().last?.direction == .typing)
        }
    }

    @Test func `a number without the plus sign reaches someone else`() async throws {
        try await TestBed.run("whatsapp") { bed in
            let post = try await bed.say("hi")
            #expect(try await call(bed, text("x", to: post.conversation)).status == 200)
            let entry = try #require(bed.outgoing.first)
            #expect(entry.flag == "wrong_recipient")
            #expect(entry.conversation == "1" + post.conversation)
        }
    }

    @Test func `after a day the window is closed, also for one who never wrote`() async throws {
        try await TestBed.run("whatsapp") { bed in
            let post = try await bed.say("hi")
            bed.clock.advance(by: .seconds(86_401))
            let late = try await call(bed, text("x", to: "+" + post.conversation))
            #expect(late.status == 400)
            #expect(late.json?["error"]?["code"] == 131_047)
            #expect(late.json?["error"]?["fbtrace_id"]?.string != nil)
            let stranger = try await call(bed, text("x", to: "+4915199999999"))
            #expect(stranger.json?["error"]?["code"] == 131_026)
        }
    }

    @Test(
        arguments: [
            (["to": "DM", "text": ["body": "x"]], 100),
            (["messaging_product": "whatsapp", "text": ["body": "x"]], 100),
            (["messaging_product": "whatsapp", "to": "DM", "text": ["body": ""]], 100),
            (["messaging_product": "whatsapp", "to": "DM", "text": ["body": 5]], 100),
            (
                [
                    "messaging_product": "whatsapp", "to": "DM",
                    "text": ["body": JSON(String(repeating: "a", count: 4097))],
                ],
                100
            ),
            (["messaging_product": "whatsapp", "to": "DM", "type": "hologram"], 131_051),
            (["messaging_product": "whatsapp", "to": "+12", "text": ["body": "x"]], 131_009),
            (["messaging_product": "whatsapp", "status": "read", "message_id": "wamid.no"], 131_009),
        ] as [(JSON, Int64)]
    )
    func `a wrong message is refused with its code`(body: JSON, code: Int64) async throws {
        try await TestBed.run("whatsapp") { bed in
            let post = try await bed.say("hi")
            var body = body
            if body["to"] == "DM" { body["to"] = JSON("+" + post.conversation) }
            let answer = try await call(bed, body)
            #expect(answer.status == 400)
            #expect(answer.json?["error"]?["code"]?.int == code)
            #expect(bed.outgoing.isEmpty)
        }
    }

    @Test func `token and number must belong together`() async throws {
        try await TestBed.run("whatsapp") { bed in
            let wrong = try await call(bed, [:], token: "EAAno")
            #expect(wrong.status == 401)
            #expect(wrong.json?["error"]?["code"] == 190)
            #expect(try await call(bed, [:], number: "1").json?["error"]?["code"] == 100)
            let info = try await bed.client.get(
                "/whatsapp/v26.0/\(bed.credential("phone_number_id"))?fields=verified_name",
                headers: [("authorization", "Bearer \(bed.credential("access_token"))")]
            )
            #expect(info.json?["verified_name"] == "Acme")
        }
    }

    @Test func `one person gets a burst, then the pair limit`() async throws {
        try await TestBed.run("whatsapp", connected: false) { bed in
            let post = try await bed.say("hi")
            var codes: [Int64] = []
            for _ in 0..<46 {
                let answer = try await call(bed, text("x", to: "+" + post.conversation))
                codes.append(answer.json?["error"]?["code"]?.int ?? 0)
            }
            #expect(codes.dropLast().allSatisfy { $0 == 0 })
            #expect(codes.last == 131_056)
        }
    }

    @Test func `a webhook is repeated until it is taken`() async throws {
        let failures = (0..<3).map { _ in FakeGateway.Answer(status: 503) }
        try await TestBed.run("whatsapp", answers: failures) { bed in
            try await bed.say("hi")
            var bodies: Set<[UInt8]> = []
            for _ in 0..<4 { bodies.insert(try await bed.gateway.next().body) }
            #expect(bodies.count == 1)
            let log = await bed.exchanges { $0.outcome == "ok" }
            #expect(log.map(\.attempt) == [1, 2, 3, 4])
        }
    }

    @Test func `the verification wants the challenge back`() async throws {
        try await TestBed.run("whatsapp") { bed in
            let url = try #require(bed.world.bots.first?.webhookURL)
            try bed.world.setWebhook(bot: bed.bot.id, url: url)
            let received = try await bed.gateway.next()
            #expect(received.query.contains("hub.mode=subscribe"))
            #expect(received.query.contains(bed.credential("verify_token")))
            let log = await bed.exchanges { $0.method == "verification" }
            #expect(log.first?.outcome == "refused")
        }
    }
}
