import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

@Suite struct OfflineModelTests {
    static let tools: [ToolDefinition] = [
        tool(
            "check_inventory",
            ["product"],
            ["do you have {product} in stock", "is {product} available", "do you have {product}"]
        ),
        tool(
            "get_price",
            ["product"],
            ["how much is {product}", "price of {product}", "how much does {product} cost"]
        ),
        tool(
            "get_order_status",
            ["order_number"],
            ["where is my order {order_number}", "order status {order_number}"]
        ),
        tool("search_products", ["query"], ["search for {query}"]),
        tool("book", ["day", "time"], ["book a table on {day} at {time}"]),
        tool("hand_over_to_human", ["reason"], ["talk to a human", "human please"]),
        tool("capture_lead", [], []), tool("search_knowledge", ["query"], []),
        tool("broken", ["a"], ["", "{a}", "{", "}", "{a}{b}{c}{d}", "{a} {b} {c} {d} {e}", "?!"]),
    ]

    static func tool(_ name: String, _ arguments: [String], _ triggers: [String]) -> ToolDefinition {
        let members = arguments.map { JSONObject.Member(key: $0, value: ["type": "string"]) }
        return ToolDefinition(
            name: name,
            description: name,
            parameters: [
                "type": "object", "properties": .object(JSONObject(members)),
                "required": .array(arguments.map { JSON($0) }),
            ],
            triggers: triggers
        )
    }

    private func respond(
        _ messages: [ModelMessage],
        knowledge: [KnowledgeHit] = [],
        tools: [ToolDefinition] = Self.tools
    ) async throws -> ModelResponse {
        try await OfflineModel().respond(
            to: ModelRequest(
                model: "offline",
                instructions: "Be kind.",
                knowledge: knowledge,
                messages: messages,
                tools: tools,
                now: Timestamp(seconds: 0)
            )
        )
    }

    private func calls(_ text: String) async throws -> [String] {
        try await respond([.user(text: text, name: nil)]).toolCalls.map { "\($0.name) \($0.arguments)" }
    }

    @Test(arguments: [
        ("Do you have iPhone 15 in stock?", "check_inventory {\"product\":\"iPhone 15\"}"),
        ("DO YOU HAVE THE iPhone 15 IN STOCK", "check_inventory {\"product\":\"iPhone 15\"}"),
        ("hello, do you have any AC/DC cables in stock right now?!", "check_inventory {\"product\":\"AC/DC cables\"}"),
        ("Do you have “Bob's Lamp” in stock", "check_inventory {\"product\":\"Bob's Lamp\"}"),
        ("is the iPhone 15 Pro (128 GB) available today?", "check_inventory {\"product\":\"iPhone 15 Pro (128 GB\"}"),
        ("do you have USB-C 2.0 hubs", "check_inventory {\"product\":\"USB-C 2.0 hubs\"}"),
        ("how much is iPhone 15 please", "get_price {\"product\":\"iPhone 15\"}"),
        ("How much does an iPhone 15 cost?", "get_price {\"product\":\"iPhone 15\"}"),
        ("the price of café crème?", "get_price {\"product\":\"café crème\"}"),
        ("where is my order #1001?", "get_order_status {\"order_number\":\"1001\"}"),
        ("Where is my order number A-1001 please", "get_order_status {\"order_number\":\"A-1001\"}"),
        ("order status 1001!!!", "get_order_status {\"order_number\":\"1001\"}"),
        ("please search for red shoes", "search_products {\"query\":\"red shoes\"}"),
        ("Book a table on Friday at 8 pm", "book {\"day\":\"Friday\",\"time\":\"8 pm\"}"),
        ("I want to talk to a human", "hand_over_to_human {\"reason\":\"I want to talk to a human\"}"),
        ("I'd like to order, my mail is A@B.de", "capture_lead {\"email\":\"a@b.de\"}"),
        ("what is the meaning of life", "search_knowledge {\"query\":\"what is the meaning of life\"}"),
        ("my order arrived broken", "search_knowledge {\"query\":\"my order arrived broken\"}"),
        ("你好吗", "search_knowledge {\"query\":\"你好吗\"}"),
    ])
    func `a question becomes a call`(text: String, call: String) async throws {
        #expect(try await calls(text) == [call])
    }

