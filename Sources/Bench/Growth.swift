import ParleyCore
import Storage

/// Fills a PostgreSQL database with the past of a business that has been busy for four weeks.
///
/// A quarter of all turns belongs to one huge conversation, a quarter to those that exist already, the rest to others of
/// some fifty turns each. Half of the huge one's are of the session that still runs.
package enum Growth {
    /// The tables that grow with every message.
    package static let tables = [
        "conversations", "contacts", "contact_identities", "conversation_participants", "conversation_memory", "turns",
        "messages", "inbox_events", "inbox_keys", "deliveries", "delivery_attempts", "journey_events",
        "tool_executions", "analytics_events",
    ]

    /// A transaction's worth.
    private static let turnsAtOnce = 4000

    /// - Parameters:
    ///   - turns: the numbers of the turns to make; two messages each.
    ///   - business: has at least one conversation, which becomes the huge one.
    ///   - turnsOfAConversation: that is none of the huge one's; about.
    package static func fill(
        _ database: any SQLDatabase,
        turns: Range<Int>,
        of business: ID<Business>,
        turnsOfAConversation: Int = 50
    ) async throws {
        try await database.transaction(.schema) { connection in
            for table in ["messages", "inbox_events", "journey_events", "analytics_events"] {
                _ = try await connection.query(
                    "SELECT parley_make_partitions('\(table)', now() - interval '28 days', 9) AS made"
                )
            }
        }
        let idle = max(1, turns.upperBound / max(1, turnsOfAConversation))
        try await database.transaction(.house) { connection in
            try await connection.execute(people, [.id(business), .int(idle)])
        }
        for first in stride(from: turns.lowerBound, to: turns.upperBound, by: turnsAtOnce) {
            let last = min(first + turnsAtOnce, turns.upperBound) - 1
            try await database.transaction(.house) { connection in
                try await connection.execute(past, [.id(business), .int(first), .int(last), .int(turns.upperBound)])
            }
        }
        try await database.transaction(.schema) { connection in
            for table in tables + ["lanes", "api_usage"] { try await connection.execute("ANALYZE \(table)") }
        }
    }

    /// A UUIDv7 of a time, the same for the same seed.
    private static func id(_ time: String, _ seed: String) -> String {
        """
        (lpad(to_hex((extract(epoch FROM \(time)) * 1000)::bigint), 12, '0') || '7' || substr(md5(\(seed)), 1, 3)
            || '8' || substr(md5(\(seed)), 4, 15))::uuid
        """
    }

    private static let people = """
        WITH live AS (
            SELECT * FROM conversations WHERE business_id = $1 ORDER BY id LIMIT 1
        ), made AS MATERIALIZED (
            SELECT n, live.business_id, live.channel_integration_id, now() - interval '29 days' AS at,
                \(id("timestamptz '2026-01-01'", "'contact' || n")) AS contact_id,
                \(id("timestamptz '2026-01-01'", "'conversation' || n")) AS id
            FROM generate_series(1, $2::bigint) AS n, live
        ), contact AS (
            INSERT INTO contacts (business_id, id, name, created_at, updated_at)
            SELECT business_id, contact_id, 'Contact ' || n, at, at FROM made ON CONFLICT DO NOTHING
        ), identity AS (
            INSERT INTO contact_identities (
                business_id, channel_integration_id, channel_user_id, contact_id, created_at, updated_at
            ) SELECT business_id, channel_integration_id, 'past-' || n, contact_id, at, at FROM made ON CONFLICT DO NOTHING
        ), memory AS (
            INSERT INTO conversation_memory (business_id, contact_id, channel, created_at, updated_at)
            SELECT business_id, contact_id, 'slack', at, at FROM made ON CONFLICT DO NOTHING
        ), participant AS (
            INSERT INTO conversation_participants (business_id, conversation_id, contact_id, created_at)
            SELECT business_id, id, contact_id, at FROM made ON CONFLICT DO NOTHING
        )
        INSERT INTO conversations (
            business_id, id, channel_integration_id, conversation_key, contact_id, session_id, session_started_at,
            started_at, last_activity_at, created_at, updated_at
        ) SELECT business_id, id, channel_integration_id, 'past-' || n, contact_id, id, at, at, at, at, at
        FROM made ON CONFLICT DO NOTHING
        """

    private static let past = """
        WITH talk AS MATERIALIZED (
            SELECT c.*, c.conversation_key LIKE 'past-%' AS is_idle,
                row_number() OVER (PARTITION BY c.conversation_key LIKE 'past-%' ORDER BY c.id) - 1 AS place
            FROM conversations c WHERE c.business_id = $1
        ), numbered AS (
            SELECT k, now() - interval '28 days' * (1 - k::float8 / $4::bigint) - interval '1 minute' AS at,
                k % 4 > 1 AS is_idle,
                CASE k % 4 WHEN 0 THEN 0 WHEN 1 THEN (k / 4) % (SELECT count(*) FROM talk WHERE NOT is_idle)
                    ELSE (k / 4) % (SELECT count(*) FROM talk WHERE is_idle) END AS place
            FROM generate_series($2::bigint, $3::bigint) AS k
        ), made AS MATERIALIZED (
            SELECT talk.business_id, talk.channel_integration_id, talk.conversation_key, talk.contact_id, k, at,
                talk.id AS conversation_id,
                CASE WHEN k % 4 = 0 AND k * 2 > $4::bigint THEN talk.session_id
                    ELSE md5(talk.id::text || date_trunc('day', at)::text)::uuid END AS session_id,
                \(id("at", "'event' || k")) AS event_id, \(id("at", "'turn' || k")) AS turn_id,
                \(id("at", "'reply' || k")) AS reply_id, \(id("at", "'delivery' || k")) AS delivery_id
            FROM numbered JOIN talk USING (is_idle, place)
        ), turn AS (
            INSERT INTO turns (
                business_id, id, conversation_id, session_id, contact_id, user_message, bot_reply, model_name,
                prompt_version, tokens_in, tokens_out, latency_milliseconds, outcome, created_at
            ) SELECT business_id, turn_id, conversation_id, session_id, contact_id, repeat('A question. ', 5),
                repeat('An answer. ', 10), 'bench', 'v1', 300, 20, 40, 'answered', at FROM made
        ), message AS (
            INSERT INTO messages (
                business_id, id, conversation_id, session_id, turn_id, contact_id, role, content, is_from_user,
                token_count, platform_message_id, platform_time, delivery_state, created_at
            ) SELECT business_id, event_id, conversation_id, session_id, turn_id, contact_id, 'user',
                repeat('A question. ', 5), true, 15, 'p-' || k, at, NULL, at FROM made
            UNION ALL SELECT business_id, reply_id, conversation_id, session_id, turn_id, NULL, 'assistant',
                repeat('An answer. ', 10), false, 30, NULL, NULL, 'sent', at FROM made
        ), key AS (
            INSERT INTO inbox_keys (business_id, channel_integration_id, dedupe_key, received_at)
            SELECT business_id, channel_integration_id, 'past-' || k, at FROM made
        ), event AS (
            INSERT INTO inbox_events (
                business_id, channel_integration_id, dedupe_key, id, conversation_key, kind, position, event, attempts,
                turn_id, received_at, closed_at
            ) SELECT business_id, channel_integration_id, 'past-' || k, event_id, conversation_key, 'message', k,
                jsonb_build_object('text', repeat('A question. ', 5), 'sender', jsonb_build_object('channel_user_id', 'u')),
                1, turn_id, at, at FROM made
        ), delivery AS (
            INSERT INTO deliveries (
                business_id, id, channel_integration_id, conversation_key, conversation_id, turn_id, message_id,
                position, address, payload, text, state, attempts, not_before, platform_message_id, created_at,
                settled_at
            ) SELECT business_id, delivery_id, channel_integration_id, conversation_key, conversation_id, turn_id,
                reply_id, k, '{"channel": "D1"}', '{"text": "An answer."}', 'An answer.', 'delivered', 1, at,
                'r-' || k, at, at FROM made
        ), attempt AS (
            INSERT INTO delivery_attempts (business_id, delivery_id, attempt, verdict, milliseconds, created_at)
            SELECT business_id, delivery_id, 1, 'delivered', 5, at FROM made
        ), step AS (
            INSERT INTO journey_events (business_id, subject_id, id, step, verdict, rule, value, created_at)
            SELECT business_id, turn_id, \(id("at", "'step' || k || '-' || n")), 'gate', 'open', 'rule', 'value', at
            FROM made, generate_series(1, 4) AS n
        ), execution AS (
            INSERT INTO tool_executions (
                business_id, id, turn_id, conversation_id, tool_name, arguments, result_digest, is_error, is_cache_hit,
                milliseconds, created_at
            ) SELECT business_id, \(id("at", "'tool' || k")), turn_id, conversation_id, 'search_knowledge', '{}', 'none',
                false, false, 2, at FROM made
        )
        INSERT INTO analytics_events (business_id, id, event_type, event_category, channel, contact_id, created_at)
        SELECT business_id, \(id("at", "'analytics' || k")), 'turn', 'conversation', 'slack', contact_id, at FROM made
        """
}
