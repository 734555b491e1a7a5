import ChannelKit
import ChannelTelegram
import ParleyCore
import ParleyTesting
import Testing

@Suite struct TelegramConnectingTests {
    private let me = Fixture.answer(
        200,
        #"{"ok":true,"result":{"id":777,"is_bot":true,"first_name":"Acme","username":"acme_bot","can_read_all_group_messages":true}}"#
    )
    private let done = Fixture.answer(200, #"{"ok":true,"result":true,"description":"Webhook was set"}"#)

    @Test func `connecting finds out who the bot is and sets the webhook with a new secret`() async throws {
        let transport = RecordingTransport([.success(me), .success(done)])
        let identity = try await Fixture.channel.connect(
            credentials(),
            webhookURL: "https://parley.example/webhooks/telegram/1",
            over: transport
        )
        #expect(identity.name == "@acme_bot")
        #expect(identity.settings["bot_id"] == 777)
        #expect(identity.settings["bot_username"] == "acme_bot")
        #expect(identity.settings["can_read_all_group_messages"] == true)
        #expect(identity.remaining.isEmpty)
        let secret = try #require(identity.generated["webhook_secret"]).reveal { $0 }
        #expect(Hex.decode(secret)?.count == 32)

        #expect(transport.calls.map(\.url).map { $0.split(separator: "/").last } == ["getMe", "setWebhook"])
        let body = try #require(transport.calls.last?.json)
        #expect(body["url"] == "https://parley.example/webhooks/telegram/1")
        #expect(body["secret_token"]?.string == secret)
        #expect(body["allowed_updates"] == ["message", "callback_query"])
        #expect(body["max_connections"] == 100)
    }

    @Test func `two bots never get the same secret`() async throws {
        var secrets: Set<String> = []
        for _ in 0..<2 {
            let transport = RecordingTransport([.success(me)])
            let identity = try await Fixture.channel.connect(credentials(), webhookURL: nil, over: transport)
            secrets.insert(try #require(identity.generated["webhook_secret"]).reveal { $0 })
        }
        #expect(secrets.count == 2)
    }

    @Test func `a secret that was given is kept`() async throws {
        let transport = RecordingTransport([.success(me), .success(done)])
        let identity = try await Fixture.channel.connect(
            credentials(["webhook_secret": "my_own-secret"]),
            webhookURL: "https://parley.example/w",
            over: transport
        )
        #expect(identity.generated.fieldNames.isEmpty)
        #expect(transport.calls.last?.json?["secret_token"] == "my_own-secret")
    }

    @Test func `without a public URL the operator is told`() async throws {
        let transport = RecordingTransport([.success(me)])
        let identity = try await Fixture.channel.connect(credentials(), webhookURL: nil, over: transport)
        #expect(transport.calls.count == 1)
        #expect(identity.remaining.contains { $0.contains("PARLEY_PUBLIC_URL") })
    }

    @Test func `privacy mode is told with its fix`() async throws {
        let json = #"{"ok":true,"result":{"id":777,"username":"acme_bot","can_read_all_group_messages":false}}"#
        let transport = RecordingTransport([.success(Fixture.answer(200, json))])
        let identity = try await Fixture.channel.connect(credentials(), webhookURL: nil, over: transport)
        #expect(identity.remaining.contains { $0.contains("/setprivacy") })
    }

    @Test(arguments: ["", "no-colon", "abc:def", "777:a/../b", "777:a b", ":x", "777:", "777:a:b", "7é:x"])
    func `what is no token is not even tried`(token: String) async {
        let transport = RecordingTransport([.success(me)])
        let problem = await problem(credentials(["bot_token": token]), over: transport)
        #expect(problem?.hasPrefix("bot_token:") == true)
        #expect(transport.calls.isEmpty)
    }

    @Test(arguments: ["with space", "ümlaut", String(repeating: "x", count: 257)])
    func `a webhook secret that Telegram would refuse is named`(secret: String) async {
        let problem = await problem(credentials(["webhook_secret": secret]), over: RecordingTransport([]))
        #expect(problem?.hasPrefix("webhook_secret:") == true)
    }

    @Test(arguments: [
        (401, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#, "bot_token"),
        (404, #"{"ok":false,"error_code":404,"description":"Not Found"}"#, "bot_token"),
        (429, #"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 1"}"#, "try again"),
        (502, "<html>", "HTTP 502"),
        (200, #"{"ok":true,"result":{}}"#, "getMe"),
    ])
    func `a refusal says what to do`(status: Int, body: String, expected: String) async throws {
        let transport = RecordingTransport([.success(Fixture.answer(status, body))])
        let problem = try #require(await problem(credentials(), over: transport))
        #expect(problem.contains(expected))
    }

    @Test(arguments: [TransportError.notConnected, .noAnswer, .invalidURL])
    func `no problem ever tells the token`(error: TransportError) async throws {
        let problem = try #require(await problem(credentials(), over: RecordingTransport([.failure(error)])))
        #expect(!problem.contains("SECRET"))
        #expect(problem.contains("did not answer"))
    }

    @Test func `a webhook address that Telegram refuses is told in its words`() async throws {
        let refusal =
            #"{"ok":false,"error_code":400,"description":"Bad Request: bad webhook: HTTPS URL must be provided for webhook"}"#
        let transport = RecordingTransport([.success(me), .success(Fixture.answer(400, refusal))])
        let problem = try #require(await problem(credentials(), webhookURL: "http://x", over: transport))
        #expect(problem.contains("HTTPS URL must be provided"))
    }

    private func credentials(_ others: [String: String] = [:]) -> ChannelCredentials {
        ChannelCredentials(["bot_token": Secret(Fixture.token)])
            .merging(ChannelCredentials(others.mapValues { Secret($0) }))
    }

    private func problem(
        _ credentials: ChannelCredentials,
        webhookURL: String? = nil,
        over transport: RecordingTransport
    ) async -> String? {
        do throws(ConnectionProblem) {
            _ = try await Fixture.channel.connect(credentials, webhookURL: webhookURL, over: transport)
            return nil
        } catch { return error.description }
    }
}
