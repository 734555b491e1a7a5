import ChannelKit
import ChannelSlack
import ParleyCore
import ParleyTesting
import Testing

@Suite struct SlackConnectingTests {
    private let channel = SlackChannel()
    private let bot: JSON = [
        "ok": true, "url": "https://acme.slack.com/", "team": "Acme", "user": "parley", "team_id": "T1",
        "user_id": "UBOT", "bot_id": "BBOT",
    ]

    @Test func `auth.test tells who the bot is`() async throws {
        let transport = RecordingTransport(json: bot)
        let identity = try await channel.connect(credentials(), webhookURL: "https://p.example/w", over: transport)
        #expect(identity.name == "@parley")
        #expect(identity.settings["bot_user_id"] == "UBOT")
        #expect(identity.settings["bot_id"] == "BBOT")
        #expect(identity.settings["team_id"] == "T1")
        #expect(identity.remaining.contains { $0.contains("https://p.example/w") })
        #expect(try #require(transport.calls.first).url == "https://slack.com/api/auth.test")
    }

    @Test func `scopes that are missing are named`() async throws {
        let answer = HTTPAnswer(status: 200, headers: [("X-OAuth-Scopes", "chat:write,commands")], body: bot.encoded())
        let transport = RecordingTransport([.success(answer)])
        let identity = try await channel.connect(credentials(), webhookURL: nil, over: transport)
        #expect(identity.remaining.first?.contains("app_mentions:read, im:history, channels:history") == true)
        #expect(identity.remaining.contains { $0.contains("PARLEY_PUBLIC_URL") })
    }

    @Test(arguments: [
        ("", "s", "bot_token"), ("xapp-1", "s", "bot_token"), ("xoxp-1", "s", "bot_token"),
        ("xoxb-1", "", "signing_secret"), ("xoxb-1", "xoxb-1", "signing_secret"),
    ])
    func `a field that cannot be right is named before anything is sent`(
        _ token: String,
        _ secret: String,
        _ field: String
    ) async {
        let transport = RecordingTransport(json: bot)
        let problem = await problem(credentials(token, secret), over: transport)
        #expect(problem?.description.hasPrefix("\(field):") == true)
        #expect(transport.calls.isEmpty)
    }

    @Test func `refused, unreachable and a person's token are told apart`() async {
        let refused = await problem(
            credentials(),
            over: RecordingTransport(json: ["ok": false, "error": "invalid_auth"])
        )
        #expect(refused?.description == "the platform refused these credentials: invalid_auth")
        let unreachable = await problem(credentials(), over: RecordingTransport([]))
        #expect(unreachable?.description.hasPrefix("the platform did not answer") == true)
        let person = await problem(credentials(), over: RecordingTransport(json: ["ok": true, "user_id": "U1"]))
        #expect(person?.description.hasPrefix("bot_token:") == true)
    }

    @Test func `typing shows in threads alone`() async throws {
        let transport = RecordingTransport(json: ["ok": true])
        await channel.showTyping(at: ["channel": "C1"], as: .slack(), over: transport)
        #expect(transport.calls.isEmpty)
        await channel.showTyping(at: ["channel": "C1", "thread_ts": "1.000000"], as: .slack(), over: transport)
        #expect(try #require(transport.calls.first).url == "https://slack.com/api/assistant.threads.setStatus")
    }

    private func problem(
        _ credentials: ChannelCredentials,
        over transport: RecordingTransport
    ) async -> ConnectionProblem? {
        do throws(ConnectionProblem) {
            _ = try await channel.connect(credentials, webhookURL: nil, over: transport)
            return nil
        } catch { return error }
    }

    private func credentials(_ token: String = "xoxb-sample", _ secret: String = "s") -> ChannelCredentials {
        ChannelCredentials(["bot_token": Secret(token), "signing_secret": Secret(secret)])
    }
}
