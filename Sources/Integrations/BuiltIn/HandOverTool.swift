import AgentKit
import ParleyCore

/// `hand_over_to_human`: asks that a person of the business take the conversation over. The turn's commit does it.
package struct HandOverTool: Tool {
    package static let definition = ToolDefinition(
        name: "hand_over_to_human",
        description: """
            Hands the conversation over to a person of the business. Call it when the customer asks for a person, is \
            upset, or needs what you cannot do. Tell them that a person will reply here.
            """,
        parameters: argumentsSchema(
            ["reason": "Why a person is needed, in one sentence for that person"],
            required: ["reason"]
        ),
        triggers: [
            "talk to a human", "talk to a person", "talk to someone", "talk to a real person", "speak to a human",
            "speak to a person", "speak to someone", "speak with a human", "speak with someone", "talk with a human",
            "human please", "real person", "real human", "customer service", "live agent", "human agent",
            "get me a person", "get a person", "get a human", "contact a human", "representative",
        ]
    )

    package init() {}

    package var definition: ToolDefinition { Self.definition }
    package var isReadOnly: Bool { false }

    package func call(_ arguments: JSON, in context: ToolContext) async -> ToolResult {
        let reason = arguments.argument("reason") ?? "the customer asked for a person"
        let content: JSON = ["handed_over": true, "note": "a person will reply in this conversation"]
        return ToolResult(content.description, effects: [.handOver(reason: reason)])
    }
}
