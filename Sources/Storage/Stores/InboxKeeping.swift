import ParleyCore

// How a batch of webhooks gets into the inbox, on each engine: the same rows, by what is cheapest there.
//
// A lane that exists is left alone: its holder looks again when it lets go, and a claimer who finds that more came in the
// meantime puts it off. Only what must not wait pulls a free lane to now.

extension InboxStore {
    /// SQLite: a statement for each event costs no round trip, and there is no second writer.
    func keepOneByOne(_ entries: [InboxEntry], at now: Timestamp) async throws -> [Bool] {
        try await database.transaction(.intake) { connection in
            let written = try await connection.batch(
                """
                INSERT INTO inbox_events (
                    business_id, channel_integration_id, dedupe_key, id, conversation_key, kind, position, event,
                    received_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                ON CONFLICT (business_id, channel_integration_id, dedupe_key) DO NOTHING
                """,
                entries.map {
                    [
                        .id($0.businessID), .id($0.integrationID), .text($0.dedupeKey), .id($0.id),
                        .text($0.conversationKey), .text($0.kind), .integer($0.position), .text($0.event),
                        .timestamp($0.receivedAt),
                    ]
                }
            )
            let lanes = Self.lanes(of: zip(entries, written).filter { $0.1 > 0 }.map(\.0))
            try await connection.batch(
                Self.openLane + " DO NOTHING",
                lanes.filter { $0.debounce > .zero }.map { $0.laneParameters(at: now) }
            )
            try await connection.batch(
                Self.openLane
                    + " DO UPDATE SET claimable_at = $4 WHERE lanes.holder IS NULL AND lanes.claimable_at > $4",
                lanes.filter { $0.debounce <= .zero }.map { $0.laneParameters(at: now) }
            )
            return written.map { $0 > 0 }
        }
    }

    private static let openLane = """
        INSERT INTO lanes (
            act, business_id, channel_integration_id, conversation_key, claimable_at, waiting_since
        ) VALUES ('answer', $1, $2, $3, $4, $5)
        ON CONFLICT (act, business_id, channel_integration_id, conversation_key)
        """

    // One lane per conversation in the batch; the shortest debounce wins.
    private static func lanes(of entries: [InboxEntry]) -> [InboxEntry] {
        struct Key: Hashable {
            let integrationID: ID<Integration>
            let conversationKey: String
        }
        var indices: [Key: Int] = [:]
        var lanes: [InboxEntry] = []
        for entry in entries {
            let key = Key(integrationID: entry.integrationID, conversationKey: entry.conversationKey)
            if let index = indices[key] {
                if entry.debounce < lanes[index].debounce { lanes[index] = entry }
            } else {
                indices[key] = lanes.count
                lanes.append(entry)
            }
        }
        return lanes
    }
}

extension InboxStore {
    /// PostgreSQL: one statement for the whole batch.
    ///
    /// Keys and lanes are written in their order, so that nodes which keep the same redeliveries wait for each other and
    /// never in a circle. A lane that exists is locked even where it is left alone: whoever is about to let it go waits for
    /// this commit, and then sees the new event. When it may be claimed is told by the database's clock, as leases are: a node
    /// whose clock is ahead puts nothing off.
    func keepAtOnce(_ entries: [InboxEntry], at now: Timestamp) async throws -> [Bool] {
        guard !entries.isEmpty else { return [] }
        let parameters: [SQLValue] = [
            .array(entries.map { .id($0.businessID) }), .array(entries.map { .id($0.integrationID) }),
            .array(entries.map { .text($0.dedupeKey) }), .array(entries.map { .id($0.id) }),
            .array(entries.map { .text($0.conversationKey) }), .array(entries.map { .text($0.kind) }),
            .array(entries.map { .integer($0.position) }), .array(entries.map { .text(Self.withoutNUL($0.event)) }),
            .array(entries.map { .timestamp($0.receivedAt) }),
            .array(entries.map { .integer(max($0.debounce, .zero).microseconds) }), .timestamp(now),
        ]
        let rows = try await database.transaction(.intake) { try await $0.query(Self.keepBatch, parameters) }
        var isNew = entries.map { _ in false }
        for row in rows {
            // Places are counted from 1.
            let place = Int(clamping: try row.int("place")) - 1
            if isNew.indices.contains(place) { isNew[place] = true }
        }
        return isNew
    }

    // PostgreSQL's text cannot hold U+0000, and one event that it refuses must not keep the others of its batch out.
    static func withoutNUL(_ json: String) -> String {
        guard json.contains("\\u0000") else { return json }
        var result: [UInt8] = []
        var rest = Array(json.utf8)[...]
        while let byte = rest.first {
            if rest.starts(with: #"\u0000"#.utf8) {
                result += Array("\u{FFFD}".utf8)
                rest = rest.dropFirst(6)
            } else {
                // An escape is two bytes at least: `\\u0000` is a backslash and five letters.
                let length = byte == UInt8(ascii: "\\") ? 2 : 1
                result += rest.prefix(length)
                rest = rest.dropFirst(length)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static let keepBatch = """
        WITH given AS (
            SELECT DISTINCT ON (business_id, channel_integration_id, dedupe_key) *
            FROM unnest(
                $1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::text[],
                $9::timestamptz[], $10::bigint[]
            ) WITH ORDINALITY AS e (
                business_id, channel_integration_id, dedupe_key, id, conversation_key, kind, position, event,
                received_at, debounce, place
            )
            ORDER BY business_id, channel_integration_id, dedupe_key, place
        ), fresh AS (
            INSERT INTO inbox_keys (business_id, channel_integration_id, dedupe_key, received_at)
            SELECT business_id, channel_integration_id, dedupe_key, received_at FROM given
            ORDER BY business_id, channel_integration_id, dedupe_key COLLATE "C"
            ON CONFLICT (business_id, channel_integration_id, dedupe_key) DO NOTHING
            RETURNING business_id, channel_integration_id, dedupe_key
        ), kept AS (
            INSERT INTO inbox_events (
                business_id, channel_integration_id, dedupe_key, id, conversation_key, kind, position, event, received_at
            )
            SELECT business_id, channel_integration_id, dedupe_key, id, conversation_key, kind, position,
                event::jsonb, received_at
            FROM given JOIN fresh USING (business_id, channel_integration_id, dedupe_key)
        ), opened AS (
            INSERT INTO lanes (
                act, business_id, channel_integration_id, conversation_key, claimable_at, waiting_since
            )
            SELECT 'answer', business_id, channel_integration_id, conversation_key,
                parley_lease_time($11) + min(debounce) * interval '1 microsecond', parley_lease_time($11)
            FROM given JOIN fresh USING (business_id, channel_integration_id, dedupe_key)
            GROUP BY business_id, channel_integration_id, conversation_key
            ORDER BY business_id, channel_integration_id, conversation_key COLLATE "C"
            ON CONFLICT (act, business_id, channel_integration_id, conversation_key)
            DO UPDATE SET claimable_at = excluded.claimable_at
            WHERE lanes.holder IS NULL AND excluded.claimable_at <= excluded.waiting_since
                AND lanes.claimable_at > excluded.claimable_at
        )
        SELECT given.place FROM given JOIN fresh USING (business_id, channel_integration_id, dedupe_key)
        """
}

extension InboxEntry {
    fileprivate func laneParameters(at now: Timestamp) -> [SQLValue] {
        [
            .id(businessID), .id(integrationID), .text(conversationKey), .timestamp(now.advanced(by: debounce)),
            .timestamp(now),
        ]
    }
}
