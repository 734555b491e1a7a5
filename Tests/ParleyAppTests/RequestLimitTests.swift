import CoordinationKit
import CoordinationRedis
import Emulators
import Foundation
import Ingress
import NIOCore
import ParleyApp
import ParleyCore
import ParleyTesting
import Storage
import Testing

/// Who writes too much is told so once, and nobody's genuine webhook pays for a stranger's bad ones.
@Suite(.timeLimit(.minutes(4)))
struct RequestLimitTests {
    @Test(arguments: DemoHouse.Engine.available)
    func `a contact who writes too fast hears so once, and loses nothing`(_ engine: DemoHouse.Engine) async throws {
        // One long debounce: all eight messages are of one claim.
        try await DemoHouse.run(on: engine, usesScriptedModel: true, debounce: .milliseconds(400)) { house in
            try await house.takeToolsAway()
            _ = try await house.stores.businesses.changeSettings(of: house.businessID) {
                $0["contact_limit_per_minute"] = 5
            }
            let answers = try await Self.answers(to: 8, of: house)
            #expect(answers.filter { $0.contains("writing faster than I can answer") }.count == 1)
            let said = answers.filter { $0.hasPrefix("You said") }.joined(separator: "\n")
            let answered = (1...8).filter { said.contains("Thought \($0).") }
            #expect(answered == [1, 2, 3, 4, 5], "\(answers)")

            // Whoever reads the conversation finds every message; no model was asked about the last three.
            #expect(try await house.number("SELECT COUNT(*) FROM messages WHERE role = 'user'") == 8)
            #expect(try await house.number("SELECT COUNT(*) FROM inbox_events WHERE closed_at IS NULL") == 0)
            #expect(try await house.number("SELECT COUNT(*) FROM turns WHERE outcome = 'gated'") == 1)
            let steps = try await house.rows("SELECT value FROM journey_events WHERE rule = 'contact_rate'")
            let values = steps.compactMap { $0.optionalText("value") }
            #expect(values.count == 3)
            #expect(values.filter { $0.hasPrefix("more than 5 in 60 s") }.count == 3)
            #expect(values.filter { $0.hasSuffix("said before") }.count == 2)
            #expect(TestMetrics.registry.text().contains("parley_gated_total{rule=\"contact_rate\"}"))

            // Another contact is not concerned.
            let other = try await house.ask("telegram", "Hello", user: "bob")
            #expect(try await house.reply(to: other).words.hasPrefix("You said"))
        }
    }

    /// What somebody hears who writes so many thoughts in one breath.
    private static func answers(to count: Int, of house: DemoHouse) async throws -> [String] {
        var posts: [EmulatedPost] = []
        for number in 1...count { posts.append(try await house.ask("telegram", "Thought \(number).")) }
        try await house.taken(posts)
        guard let first = posts.first else { return [] }
        return house.replies(after: first).map(\.words)
    }

    @Test(arguments: SharedMemory.available)
    func `through Redis, and without it, the limit is the same`(_ memory: SharedMemory) async throws {
        try await DemoHouse.run(usesScriptedModel: true, redis: memory.address()) { house in
            try await house.takeToolsAway()
            _ = try await house.stores.businesses.changeSettings(of: house.businessID) {
                $0["contact_limit_per_minute"] = 2
            }
            let answers = try await Self.answers(to: 4, of: house)
            #expect(answers.filter { $0.contains("writing faster") }.count == 1, "\(answers)")
            #expect(answers.last?.contains("writing faster") == true)
            #expect(try await house.number("SELECT COUNT(*) FROM journey_events WHERE rule = 'contact_rate'") == 2)

            // Whoever wrote is there, also for the metrics.
            try await house.eventually("somebody is there") {
                let text = try await LocalHTTP.send("GET", "\(house.baseURL)/metrics").body
                return text.contains("parley_active_contacts{channel=\"telegram\"} ")
                    && !text.contains("parley_active_contacts{channel=\"telegram\"} 0\n")
            }
        }
    }

    /// What nodes share in these tests.
    enum SharedMemory: String, CaseIterable, Sendable, CustomTestStringConvertible {
        case redis, away

        var testDescription: String { rawValue }

        static var available: [SharedMemory] {
            ProcessInfo.processInfo.environment["PARLEY_TEST_REDIS_URL"] == nil ? [.away] : allCases
        }

        func address() throws -> RedisAddress {
            // Nobody listens at the discard port.
            let url = ProcessInfo.processInfo.environment["PARLEY_TEST_REDIS_URL"] ?? ""
            return try RedisAddress(self == .redis ? url : "redis://127.0.0.1:9")
        }
    }

