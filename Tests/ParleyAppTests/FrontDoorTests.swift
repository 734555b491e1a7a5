import Emulators
import ParleyApp
import ParleyCore
import Storage
import Testing

/// What comes in from outside and must not pass.
@Suite(.timeLimit(.minutes(4)))
struct FrontDoorTests {
    @Test func `what is not a platform's webhook is refused with the right status and never stored`() async throws {
        try await DemoHouse.run { house in
            let slack = SlackSender(
                url: house.webhookURL("slack"),
                secret: house.credential("signing_secret", of: "slack")
            )
            let good = SlackSender.message("hello", ts: SlackSender.freshTS())

            let strange = house.baseURL + "/webhooks/slack/\(ID<ParleyCore.Integration>(at: SystemClock().now))"
            #expect(try await LocalHTTP.send("POST", strange, headers: slack.headers(good), good).status == 404)
            let nobody = house.baseURL + "/webhooks/slack/not-an-id"
            #expect(try await LocalHTTP.send("POST", nobody, headers: slack.headers(good), good).status == 404)
            let other = slack.url.replacing("/slack/", with: "/telegram/")
            #expect(try await LocalHTTP.send("POST", other, headers: slack.headers(good), good).status == 404)
            let carrier = slack.url.replacing("/slack/", with: "/pigeon/")
            #expect(try await LocalHTTP.send("POST", carrier, headers: slack.headers(good), good).status == 404)

            let forger = SlackSender(url: slack.url, secret: "0000")
            #expect(try await forger.post(good).status == 401)
            let tampered = SlackSender.message("hello, and more", ts: SlackSender.freshTS())
            #expect(try await LocalHTTP.send("POST", slack.url, headers: slack.headers(good), tampered).status == 401)
            #expect(
                try await LocalHTTP.send("POST", slack.url, headers: [("content-type", "application/json")], good)
                    .status == 401
            )
            #expect(try await slack.post(good, age: .seconds(301 + 60)).status == 401)
            #expect(try await slack.post(good, age: .seconds(-400)).status == 401)

            #expect(try await slack.post(Array("{\"type\": ".utf8)).status == 400)
            #expect(try await slack.post(Array("[]".utf8)).status == 400)
            let deep = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
            #expect(try await slack.post(Array("{\"type\":\"event_callback\",\"event\":\(deep)}".utf8)).status == 400)
            #expect(try await slack.post(good, type: "text/plain").status == 415)
            let packed = slack.headers(good) + [("content-encoding", "gzip")]
            #expect(try await LocalHTTP.send("POST", slack.url, headers: packed, good).status == 415)
            for method in ["PUT", "DELETE", "PATCH"] {
                let status = try await LocalHTTP.send(method, slack.url, headers: slack.headers(good), good).status
                #expect([404, 405].contains(status), "\(method)")
            }
            #expect(try await LocalHTTP.send("GET", slack.url, headers: slack.headers([])).status == 405)

            let large = [UInt8](repeating: UInt8(ascii: "a"), count: Limits.webhookBodyBytes + 1)
            #expect(try await slack.post(large).status == 413)

            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 0)
            // The same sender with everything right is let in: the refusals above were for their own reasons.
            #expect(try await slack.post(good).status == 200)
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 1)
        }
    }

    @Test(arguments: DemoHouse.channels)
    func `an unsigned webhook is refused on every channel`(channel: ChannelID) async throws {
        try await DemoHouse.run { house in
            let body = Array("{\"update_id\":1,\"type\":1,\"object\":\"whatsapp_business_account\",\"entry\":[]}".utf8)
            let headers = [("content-type", "application/json")]
            let answer = try await LocalHTTP.send("POST", house.webhookURL(channel), headers: headers, body)
            #expect(answer.status == 401)
            #expect(try JSON(parsing: answer.body)["error"]?["code"]?.string == "unproven")
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events") == 0)
        }
    }

    @Test func `no secret, no signature and no token is logged or told, whatever happens`() async throws {
        try await DemoHouse.run { house in
            // The bots are connected: from here on, platforms may fail.
            let faults = EmulatorFaults.unlimited {
                $0.badSignature = 0.5
                $0.rateLimit = 0.2
            }
            house.world.setFaults(faults)
            for channel in DemoHouse.channels {
                let post = try await house.ask(channel, "Do you have iPhone 15 in stock?")
                _ = try await house.reply(to: post, within: .seconds(90))
            }
            let slack = SlackSender(url: house.webhookURL("slack"), secret: "wrong")
            let body = SlackSender.message("hello", ts: SlackSender.freshTS())
            let headers = slack.headers(body)
            _ = try await LocalHTTP.send("POST", slack.url, headers: headers, body)
            let metrics = try await LocalHTTP.send("GET", house.baseURL + "/metrics")
            let told = house.log.text + metrics.body
            let secrets: [(ChannelID, String)] = [
                ("slack", "bot_token"), ("slack", "signing_secret"), ("telegram", "bot_token"),
                ("telegram", "webhook_secret"), ("discord", "bot_token"), ("discord", "private_key_seed"),
                ("whatsapp", "access_token"), ("whatsapp", "app_secret"), ("whatsapp", "verify_token"),
            ]
            for (channel, field) in secrets {
                let secret = house.credential(field, of: channel)
                try #require(!secret.isEmpty, "\(channel) \(field)")
                #expect(!told.contains(secret), "\(channel) \(field)")
            }
            #expect(!told.contains(EmulatedShop.demoToken))
            for (name, value) in headers where name == "x-slack-signature" { #expect(!told.contains(value)) }
            // Credentials are encrypted on disk.
            let stored = try await house.rows("SELECT credentials FROM channel_integrations")
                .map { String(decoding: try $0.blob("credentials"), as: UTF8.self) }
            #expect(stored.count == 4)
            #expect(!stored.contains { $0.contains("bot_token") })
        }
    }

    @Test func `health, readiness and metrics are told`() async throws {
        try await DemoHouse.run { house in
            let post = try await house.ask("slack", "What are your opening hours?")
            _ = try await house.reply(to: post)
            #expect(try await LocalHTTP.send("GET", house.baseURL + "/healthz").status == 200)
            #expect(try await LocalHTTP.send("GET", house.baseURL + "/readyz").status == 200)
            let metrics = try await LocalHTTP.send("GET", house.baseURL + "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            #expect(metrics.body.contains("parley_webhooks_total{"))
            #expect(metrics.body.contains("parley_turns_total{"))
            #expect(try await LocalHTTP.send("GET", house.baseURL + "/playground").status == 200)
        }
    }

    @Test func `who sends headers or a body drop by drop is cut off at the deadline`() async throws {
        try await DemoHouse.run { house in
            let port = try #require(Int(house.baseURL.split(separator: ":").last ?? ""))
            let path = "/webhooks/slack/0"
            async let head = RawPeer.dribble(
                "POST \(path) HTTP/1.1\r\nHost: x\r\nX-Slow: ",
                to: port,
                patience: Limits.headerDeadline + .seconds(5)
            )
            async let body = RawPeer.dribble(
                "POST \(path) HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
                to: port,
                patience: Limits.bodyDeadline + .seconds(5)
            )
            let headTime = try #require(try await head, "the connection of a slow head stayed open")
            #expect(headTime >= Limits.headerDeadline - .seconds(1))
            _ = try #require(try await body, "the connection of a slow body stayed open")
            #expect(try await LocalHTTP.send("GET", house.baseURL + "/healthz").status == 200)
        }
    }
}