    @Test(arguments: [
        (
            "Is A1 available? How much is B2?",
            ["check_inventory {\"product\":\"A1\"}", "get_price {\"product\":\"B2\"}"]
        ),
        ("do you have A1 and B2 in stock", ["check_inventory {\"product\":\"A1 and B2\"}"]),
        (
            "is A1 available, and how much is B2",
            ["check_inventory {\"product\":\"A1\"}", "get_price {\"product\":\"B2\"}"]
        ),
        ("is A1 available? is A1 available?", ["check_inventory {\"product\":\"A1\"}"]),
        (
            "a@b.de is A1 available?",
            ["capture_lead {\"email\":\"a@b.de\",\"interest\":\"A1\"}", "check_inventory {\"product\":\"A1\"}"]
        ),
    ])
    func `several questions become several calls`(text: String, expected: [String]) async throws {
        #expect(try await calls(text) == expected)
    }

    @Test(arguments: [
        ("hi", "Hello! How can I help you?"), ("Good morning!", "Hello! How can I help you?"),
        ("/start", "Hello! How can I help you?"),
        ("thank you so much", "You're welcome! Is there anything else I can help with?"),
        ("bye", "Goodbye, and thank you for writing!"), ("where is my order", "Could you tell me the order number?"),
        ("", "I'm not sure about that. Could you say it in other words — or shall I get a person to help?"),
        ("🙂", "I'm not sure about that. Could you say it in other words — or shall I get a person to help?"),
    ])
    func `small talk needs no tool`(text: String, answer: String) async throws {
        let response = try await respond([.user(text: text, name: nil)])
        #expect(response.text == answer)
        #expect(response.finish == .stop)
    }

    @Test func `knowledge above the threshold is told as it was written`() async throws {
        let hits = [
            KnowledgeHit(question: "x", answer: "no", score: 0.3),
            KnowledgeHit(question: "Wann offen?", answer: "Mo–Fr, *9 Uhr*", score: 0.5),
        ]
        #expect(try await respond([.user(text: "opening times", name: nil)], knowledge: hits).text == "Mo–Fr, *9 Uhr*")
        let poor = try await respond([.user(text: "opening times", name: nil)], knowledge: Array(hits.prefix(1)))
        #expect(poor.toolCalls.map(\.name) == ["search_knowledge"])
    }

