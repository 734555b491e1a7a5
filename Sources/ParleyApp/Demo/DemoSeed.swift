import Migrations
import ParleyCore
import Storage

/// What the demo business begins with: `db/seed/bobs-electronics.json`, embedded in the binary.
struct DemoSeed: Sendable {
    let business: String
    let instructions: String
    let knowledge: [KnowledgeDraft]

    static func embedded() throws -> DemoSeed {
        let json = try JSON(parsing: Seeds.bobsElectronics)
        return DemoSeed(
            business: json["business"]?.string ?? "Bob's Electronics",
            instructions: json["instructions"]?.string ?? BusinessStore.plainInstructions,
            knowledge: (json["knowledge"]?.array ?? []).compactMap { entry in
                guard let question = entry["question"]?.string, let answer = entry["answer"]?.string else { return nil }
                return KnowledgeDraft(question: question, answer: answer, keywords: entry["keywords"]?.string ?? "")
            }
        )
    }
}
