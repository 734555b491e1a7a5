import Crypto
import ParleyCore
import Storage
import Testing

/// A person of the business who answers in the WhatsApp Business app has the conversation.
@Suite(.timeLimit(.minutes(4)))
struct TakeoverTests {
    @Test(arguments: DemoHouse.Engine.available)
    func `whoever answers from the phone silences the bot, and what they wrote is kept`(
        _ engine: DemoHouse.Engine
    ) async throws {
        try await DemoHouse.run(on: engine, usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            let asked = try await house.ask("whatsapp", "Hello")
            #expect(try await house.reply(to: asked).words == "You said: Hello")
            try await house.settled()
            let customer = try #require(
                try await house.rows("SELECT conversation_key FROM conversations").first?.text("conversation_key")
            )

            try await Self.write("I will take it from here", to: customer, of: house)
            let again = try await house.ask("whatsapp", "Thank you")
            try await house.taken(again)
            #expect(house.replies(after: again).isEmpty)
            let said = try await house.rows("SELECT role, content FROM messages ORDER BY id").map {
                "\(try $0.text("role")): \(try $0.text("content"))"
            }
            #expect(
                said.sorted() == [
                    "assistant: You said: Hello", "human: I will take it from here", "user: Hello", "user: Thank you",
                ]
            )
            #expect(try await house.number("SELECT COUNT(*) FROM conversations WHERE owner = 'human'") == 1)
            #expect(try await house.number("SELECT COUNT(*) FROM turns") == 1)
        }
    }

    @Test func `whoever answers before the bot has begun is left to it`() async throws {
        try await DemoHouse.run(usesScriptedModel: true, debounce: Limits.debounceMaximum) { house in
            try await house.takeToolsAway()
            let asked = try await house.ask("whatsapp", "Is somebody there?")
            let customer = try await Self.key(of: house)
            try await Self.write("Yes, it is me", to: customer, of: house)
            try await house.taken(asked)
            #expect(house.replies(after: asked).isEmpty)
            #expect(try await house.number("SELECT COUNT(*) FROM messages WHERE role IN ('user', 'human')") == 2)
            #expect(try await house.number("SELECT COUNT(*) FROM turns") == 0)
        }
    }

    @Test func `whoever writes to a customer first has the conversation that begins with it`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            try await Self.write("Your parcel is here", to: "4915550001111", of: house)
            #expect(try await house.number("SELECT COUNT(*) FROM conversations WHERE owner = 'human'") == 1)
            #expect(try await house.number("SELECT COUNT(*) FROM messages WHERE role = 'human'") == 1)
            #expect(try await house.number("SELECT COUNT(*) FROM contacts") == 1)
        }
    }

    @Test func `what a customer has read does not hurry an answer`() async throws {
        try await DemoHouse.run(usesScriptedModel: true, debounce: Limits.debounceMaximum) { house in
            try await house.takeToolsAway()
            let first = try await house.ask("whatsapp", "I have")
            let customer = try await Self.key(of: house)
            try await Self.post(
                [
                    "statuses": [
                        [
                            "id": "wamid.OF_ANOTHER_DAY", "status": "read",
                            (customer.contains(".") ? "recipient_user_id" : "recipient_id"): .string(customer),
                            "timestamp": .string("\(SystemClock().now.seconds)"),
                        ]
                    ]
                ],
                field: "messages",
                to: house
            )
            _ = try await house.reply(to: first)
            // By the written times, so that a busy machine changes nothing; a claim is a moment early at the most.
            let quiet = Limits.debounceMaximum - .milliseconds(100)
            #expect(
                try await house.number(
                    """
                    SELECT COUNT(*) FROM turns t JOIN inbox_events e ON e.kind = 'message'
                    WHERE t.created_at >= e.received_at + $1
                    """,
                    [.integer(quiet.microseconds)]
                ) == 1
            )
        }
    }

    // MARK: WhatsApp's side

    private static func key(of house: DemoHouse) async throws -> String {
        let waiting = "SELECT conversation_key FROM inbox_events"
        try await house.eventually("the message is stored") { try await !house.rows(waiting).isEmpty }
        return try #require(try await house.rows(waiting).first?.text("conversation_key"))
    }

    /// `smb_message_echoes` (Cloud API, "Onboarding WhatsApp Business app users"); returns when it is worked off.
    private static func write(_ text: String, to customer: String, of house: DemoHouse) async throws {
        let echo: JSON = [
            "from": "15550783881", (customer.contains(".") ? "to_user_id" : "to"): .string(customer),
            "id": .string("wamid.ECHO\(UUID7(at: SystemClock().now))"),
            "timestamp": .string("\(SystemClock().now.seconds)"), "type": "text", "text": ["body": .string(text)],
        ]
        try await post(["message_echoes": [echo]], field: "smb_message_echoes", to: house)
        try await house.settled()
    }

    private static func post(_ value: JSON, field: String, to house: DemoHouse) async throws {
        var value = value
        value["messaging_product"] = "whatsapp"
        value["metadata"] = ["phone_number_id": .string(house.credential("phone_number_id", of: "whatsapp"))]
        let body =
            ([
                "object": "whatsapp_business_account",
                "entry": [["id": "1", "changes": [["value": value, "field": .string(field)]]]],
            ] as JSON)
            .encoded()
        let secret = SymmetricKey(data: Array(house.credential("app_secret", of: "whatsapp").utf8))
        let answer = try await LocalHTTP.send(
            "POST",
            house.webhookURL("whatsapp"),
            headers: [
                ("content-type", "application/json"),
                (
                    "x-hub-signature-256",
                    "sha256=" + Hex.encode(HMAC<SHA256>.authenticationCode(for: body, using: secret))
                ),
            ],
            body
        )
        #expect(answer.status == 200)
    }
}
