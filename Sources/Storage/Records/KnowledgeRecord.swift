import ParleyCore

/// An entry to import.
package struct KnowledgeDraft: Sendable, Equatable {
    package var question: String
    package var answer: String
    package var keywords: String
    package var intent: String?

    package init(question: String, answer: String, keywords: String = "", intent: String? = nil) {
        self.question = question
        self.answer = answer
        self.keywords = keywords
        self.intent = intent
    }
}

/// A question that a business has answered beforehand.
package struct KnowledgeRecord: Sendable, Equatable {
    package let id: ID<KnowledgeEntry>
    package let question: String
    package let answer: String
    package let keywords: String
    package let intent: String?
    package let isActive: Bool
    package let usageCount: Int64

    static let columns = "id, question, answer, keywords, intent, is_active, usage_count"

    init(_ row: SQLRow) throws {
        id = try row.id("id")
        question = try row.text("question")
        answer = try row.text("answer")
        keywords = try row.text("keywords")
        intent = row.optionalText("intent")
        isActive = try row.bool("is_active")
        usageCount = try row.int("usage_count")
    }
}

/// An entry that a question found.
package struct KnowledgeMatch: Sendable, Equatable {
    package let id: ID<KnowledgeEntry>
    package let question: String
    package let answer: String
    /// 0…1: the share of the asked words that the entry has; a word that only its answer has counts half.
    package let score: Double
}