    @Test func `an entry that asks just this beats a vague phrase, and no other entry does`() async throws {
        let parking = KnowledgeHit(question: "Do you have parking?", answer: "Yes, behind the house.", score: 1)
        let text = "do you have parking"
        #expect(
            try await respond([.user(text: text, name: nil)], knowledge: [parking]).text == "Yes, behind the house."
        )
        let cases = KnowledgeHit(question: "Do you sell leather cases for the iPhone 15?", answer: "No.", score: 1)
        let asked = try await respond([.user(text: "do you have iPhone 15", name: nil)], knowledge: [cases])
        #expect(asked.toolCalls.map(\.name) == ["check_inventory"])
    }

    @Test func `without a tool it neither calls nor offers`() async throws {
        let response = try await respond([.user(text: "talk to a human: a@b.de", name: nil)], tools: [])
        #expect(response.text == "I'm not sure about that. Could you say it in other words?")
        #expect(response.toolCalls.isEmpty)
    }

    @Test func `yes means a person only after the offer`() async throws {
        let offer = "I'm not sure about that. Could you say it in other words — or shall I get a person to help?"
        let after: [ModelMessage] = [
            .user(text: "why", name: nil), .assistant(text: offer, toolCalls: []), .user(text: "Yes!", name: nil),
        ]
        #expect(try await respond(after).toolCalls.map(\.name) == ["hand_over_to_human"])
        let plain: [ModelMessage] = [
            .user(text: "why", name: nil), .assistant(text: "Because.", toolCalls: []), .user(text: "Yes!", name: nil),
        ]
        #expect(try await respond(plain).toolCalls.map(\.name) != ["hand_over_to_human"])
    }

    @Test(arguments: [
        (
            "{\"as_of\":\"12:04\",\"result\":{\"title\":\"A\",\"price\":\"$5\",\"stock\":null}}",
            "We have A at $5, but I can't see how many are in stock (as of 12:04)."
        ),
        (
            "{\"as_of\":\"12:04\",\"result\":{\"found\":true,\"title\":\"A\",\"available\":true}}",
            "Yes, in stock, as of 12:04."
        ),
        (
            "{\"as_of\":\"12:04\",\"result\":{\"found\":true,\"title\":\"A\",\"stock\":-3}}",
            "Sorry, A is out of stock at the moment (as of 12:04)."
        ),
        (
            "{\"as_of\":\"12:04\",\"result\":{\"opening_hours\":\"9–5\",\"n\":3,\"x\":null}}",
            "opening hours: 9–5, n: 3 (as of 12:04)."
        ),
        ("Free text from a webhook.", "Free text from a webhook."),
        (
            "error: unknown",
            "I can't look that up right now. I can have someone get back to you: shall I get a person to help?"
        ),
        (
            "{\"error\":7}",
            "I can't look that up right now. I can have someone get back to you: shall I get a person to help?"
        ),
        (
            "{\"error\":\"the argument n is missing\",\"suggestion\":\"ask the customer for the order number\"}",
            "Could you tell me the order number?"
        ),
        ("{\"status\":\"ready\"}", "status: ready."),
    ])
    func `any result is told`(content: String, answer: String) async throws {
        let response = try await respond([
            .user(text: "is A available", name: nil),
            .assistant(text: "", toolCalls: [ToolCall(id: "1", name: "check_inventory", arguments: "{}")]),
            .toolResult(callID: "1", name: "check_inventory", content: content),
        ])
        #expect(response.text == answer)
        #expect(response.toolCalls.isEmpty)
    }

    @Test(arguments: [
        "", " ", "[]", "null", "{}", "{\"as_of\":1}", "{\"entries\":[]}", "{\"as_of\":\"x\",\"result\":[]}",
    ])
    func `a result that says nothing ends in a question, not in a loop`(content: String) async throws {
        let tools = ["search_knowledge", "hand_over_to_human"].map { Self.tool($0, ["query"], []) }
        let response = try await respond(
            [
                .user(text: "why", name: nil),
                .assistant(text: "", toolCalls: [ToolCall(id: "1", name: "search_knowledge", arguments: "{}")]),
                .toolResult(callID: "1", name: "search_knowledge", content: content),
            ],
            tools: tools
        )
        #expect(response.toolCalls.isEmpty)
        #expect(!response.text.isEmpty)
    }

    @Test func `no request ends without a word or a call`() async throws {
        let texts = [
            "", "?", "do you have", "do you have in stock", "is available", "order status", "and and and",
            String(repeating: "do you have a and ", count: 2000), String(repeating: "🙂", count: 9000), "\u{0}",
            "a@b.de",
        ]
        for text in texts {
            let response = try await respond([.user(text: text, name: "Ada")])
            #expect(!response.text.isEmpty || !response.toolCalls.isEmpty)
            #expect(Set(response.toolCalls.map(\.id)).count == response.toolCalls.count)
        }
        for messages: [ModelMessage] in [
            [], [.assistant(text: "Hi", toolCalls: [])], [.toolResult(callID: "1", name: "x", content: "{}")],
        ] {
            let response = try await respond(messages)
            #expect(!response.text.isEmpty || !response.toolCalls.isEmpty)
        }
    }

    @Test func `the same request has the same answer, and its tokens are estimates`() async throws {
        let one = try await respond([.user(text: "is A1 available", name: nil)])
        let two = try await respond([.user(text: "is A1 available", name: nil)])
        #expect(one == two)
        #expect(one.usage.isEstimated)
        #expect(one.usage.input > 0)
        #expect(one.usage.output > 0)
        #expect(one.model == "offline")
    }
}
