import ParleyCore
import Storage

// parley knowledge
extension Operations {
    /// All entries of the file, or none when any of them is wrong.
    package func importKnowledge(_ file: InputFile, of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        let bytes = try file.bytes(upTo: KnowledgeFile.maximumBytes)
        let drafts: [KnowledgeDraft]
        do throws(KnowledgeFileError) {
            drafts = try KnowledgeFile.read(bytes)
        } catch {
            throw OperationError(
                "nothing was imported from \(file.name):\n\(error)",
                fix: "correct the file and import it again"
            )
        }
        let count = try await stores.knowledge.importAll(drafts, for: business)
        return Report(
            ["imported": JSON(count)],
            "Imported \(count) \(count == 1 ? "entry" : "entries"). Try one: "
                + "parley knowledge search TEXT --business \(business)"
        )
    }

    package func listKnowledge(of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        var all: [KnowledgeRecord] = []
        while true {
            let page = try await stores.knowledge.list(of: business, after: all.last?.id, limit: 500)
            all += page
            if page.count < 500 { break }
        }
        return Report(
            all.map { entry in
                [
                    "id": JSON(entry.id.description), "question": JSON(entry.question), "answer": JSON(entry.answer),
                    "keywords": JSON(entry.keywords), "intent": entry.intent.map { JSON($0) } ?? .null,
                    "is_active": .bool(entry.isActive), "usage_count": JSON(entry.usageCount),
                ]
            },
            ["QUESTION", "ANSWER", "USED"],
            all.map { [$0.question.clipped(toUTF8: 60), $0.answer.clipped(toUTF8: 60), "\($0.usageCount)"] },
            whenEmpty: "No knowledge yet. Import some with: parley knowledge import FILE --business \(business)"
        )
    }

    package func searchKnowledge(_ text: String, of business: ID<Business>) async throws -> Report {
        _ = try await self.business(business)
        let matches = try await stores.knowledge.search(text, in: business)
        return Report(
            matches.map { match in
                [
                    "id": JSON(match.id.description), "question": JSON(match.question), "answer": JSON(match.answer),
                    "score": .number(match.score),
                ]
            },
            ["SCORE", "QUESTION", "ANSWER"],
            matches.map {
                [
                    "\(Int(($0.score * 100).rounded())) %", $0.question.clipped(toUTF8: 60),
                    $0.answer.clipped(toUTF8: 60),
                ]
            },
            whenEmpty: "No entry has any of these words."
        )
    }
}
