import Emulators
import ParleyCore
import Testing

@Suite struct PlaygroundTests {
    @Test(arguments: [
        ("", "text/html"), ("/app.js", "text/javascript"), ("/journey.js", "text/javascript"),
        ("/markup.js", "text/javascript"), ("/windows.js", "text/javascript"), ("/style.css", "text/css"),
        ("/windows.css", "text/css"), ("/icon.svg", "image/svg+xml"),
    ])
    func `every file of the page is served and kept on its origin`(path: String, type: String) async throws {
        let answer = try await withPlayground { _, client in try await client.get("/playground\(path)") }
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"]?.hasPrefix(type) == true)
        let policy = try #require(answer.headers["content-security-policy"])
        #expect(policy.contains("default-src 'none'"))
        #expect(policy.contains("script-src 'self';"))
        #expect(!policy.contains("unsafe"))
        #expect(answer.headers["x-content-type-options"] == "nosniff")
        #expect(!answer.bytes.isEmpty)
    }

    @Test func `the page has no inline script or style and fetches nothing from elsewhere`() async throws {
        let page = try await withPlayground { _, client in try await client.get("/playground") }.text
        #expect(!page.contains("<style"))
        #expect(!page.contains(" style="))
        #expect(!page.contains("onclick"))
        #expect(!page.contains("src=\"http"))
        #expect(!page.contains("href=\"http"))
        #expect(page.split(separator: "<script").count == 2, "one script, from a file")
        #expect(page.contains("<script type=\"module\" src=\"/playground/app.js\"></script>"))
    }

    @Test(arguments: ["/app.js", "/journey.js", "/markup.js", "/windows.js"])
    func `scripts never turn text into HTML`(path: String) async throws {
        let script = try await withPlayground { _, client in try await client.get("/playground\(path)") }.text
        for danger in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            #expect(!script.contains(danger), "\(danger)")
        }
    }

    @Test func `the state names the windows and keeps the credentials`() async throws {
        let answer = try await withPlayground { _, client in try await client.get("/playground/api/state") }
        #expect(answer.json?["model"] == "offline")
        #expect(answer.json?["base_url"] == "http://gateway.test")
        let channels = answer.json?["windows"]?.array?.compactMap { $0["channel"]?.string }
        #expect(channels == ["discord", "telegram", "slack", "whatsapp"])
        #expect(!answer.text.contains("token"))
        #expect(!answer.text.contains("secret"))
    }

    @Test(arguments: ["discord", "telegram", "slack", "whatsapp"])
    func `what is written in a window appears in the transcript`(channel: String) async throws {
        try await withPlayground { _, client in
            let post = try await client.send(
                "POST",
                "/playground/api/messages",
                ["channel": JSON(channel), "text": "Do you have iPhone 15 in stock?"]
            )
            #expect(post.status == 201)
            let answer = try await client.get("/playground/api/transcript?after=0&wait_ms=5000")
            let entry = try #require(answer.json?["entries"]?[0])
            #expect(entry["channel"]?.string == channel)
            #expect(entry["direction"] == "in")
            #expect(entry["text"]?.string?.contains("iPhone 15") == true)
            #expect(entry["message_id"] == post.json?["message_id"])
            let last = try #require(answer.json?["last"]?.int)
            let later = try await client.get("/playground/api/transcript?after=\(last)")
            #expect(later.json?["entries"] == [])
            #expect(later.json?["last"]?.int == last)
        }
    }

    @Test func `waiting for the transcript ends with the message that comes`() async throws {
        try await withPlayground { world, client in
            async let waiting = client.get("/playground/api/transcript?after=0&wait_ms=20000")
            try await world.say(
                EmulatedUserMessage(channel: "slack", user: EmulatedUser(id: "bea", name: "Bea"), text: "anybody there")
            )
            #expect(try await waiting.json?["entries"]?[0]?["text"]?.string?.contains("anybody there") == true)
        }
    }

    @Test(
        arguments: [
            ["channel": "slack"], ["text": "x"], ["channel": "pigeon", "text": "x"],
            ["channel": "slack", "text": " \n"], [],
        ] as [JSON]
    )
    func `a message without a channel or a text is refused with the reason`(body: JSON) async throws {
        let answer = try await withPlayground { _, client in
            try await client.send("POST", "/playground/api/messages", body)
        }
        #expect(answer.status == 400)
        #expect(answer.json?["error"]?.string?.isEmpty == false)
    }

    @Test func `a foreign page cannot write: the body must say that it is JSON`() async throws {
        let answer = try await withPlayground { _, client in
            try await client.send(
                "POST",
                "/playground/api/messages",
                headers: [("content-type", "text/plain")],
                ["channel": "slack", "text": "x"]
            )
        }
        #expect(answer.status == 415)
    }

    @Test func `the journey is asked for by channel and message`() async throws {
        try await withPlayground { _, client in
            let answer = try await client.get("/playground/api/journey?channel=slack&message_id=17.5")
            #expect(answer.json == [["step": "received", "value": "slack 17.5"]])
            #expect(try await client.get("/playground/api/journey?channel=slack").status == 400)
        }
    }

    @Test(arguments: ["off", "duplicates", "rate_limits", "dropped", "chaos"])
    func `the fault switch is remembered by the world`(preset: String) async throws {
        try await withPlayground { world, client in
            let set = try await client.send("PUT", "/playground/api/faults", ["preset": JSON(preset)])
            #expect(set.json?["preset"]?.string == preset)
            #expect(try await client.get("/playground/api/faults").json?["preset"]?.string == preset)
            #expect((world.faults() == EmulatorFaults()) == (preset == "off"))
            #expect(try await client.send("PUT", "/playground/api/faults", ["preset": "worse"]).status == 400)
        }
    }
}

extension PlaygroundTests {
    private func withPlayground<Result: Sendable>(
        _ body: (EmulatedWorld, LocalClient) async throws -> Result
    ) async throws -> Result {
        let world = quietWorld()
        for channel in ["discord", "telegram", "slack", "whatsapp"] {
            _ = try world.makeBot(channel: ChannelID(channel), name: "bob-\(channel)")
        }
        return try await withServer(
            world: world,
            mounting: { world, logger in
                let playground = Playground(world: world, baseURL: "http://gateway.test", model: "offline") {
                    channel,
                    id in
                    [["step": "received", "value": JSON("\(channel) \(id)")]]
                }
                return EmulatorService(
                    world: world,
                    port: 0,
                    logger: logger,
                    moreRoutes: { playground.addRoutes(to: $0) }
                )
            },
            { client in try await body(world, client) }
        )
    }
}
