import AgentKit
import Integrations
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

/// The offline model with the real tools, the loop driven by hand.
@Suite struct OfflineDialogueTests {
    let shop = Shop()

    @Test func `stock is told with price and time`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products)])
        #expect(try await dialogue.say("Do you have iPhone 15 in stock?") == "Yes, 5 in stock at $799, as of 12:04.")
        #expect(dialogue.called == ["check_inventory {\"product\":\"iPhone 15\"}"])
    }

    @Test func `a second asking keeps the time of the fetching`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products)])
        _ = try await dialogue.say("do you have iphone 15 in stock")
        shop.clock.advance(by: .seconds(180))
        #expect(try await dialogue.say("Is the iPhone 15 available?") == "Yes, 5 in stock at $799, as of 12:04.")
        #expect(dialogue.transport.calls.count == 1)
    }

    @Test(arguments: [
        (
            "do you have iPhone 15 Pro in stock",
            """
            Sorry, iPhone 15 Pro is out of stock at the moment (as of 12:04). In stock instead: iPhone 15 ($799).
            """
        ),
        ("do you have any airpods in stock?", "Yes, AirPods Pro: 12 in stock at $249.50, as of 12:04."),
        ("How much is the iPhone 15?", "iPhone 15 costs $799 (5 in stock), as of 12:04. The real thing."),
        (
            "hi! what's the price of USB-C cable please",
            "USB-C Cable costs $19.90 (40 in stock), as of 12:04. The real thing."
        ),
        (
            "search for apple",
            """
            Here is what I found, as of 12:04:
            - iPhone 15 Pro: $999, out of stock
            - iPhone 15: $799, 5 in stock
            - AirPods Pro: $249.50, 12 in stock
            - USB-C Cable: $19.90, 40 in stock
            """
        ),
    ])
    func `questions about products`(question: String, answer: String) async throws {
        #expect(try await Dialogue(shop, [Shop.answer(Shop.products)]).say(question) == answer)
    }

    @Test func `an unknown product is looked for in the knowledge, then said to be unknown`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products)])
        let answer = try await dialogue.say("Do you have iPhone 27 in stock?")
        #expect(
            answer == "I couldn't find “iPhone 27” in the shop (as of 12:04). Did you mean iPhone 15 or iPhone 15 Pro?"
        )
        #expect(dialogue.called.count == 2)
    }

    @Test func `what is no product is answered by the knowledge`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products)])
        dialogue.knowledge = [KnowledgeHit(question: "Where can I park?", answer: "Behind the house.", score: 0.6)]
        #expect(try await dialogue.say("Do you have parking spaces?") == "Behind the house.")
    }

    @Test func `where is my order`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.orders)])
        let answer = "Your order #1001 has been shipped (on its way), as of 12:04. Tracking: UPS 1Z999."
        #expect(try await dialogue.say("Where is my order #1001?") == answer)
    }

    @Test func `an order without its number is asked for it`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.orders)])
        #expect(try await dialogue.say("where is my order?") == "Could you tell me the order number?")
        #expect(
            try await dialogue.say("it's 1001")
                == "Your order #1001 has been shipped (on its way), as of 12:04. Tracking: UPS 1Z999."
        )
    }

    @Test func `an order that is not there`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(["orders": []])])
        let answer = "I couldn't find that order (as of 12:04). Could you check the order number?"
        #expect(try await dialogue.say("order status 42") == answer)
    }

    @Test(arguments: [
        "Do you have iPhone 15 in stock? Where is my order 1001?",
        "do you have iphone 15 in stock and where is my order #1001",
        "do you have iphone 15 in stock\nwhere is my order 1001",
    ])
    func `two questions are two calls and one answer`(question: String) async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products), Shop.answer(Shop.orders)])
        let answer = try await dialogue.say(question)
        #expect(answer.contains("5 in stock at $799"))
        #expect(answer.contains("#1001 has been shipped"))
        #expect(dialogue.called.count == 2)
    }

    @Test func `several messages without an answer are one question`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products)])
        dialogue.messages = [.user(text: "hi", name: nil), .user(text: "one thing", name: nil)]
        #expect(try await dialogue.say("is iPhone 15 in stock") == "Yes, 5 in stock at $799, as of 12:04.")
    }

    @Test func `it is what was asked for before`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products), Shop.answer(Shop.products)])
        _ = try await dialogue.say("do you have iPhone 15 in stock")
        #expect(
            try await dialogue.say("how much is it?")
                == "iPhone 15 costs $799 (5 in stock), as of 12:04. The real thing."
        )
    }

    @Test func `a shop that fails is excused, and yes calls a person`() async throws {
        let dialogue = Dialogue(shop, [.failure(.noAnswer)])
        let answer = try await dialogue.say("do you have iPhone 15 in stock")
        #expect(answer.hasPrefix("I can't reach the shop right now"))
        #expect(answer.hasSuffix("I can have someone get back to you: shall I get a person to help?"))
        #expect(
            try await dialogue.say("yes please") == "I've asked a person to take over. They will reply to you here."
        )
        #expect(dialogue.effects == [.handOver(reason: "Asked: do you have iPhone 15 in stock")])
    }

    @Test func `details are kept, and the question beside them is answered`() async throws {
        let dialogue = Dialogue(shop, [Shop.answer(Shop.products)])
        let answer = try await dialogue.say("My name is Ada. Is iPhone 15 in stock? Mail Ada@Example.com")
        #expect(answer.hasPrefix("Thanks, Ada, I've noted ada@example.com so that we can get back to you."))
        #expect(answer.hasSuffix("Yes, 5 in stock at $799, as of 12:04."))
        let lead = LeadDetails(name: "Ada", email: "ada@example.com", interest: "iPhone 15")
        #expect(dialogue.effects == [.captureLead(lead)])
    }

    @Test func `a phone number alone is a lead`() async throws {
        let dialogue = Dialogue(shop, [])
        let answer = try await dialogue.say("call me: +49 170 1234567")
        #expect(answer == "Thanks, I've noted +491701234567 so that we can get back to you.")
    }

    @Test func `an interest without details is asked for them`() async throws {
        let dialogue = Dialogue(shop, [])
        let answer = try await dialogue.say("I'm interested in a bulk order")
        #expect(answer == "Thanks, I've noted that. How can we reach you: by e-mail or by phone?")
        #expect(dialogue.effects == [.captureLead(LeadDetails(interest: "bulk order"))])
    }

    @Test func `whoever asks for a person gets one`() async throws {
        let dialogue = Dialogue(shop, [])
        _ = try await dialogue.say("I'd like to talk to a human, please!")
        #expect(dialogue.effects == [.handOver(reason: "I'd like to talk to a human, please!")])
    }

    @Test func `what nobody knows is asked back`() async throws {
        let dialogue = Dialogue(shop, [])
        let answer = try await dialogue.say("What is the airspeed of a swallow?")
        #expect(answer == "I'm not sure about that. Could you say it in other words — or shall I get a person to help?")
        #expect(dialogue.called == ["search_knowledge {\"query\":\"What is the airspeed of a swallow?\"}"])
        #expect(try await dialogue.say("no thanks") == "All right. Is there anything else I can help with?")
    }

    @Test func `an entry that fits poorly is not told`() async throws {
        let dialogue = Dialogue(shop, [])
        dialogue.knowledge = [KnowledgeHit(question: "When are you open?", answer: "9 to 5.", score: 0.4)]
        #expect(try await dialogue.say("open source?").hasPrefix("I'm not sure about that."))
    }

    @Test func `knowledge is searched and counted`() async throws {
        let dialogue = Dialogue(shop, [])
        dialogue.knowledge = [KnowledgeHit(question: "When are you open?", answer: "9 to 5.", score: 0.8)]
        #expect(try await dialogue.say("opening hours?") == "9 to 5.")
        #expect(dialogue.effects == [.usedKnowledge(dialogue.knowledgeID)])
    }
}

