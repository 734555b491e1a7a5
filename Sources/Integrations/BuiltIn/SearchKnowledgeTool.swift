import AgentKit
import ParleyCore

/// `search_knowledge`: looks a question up in the business's own knowledge entries.
package struct SearchKnowledgeTool: Tool {
    /// Searches one business's entries for a question; at most that many, best first.
    package typealias Search =
        @Sendable (ID<Business>, String, Int) async throws -> [(
            id: ID<KnowledgeEntry>, hit: KnowledgeHit
        )]

    package static let definition = ToolDefinition(
        name: "search_knowledge",
        description: """
            Searches the business's own knowledge base (opening hours, delivery, returns, policies, frequent questions). \
            Use it before you answer anything about the business that you were not told.
            """,
        parameters: argumentsSchema(
            ["query": "The question in a few words, in the language of the customer"],
            required: ["query"]
        )
    )

    private let search: Search
    private let limit: Int
    private let threshold: Double

    /// - Parameter threshold: the score (0…1) below which a hit is chance rather than an answer.
    package init(limit: Int = 3, threshold: Double = 0.35, search: @escaping Search) {
        self.limit = limit
        self.threshold = threshold
        self.search = search
    }

    package var definition: ToolDefinition { Self.definition }
    package var isReadOnly: Bool { true }

    package func call(_ arguments: JSON, in context: ToolContext) async -> ToolResult {
        guard let query = arguments.argument("query") else {
            return ToolAnswer.error(
                "the argument query is missing",
                suggestion: "call again with the question as query"
            )
        }
        do {
            let found = try await search(context.businessID, query, limit).prefix(limit).filter {
                $0.hit.score >= threshold
            }
            let entries = found.map { entry -> JSON in
                [
                    "question": JSON(entry.hit.question), "answer": JSON(entry.hit.answer),
                    "score": .number((entry.hit.score * 100).rounded() / 100),
                ]
            }
            let content: JSON = ["entries": .array(entries)]
            return ToolResult(content.description, effects: found.map { .usedKnowledge($0.id) })
        } catch {
            return ToolAnswer.error(
                "the knowledge base did not answer",
                suggestion: "say that you cannot look it up now and offer to have a person follow up"
            )
        }
    }
}
