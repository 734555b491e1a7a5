import ParleyCore

/// What the businesses have answered beforehand, found by full-text search.
package struct KnowledgeStore: Sendable {
    /// Entries that the index proposes before they are scored.
    private static let candidates = 50

    private let database: any SQLDatabase
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.clock = clock
    }

    /// Writes all entries in one transaction; one whose question is there already is replaced. How many were written.
    @discardableResult
    package func importAll(_ drafts: [KnowledgeDraft], for business: ID<Business>) async throws -> Int {
        let now = clock.now
        return try await database.transaction(.business(business)) { connection in
            let written = try await connection.batch(
                """
                INSERT INTO knowledge_entries (
                    business_id, id, question, answer, keywords, intent, is_active, created_at, updated_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                ON CONFLICT (business_id, question) DO UPDATE SET
                    answer = excluded.answer, keywords = excluded.keywords, intent = excluded.intent,
                    is_active = excluded.is_active, updated_at = excluded.updated_at
                """,
                drafts.map { draft in
                    [
                        .id(business), .uuid(UUID7(at: now)), .text(draft.question), .text(draft.answer),
                        .text(draft.keywords), .text(draft.intent), .bool(true), .timestamp(now),
                    ]
                }
            )
            return written.reduce(0, +)
        }
    }

    /// The entries that have the most of the question's words, best first; none when the text has no words.
    package func search(_ text: String, in business: ID<Business>, limit: Int = 5) async throws -> [KnowledgeMatch] {
        let words = KnowledgeWords(text).significant
        guard !words.isEmpty, limit > 0 else { return [] }
        let rows = try await database.read(.business(business)) { connection in
            try await connection.query(
                database.dialect.knowledgeSearch,
                [.id(business), .text(database.dialect.anyOf(words)), .int(max(Self.candidates, limit))]
            )
        }
        let stems = words.map { KnowledgeWords.stem($0) }
        // The index's own order decides between entries of the same score.
        let matches = try rows.map { try Self.match($0, asked: stems) }.filter { $0.score > 0 }.enumerated()
        let best = matches.sorted { left, right in
            left.element.score != right.element.score
                ? left.element.score > right.element.score : left.offset < right.offset
        }
        return best.prefix(limit).map(\.element)
    }

    /// Whether there is anything to search.
    package func hasEntries(of business: ID<Business>) async throws -> Bool {
        try await database.read(.business(business)) { connection in
            try await connection.first(
                "SELECT 1 AS found FROM knowledge_entries WHERE business_id = $1 LIMIT 1",
                [.id(business)]
            ) != nil
        }
    }

    /// Up to `limit` entries in the order of their ids, after `last`.
    package func list(
        of business: ID<Business>,
        after last: ID<KnowledgeEntry>? = nil,
        limit: Int = 500
    ) async throws -> [KnowledgeRecord] {
        try await database.read(.business(business)) { connection in
            try await connection.query(
                """
                SELECT \(KnowledgeRecord.columns) FROM knowledge_entries
                WHERE business_id = $1 AND id > $2 ORDER BY id LIMIT $3
                """,
                [.id(business), .afterID(last), .int(limit)]
            ).map { try KnowledgeRecord($0) }
        }
    }

    /// False when the business has no such entry.
    package func setActive(_ isActive: Bool, _ id: ID<KnowledgeEntry>, of business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                "UPDATE knowledge_entries SET is_active = $3, updated_at = $4 WHERE business_id = $1 AND id = $2",
                [.id(business), .id(id), .bool(isActive), .timestamp(clock.now)]
            ) == 1
        }
    }

    /// False when the business has no such entry.
    package func delete(_ id: ID<KnowledgeEntry>, of business: ID<Business>) async throws -> Bool {
        try await database.transaction(.business(business)) { connection in
            try await connection.execute(
                "DELETE FROM knowledge_entries WHERE business_id = $1 AND id = $2",
                [.id(business), .id(id)]
            ) == 1
        }
    }

    /// Counts that entries were used in an answer, inside the caller's transaction; those of other businesses are not.
    package static func countUse(
        of entries: [ID<KnowledgeEntry>],
        in business: ID<Business>,
        on connection: any SQLConnection
    ) async throws {
        _ = try await connection.batch(
            "UPDATE knowledge_entries SET usage_count = usage_count + 1 WHERE business_id = $1 AND id = $2",
            entries.map { [.id(business), .id($0)] }
        )
    }

    private static func match(_ row: SQLRow, asked stems: [String]) throws -> KnowledgeMatch {
        let question = try row.text("question")
        let answer = try row.text("answer")
        let titled = KnowledgeWords.stems(of: question + " " + (try row.text("keywords")))
        let told = KnowledgeWords.stems(of: answer)
        let credit = stems.reduce(0.0) { $0 + (titled.contains($1) ? 1 : told.contains($1) ? 0.5 : 0) }
        return KnowledgeMatch(
            id: try row.id("id"),
            question: question,
            answer: answer,
            score: stems.isEmpty ? 0 : credit / Double(stems.count)
        )
    }
}
