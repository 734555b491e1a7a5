import AgentKit
import ModelProviders
import ParleyCore
import ParleyTesting
import Testing

@Suite struct OpenAIRequestTests {
    @Test func `a request is encoded so`() async throws {
        let stage = OpenAIStage(Self.answer, baseURL: "https://api.openai.com/v1/")
        _ = try await stage.respond(to: Self.full)
        let golden: JSON = [
            "model": "small",
            "messages": [
                [
                    "role": "system",
                    "content": """
                    You help at Bob's.

                    What the business says about this:

                    Q: When are you open?
                    A: 9 to 5.

                    What is known of the person you talk to:
                    - Name: Ann
                    - Likes tea

                    Today is Saturday, 2026-11-21 (UTC).
                    """,
                ],
                ["role": "user", "content": "Ann Lee: Is it in stock?"],
                [
                    "role": "assistant", "content": nil,
                    "tool_calls": [
                        ["id": "c1", "type": "function", "function": ["name": "stock", "arguments": #"{"sku":"a"}"#]],
                        ["id": "c2", "type": "function", "function": ["name": "stock", "arguments": "{}"]],
                    ],
                ],
                ["role": "tool", "tool_call_id": "c1", "content": "5"],
                ["role": "tool", "tool_call_id": "c2", "content": "Error"],
                ["role": "assistant", "content": "Yes."],
                ["role": "user", "content": "Thanks"],
            ],
            "tools": [
                [
                    "type": "function",
                    "function": [
                        "name": "stock", "description": "How many there are.",
                        "parameters": ["type": "object", "properties": ["sku": ["type": "string"]]],
                    ],
                ]
            ],
            "temperature": 0.5,
            "max_completion_tokens": 300,
            "stream": true,
            "stream_options": ["include_usage": true],
        ]
        #expect(stage.sent == [golden])
        #expect(stage.transport.calls.map(\.url) == ["https://api.openai.com/v1/chat/completions"])
    }

    @Test func `nothing that was not asked for is sent`() async throws {
        let stage = OpenAIStage(Self.answer)
        _ = try await stage.respond()
        #expect(
            stage.sent.first?.object?.members.map(\.key) == ["model", "messages", "stream", "stream_options"]
        )
    }

    @Test(arguments: [
        ("https://api.openai.com/v1", "max_completion_tokens"), ("http://localhost:11434/v1", "max_tokens"),
        ("https://api.openai.com.evil.example/v1", "max_tokens"),
        ("https://API.OpenAI.com:443/v1", "max_completion_tokens"),
    ])
    func `the token limit is named as the server knows it`(baseURL: String, name: String) async throws {
        let stage = OpenAIStage(Self.answer, baseURL: baseURL)
        _ = try await stage.respond(to: Self.full)
        #expect(stage.sent.first?[name] == 300)
    }

    static let full = ModelRequest(
        model: "small",
        instructions: "You help at Bob's.\n",
        memory: ["Name: Ann", "Likes tea"],
        knowledge: [KnowledgeHit(question: "When are you open?", answer: "9 to 5.", score: 0.9)],
        messages: [
            .user(text: "Is it in stock?", name: "Ann\n Lee"),
            .assistant(
                text: "",
                toolCalls: [
                    ToolCall(id: "c1", name: "stock", arguments: #"{"sku":"a"}"#),
                    ToolCall(id: "c2", name: "stock", arguments: #"{"sku":"#),
                ]
            ),
            .toolResult(callID: "c1", name: "stock", content: "5"),
            .toolResult(callID: "c2", name: "stock", content: "Error"),
            .assistant(text: "Yes.", toolCalls: []),
            .assistant(text: "", toolCalls: []),
            .user(text: "Thanks", name: nil),
        ],
        tools: [
            ToolDefinition(
                name: "stock",
                description: "How many there are.",
                parameters: ["type": "object", "properties": ["sku": ["type": "string"]]]
            )
        ],
        temperature: 0.5,
        maximumOutputTokens: 300,
        now: Timestamp(seconds: 1_795_262_645)
    )

    private static let answer = Result<HTTPAnswer, TransportError>.stream(
        #"{"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#
    )
}