    @Test func `a command is told each time, because it shows that it waits`() async throws {
        try await DemoHouse.run { house in
            _ = try await house.stores.businesses.changeSettings(of: house.businessID) {
                $0["contact_limit_per_minute"] = 1
            }
            // Discord tried the address when it was set, so the gateway may go on for a moment with what it read then.
            try await house.eventually("the limit is heeded") {
                let post = try await house.ask("discord", "Anybody there?")
                return try await house.reply(to: post).words.contains("writing faster")
            }
            for number in 1...2 {
                let post = try await house.ask("discord", "Question \(number)")
                #expect(try await house.reply(to: post).words.contains("writing faster"))
            }
        }
    }

    @Test func `an address that sends bad webhooks is told to wait, and its good ones are taken`() async throws {
        try await DemoHouse.run { house in
            let url = house.webhookURL("slack")
            func post(_ url: String, forwarded: String? = nil) async throws -> LocalHTTP.Answer {
                let told = forwarded.map { [("x-forwarded-for", $0)] } ?? []
                return try await LocalHTTP.send(
                    "POST",
                    url,
                    headers: [("content-type", "application/json")] + told,
                    Array("{}".utf8)
                )
            }
            // Once through the router, and from then on by the short way as well.
            var statuses: [Int: Int] = [:]
            for _ in 0..<(Limits.refusedWebhooks + 5) { statuses[try await post(url).status, default: 0] += 1 }
            #expect(statuses == [401: Limits.refusedWebhooks, 429: 5])
            let refused = try await post(url)
            #expect(
                refused.headers["retry-after"].flatMap { Int($0) }.map { (1...60).contains($0) } == true
            )
            #expect(refused.body.contains("too_many_refused"))
            // Nobody vouches for what a stranger writes.
            #expect(try await post(url, forwarded: "198.51.100.7").status == 429)

            // From the same address: a genuine webhook there, a bad one elsewhere, and one to nowhere.
            let genuine = try await house.ask("slack", "What are your opening hours?")
            #expect(try await !house.reply(to: genuine).words.isEmpty)
            #expect(try await post(house.webhookURL("telegram")).status == 401)
            let nowhere = "\(house.baseURL)/webhooks/slack/\(ID<ParleyCore.Integration>(at: SystemClock().now))"
            #expect(try await post(nowhere).status == 404)
        }
    }

    @Test func `an own limit is set, shown and taken back`() async throws {
        try await withTestFolder { folder in
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
            try await Workbench.with(settings, logger: RecordedLog().logger) { workbench in
                let operations = Operations(workbench)
                let id = try #require(
                    try await operations.createBusiness(named: "Acme").json["id"]?.string.flatMap { ID<Business>($0) }
                )
                func shown() async throws -> JSON? {
                    try await operations.showBusiness(id).json["settings"]?["contact_limit_per_minute"]
                }
                #expect(try await shown() == JSON(Limits.contactMessages))
                for (text, limit) in [("7", JSON(7)), ("none", .null), ("default", JSON(Limits.contactMessages))] {
                    _ = try await operations.setBusiness(id, BusinessChanges(contactLimit: text))
                    #expect(try await shown() == limit)
                }
                for text in ["0", "-1", "many", "10001", ""] {
                    await #expect(throws: OperationError.self) {
                        try await operations.setBusiness(id, BusinessChanges(contactLimit: text))
                    }
                }
            }
        }
    }

    @Test(
        arguments: [
            ("203.0.113.9", nil, "203.0.113.9"),
            ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
            ("10.1.2.3", "198.51.100.1", "198.51.100.1"),
            ("10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
            ("10.1.2.3", "198.51.100.1, 10.9.9.9", "198.51.100.1"),
            ("10.1.2.3", "198.51.100.1, unknown", "10.1.2.3"),
            ("10.1.2.3", "", "10.1.2.3"),
            ("11.1.2.3", "198.51.100.1", "11.1.2.3"),
            ("::ffff:10.1.2.3", "198.51.100.1", "198.51.100.1"),
            ("::1", "2001:db8:1:2:3:4:5:6", "20010db800010002/64"),
            ("2001:db8:1:2::9", nil, "20010db800010002/64"),
        ] as [(String, String?, String)]
    )
    func `only trusted proxies say where a request came from`(
        _ peer: String,
        _ forwarded: String?,
        _ client: String
    ) throws {
        let proxies = try #require(TrustedProxies("10.0.0.0/8, ::1"))
        let address = try SocketAddress(ipAddress: peer, port: 4711)
        #expect(proxies.client(behind: address, forwarded) == client)
    }

    @Test(arguments: ["10.0.0.0/33", "10.0.0/8", "proxy.example", "::1/129", "10.0.0.1/-1", "10.0.0.1/8/9", "/8"])
    func `what is no network is refused`(_ text: String) throws {
        #expect(TrustedProxies(text) == nil)
        #expect(TrustedProxies("") == TrustedProxies.none)
    }
}