/// A conversation in which the model is called, its tools are run, and the model is called again.
private final class Dialogue {
    let shop: Shop
    let transport: RecordingTransport
    let tools: [any Tool]
    let knowledgeID: ID<KnowledgeEntry>
    var knowledge: [KnowledgeHit] = []
    var messages: [ModelMessage] = []
    var called: [String] = []
    var effects: [ToolEffect] = []

    init(_ shop: Shop, _ answers: [Result<HTTPAnswer, TransportError>]) {
        self.shop = shop
        transport = RecordingTransport(answers)
        tools = [CaptureLeadTool(), HandOverTool()] + shop.tools(over: transport)
        knowledgeID = ID(at: shop.clock.now)
    }

    func say(_ text: String) async throws -> String {
        messages.append(.user(text: text, name: nil))
        let (id, hits) = (knowledgeID, knowledge)
        let tools = [SearchKnowledgeTool { _, _, _ in hits.map { (id, $0) } }] + tools
        for _ in 1...4 {
            let request = ModelRequest(
                model: "offline",
                instructions: "Be kind.",
                messages: messages,
                tools: tools.map(\.definition),
                now: shop.clock.now
            )
            let response = try await OfflineModel().respond(to: request)
            #expect(response.model == "offline")
            messages.append(.assistant(text: response.text, toolCalls: response.toolCalls))
            guard !response.toolCalls.isEmpty else { return response.text }
            for call in response.toolCalls {
                called.append("\(call.name) \(call.arguments)")
                let tool = try #require(tools.first { $0.definition.name == call.name })
                let result = await tool.call(try JSON(parsing: call.arguments), in: shop.context)
                effects += result.effects
                messages.append(.toolResult(callID: call.id, name: call.name, content: result.content))
            }
        }
        Issue.record("the model never answered")
        return ""
    }
}
