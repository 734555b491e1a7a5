import ChannelDiscord
import ChannelKit
import ParleyCore
import ParleyTesting
import Testing

@Suite struct DiscordConnectingTests {
    private let key = String(repeating: "ab", count: 32)
    private let me = Fixture.answer(200, #"{"id":"78","username":"acme","bot":true}"#)
    private let noCommands = Fixture.answer(200, "[]")
    private let created = Fixture.answer(201, #"{"id":"8001","name":"ask"}"#)

    private func application(_ id: String = "77", key: String? = nil, endpoint: String? = nil) -> HTTPAnswer {
        let json: JSON = [
            "id": .string(id), "verify_key": .string(key ?? self.key),
            "interactions_endpoint_url": endpoint.map { .string($0) } ?? .null,
        ]
        return HTTPAnswer(status: 200, body: json.encoded())
    }

    @Test func `connecting compares what was given and registers ask`() async throws {
        let transport = RecordingTransport([
            .success(me), .success(application()), .success(noCommands), .success(created),
        ])
        let identity = try await Fixture.channel.connect(
            credentials(),
            webhookURL: "https://parley.example/webhooks/discord/1",
            over: transport
        )
        #expect(identity.name == "@acme")
        #expect(identity.settings == ["application_id": "77", "bot_id": "78", "bot_username": "acme"])
        #expect(identity.generated.fieldNames.isEmpty)
        #expect(identity.remaining.contains { $0.contains("https://parley.example/webhooks/discord/1") })
        #expect(identity.remaining.contains { $0.contains("client_id=77") })

        let base = "https://discord.test/api/v10"
        #expect(
            transport.calls.map(\.url) == [
                "\(base)/users/@me", "\(base)/applications/@me", "\(base)/applications/77/commands",
                "\(base)/applications/77/commands",
            ]
        )
        #expect(transport.calls.map(\.method) == [.get, .get, .get, .post])
        #expect(transport.calls.allSatisfy { $0.header("authorization") == "Bot \(Fixture.botToken)" })
        #expect(transport.calls.allSatisfy { $0.header("user-agent")?.hasPrefix("DiscordBot (") == true })
        #expect(transport.calls.last?.json == DiscordChannel.defaultCommand)
    }

    @Test func `an ask of the operator's own is left alone`() async throws {
        let existing = Fixture.answer(200, #"[{"id":"1","type":1,"name":"ask","description":"Frag"}]"#)
        let transport = RecordingTransport([.success(me), .success(application()), .success(existing)])
        _ = try await Fixture.channel.connect(credentials(), webhookURL: nil, over: transport)
        #expect(transport.calls.count == 3)
    }

    @Test func `an endpoint that is set already is not asked for again`() async throws {
        let url = "https://parley.example/webhooks/discord/1"
        let transport = RecordingTransport([
            .success(me), .success(application(endpoint: url)), .success(noCommands), .success(created),
        ])
        let identity = try await Fixture.channel.connect(credentials(), webhookURL: url, over: transport)
        #expect(!identity.remaining.contains { $0.contains(url) })
    }

    @Test func `a command that cannot be registered does not stand in the way`() async throws {
        let missing = Fixture.answer(403, #"{"message":"Missing Access","code":50001}"#)
        let transport = RecordingTransport([.success(me), .success(application()), .success(missing)])
        let identity = try await Fixture.channel.connect(credentials(), webhookURL: nil, over: transport)
        #expect(identity.remaining.contains { $0.contains("/ask") && $0.contains("Missing Access") })
        #expect(identity.remaining.contains { $0.contains("PARLEY_PUBLIC_URL") })
    }

    @Test func `a mix-up of two applications names the field`() async throws {
        let otherID = RecordingTransport([.success(me), .success(application("99"))])
        #expect(try #require(await problem(credentials(), over: otherID)).hasPrefix("application_id:"))
        let otherKey = RecordingTransport([
            .success(me), .success(application(key: String(repeating: "cd", count: 32))),
        ])
        #expect(try #require(await problem(credentials(), over: otherKey)).hasPrefix("public_key:"))
    }

    @Test(arguments: [
        ("application_id", ""), ("application_id", "acme"), ("application_id", "../77"), ("public_key", "zz"),
        ("public_key", "abcd"), ("bot_token", ""), ("bot_token", "two words"), ("bot_token", "new\r\nline: x"),
    ])
    func `a field that cannot be right is named before anything is tried`(field: String, value: String) async throws {
        let transport = RecordingTransport([.success(me)])
        let problem = try #require(await problem(credentials([field: value]), over: transport))
        #expect(problem.hasPrefix("\(field):"))
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: [
        (401, #"{"message":"401: Unauthorized","code":0}"#, "bot_token"),
        (429, #"{"message":"slow down","retry_after":1}"#, "try again"),
        (403, "<html>Cloudflare", "HTTP 403"),
        (200, "<html>", "not an answer"),
        (200, "{}", "who the bot is"),
    ])
    func `a refusal says what to do and tells no token`(status: Int, body: String, expected: String) async throws {
        let transport = RecordingTransport([
            .success(Fixture.answer(status, body)), .success(application()),
        ])
        let problem = try #require(await problem(credentials(), over: transport))
        #expect(problem.contains(expected))
        #expect(!problem.contains("SECRET"))
    }

    @Test func `the command to import is the one that is registered`() throws {
        let file = try JSON(parsing: Repository.bytes(of: "channels/Discord/commands.json"))
        #expect(file == [DiscordChannel.defaultCommand])
    }

    private func credentials(_ others: [String: String] = [:]) -> ChannelCredentials {
        ChannelCredentials([
            "application_id": Secret("77"), "public_key": Secret(key), "bot_token": Secret(Fixture.botToken),
        ]).merging(ChannelCredentials(others.mapValues { Secret($0) }))
    }

    private func problem(_ credentials: ChannelCredentials, over transport: RecordingTransport) async -> String? {
        do throws(ConnectionProblem) {
            _ = try await Fixture.channel.connect(credentials, webhookURL: nil, over: transport)
            return nil
        } catch { return error.description }
    }
}
