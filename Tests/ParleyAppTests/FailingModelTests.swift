import AgentKit
import Emulators
import ParleyCore
import Storage
import Testing

/// A model that fails in every way that models do: the customer gets one sensible message.
@Suite(.timeLimit(.minutes(4)))
struct FailingModelTests {
    struct Mishap: Sendable, CustomTestStringConvertible {
        var name: String
        var step: ModelStep
        var testDescription: String { name }
    }

    private static func failure(_ status: Int, code: String? = nil, retryAfter: Int? = nil) -> ModelStep {
        let json: JSON = .object(present: [
            "error": .object(present: [
                "status": JSON(status), "code": code.map { JSON($0) }, "retry_after": retryAfter.map { JSON($0) },
            ])
        ])
        return ModelStep(json) ?? .garbage
    }

    static let passing: [Mishap] = [
        Mishap(name: "429", step: failure(429)),
        Mishap(name: "429 with Retry-After", step: failure(429, retryAfter: 1)),
        Mishap(name: "500", step: failure(500)),
        Mishap(name: "503", step: failure(503)),
        Mishap(name: "529", step: failure(529)),
        Mishap(name: "a stream that breaks off", step: .truncated),
        Mishap(name: "a proxy's page", step: .garbage),
        Mishap(name: "an error in the stream", step: .errorEvent),
        Mishap(name: "nothing", step: .empty),
    ]

    static let lasting: [Mishap] = [
        Mishap(name: "429", step: failure(429)),
        Mishap(name: "insufficient quota", step: failure(429, code: "insufficient_quota")),
        Mishap(name: "401", step: failure(401)),
        Mishap(name: "400", step: failure(400)),
        Mishap(name: "500", step: failure(500)),
        Mishap(name: "503", step: failure(503)),
        Mishap(name: "529", step: failure(529)),
        Mishap(name: "a stream that breaks off", step: .truncated),
        Mishap(name: "a proxy's page", step: .garbage),
        Mishap(name: "an error in the stream", step: .errorEvent),
        Mishap(name: "nothing", step: .empty),
        Mishap(name: "calls without end", step: .toolLoop),
    ]

    @Test(arguments: passing)
    func `a mishap that passes is not noticed`(mishap: Mishap) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.model.enqueue(mishap.step)
            let post = try await house.ask("slack", "good morning")
            #expect(try await house.reply(to: post).words == "You said: good morning")
            try await house.settled()
            #expect(house.replies(after: post).count == 1)
            #expect(house.model.requestCount == 2)
        }
    }

    @Test(arguments: lasting)
    func `a mishap that lasts ends in one polite message`(mishap: Mishap) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            house.model.setMode(mishap.step)
            let post = try await house.ask("telegram", "good morning")
            let reply = try await house.reply(to: post, within: .seconds(60))
            try await house.settled()
            #expect(house.replies(after: post).count == 1)
            #expect(reply.text == AgentLoop.apology)
            let outcome = try await house.rows("SELECT outcome FROM turns").map { try $0.text("outcome") }
            #expect(outcome == ["apologised"] || outcome == ["limited"])

            // The next one is answered as if nothing had been.
            house.model.setMode(.text("Here I am again."))
            let next = try await house.ask("telegram", "are you there")
            #expect(try await house.reply(to: next).words == "Here I am again.")
        }
    }

    @Test(arguments: [
        Mishap(name: "broken arguments", step: .brokenToolJSON),
        Mishap(name: "an unknown tool", step: .unknownTool),
        Mishap(name: "two calls with one index", step: .collidingIndexes),
        Mishap(name: "no token counts", step: .withoutUsage),
        Mishap(name: "byte by byte", step: .byteByByte),
        Mishap(name: "bytes that are not text", step: .invalidUTF8),
    ])
    func `an odd answer still ends in one reply`(mishap: Mishap) async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            house.model.enqueue(mishap.step)
            let post = try await house.ask("discord", "Do you have iPhone 15 in stock?")
            let reply = try await house.reply(to: post)
            try await house.settled()
            #expect(house.replies(after: post).filter { !$0.isEdit || $0.messageID == reply.messageID }.count == 1)
            #expect(!reply.words.isEmpty)
            for raw in ["launch_rocket", "{\"product\": \"iPho", "error\":"] {
                #expect(!reply.text.contains(raw))
            }
            #expect(try await house.number("SELECT COUNT(*) FROM turns") == 1)
        }
    }
}
