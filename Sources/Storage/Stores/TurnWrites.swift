import ParleyCore

// What a finished turn writes, beside what it ends and enqueues. No row is written twice, and none looks at another.

extension TurnCommit {
    func writes(_ claim: Claim, at now: Timestamp) -> [SQLWrite] {
        [keepingTurn(claim, at: now), keepingConversation(claim, at: now), keepingMemory(claim, at: now)]
            + [keepingMessages(claim, at: now), keepingExecutions(claim, at: now)] + countingKnowledge(claim)
            + [keepingAnalytics(claim, at: now)]
            + JourneyStore.appending(steps, to: turnID, of: claim.businessID)
    }

    private func keepingTurn(_ claim: Claim, at now: Timestamp) -> SQLWrite {
        .rows(
            into: "turns",
            columns: """
                business_id, id, conversation_id, session_id, contact_id, user_message, bot_reply, intent, model_name, \
                prompt_version, tokens_in, tokens_out, tokens_cached, latency_milliseconds, outcome, created_at, \
                cost_micros
                """,
            [
                [
                    .id(claim.businessID), .id(turnID), .id(conversation.id), .id(sessionID),
                    .id(conversation.contactID), .text(incoming.map(\.text).joined(separator: "\n")),
                    .text(reply), .text(intent), .text(model), .text(promptVersion), .int(tokensIn), .int(tokensOut),
                    .int(tokensCached), .int(latencyMilliseconds), .text(outcome), .timestamp(now),
                    costMicros.map { .integer($0) } ?? .null,
                ]
            ]
        )
    }

    private func keepingConversation(_ claim: Claim, at now: Timestamp) -> SQLWrite {
        .statement(
            """
            UPDATE conversations SET last_activity_at = $3, updated_at = $3,
                message_count = message_count + $4, token_count = token_count + $5,
                session_id = $6, session_started_at = CASE WHEN $7 = 1 THEN $3 ELSE session_started_at END,
                owner = COALESCE($8, owner), owner_until = COALESCE($9, owner_until)
            WHERE business_id = $1 AND id = $2
            """,
            [
                .id(claim.businessID), .id(conversation.id), .timestamp(now), .int(incoming.count + 1),
                .int(tokensIn + tokensOut), .id(sessionID), .int(startsSession ? 1 : 0),
                .text(humanUntil.map { _ in ConversationRecord.Owner.human.rawValue }), .timestamp(humanUntil),
            ]
        )
    }

    private func keepingMemory(_ claim: Claim, at now: Timestamp) -> SQLWrite {
        .statement(
            """
            INSERT INTO conversation_memory (
                business_id, contact_id, channel, last_intent, message_count, context_data, created_at, updated_at
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
            ON CONFLICT (business_id, contact_id, channel) DO UPDATE SET
                last_intent = COALESCE($4, conversation_memory.last_intent),
                message_count = conversation_memory.message_count + $5, context_data = $6, updated_at = $7
            """,
            [
                .id(claim.businessID), .id(conversation.contactID), .text(channel.name), .text(intent),
                .int(incoming.count), .json(memory), .timestamp(now),
            ]
        )
    }

    private func keepingMessages(_ claim: Claim, at now: Timestamp) -> SQLWrite {
        let said: [SQLValue] = [
            .id(claim.businessID), .id(replyID), .id(conversation.id), .id(sessionID), .id(turnID), .null,
            .text("assistant"), .text(reply), .text("text"), .bool(false), .int(reply.estimatedTokens), .text(model),
            .null, .null, .json([:]), .timestamp(now),
        ]
        return .rows(
            into: "messages",
            columns: IncomingMessage.columns,
            incoming.map { $0.row(as: "user", turn: self, in: conversation, claim: claim, at: now) } + [said]
        )
    }

    private func keepingExecutions(_ claim: Claim, at now: Timestamp) -> SQLWrite {
        .rows(
            into: "tool_executions",
            columns: """
                business_id, id, turn_id, conversation_id, tool_name, arguments, result_digest, is_error, is_cache_hit, \
                milliseconds, created_at
                """,
            executions.map {
                [
                    .id(claim.businessID), .uuid(UUID7(at: now)), .id(turnID), .id(conversation.id), .text($0.tool),
                    .text($0.arguments), .text($0.resultDigest), .bool($0.isError), .bool($0.isCacheHit),
                    .int($0.milliseconds), .timestamp(now),
                ]
            }
        )
    }

    // One write for each entry, and the entries in the same order in every turn: turns share them.
    private func countingKnowledge(_ claim: Claim) -> [SQLWrite] {
        Dictionary(usedKnowledge.map { ($0, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }.map { entry, uses in
            .statement(
                "UPDATE knowledge_entries SET usage_count = usage_count + $3 WHERE business_id = $1 AND id = $2",
                [.id(claim.businessID), .id(entry), .int(uses)]
            )
        }
    }

    private func keepingAnalytics(_ claim: Claim, at now: Timestamp) -> SQLWrite {
        var events: [(type: String, category: String, data: JSON)] = [
            ("turn", "conversation", ["outcome": .string(outcome), "latency_ms": JSON(latencyMilliseconds)])
        ]
        if !leads.isEmpty { events.append(("lead_captured", "lead", [:])) }
        if humanUntil != nil { events.append(("handed_over", "conversation", [:])) }
        return .rows(
            into: "analytics_events",
            columns: "business_id, id, event_type, event_category, event_data, channel, contact_id, created_at",
            events.map {
                [
                    .id(claim.businessID), .uuid(UUID7(at: now)), .text($0.type), .text($0.category), .json($0.data),
                    .text(channel.name), .id(conversation.contactID), .timestamp(now),
                ]
            }
        )
    }
}

extension IncomingMessage {
    static let columns: StaticString = """
        business_id, id, conversation_id, session_id, turn_id, contact_id, role, content, message_type, is_from_user, \
        token_count, model_used, platform_message_id, platform_time, metadata, created_at
        """

    /// The values of ``columns``.
    func row(
        as role: String,
        turn: TurnCommit? = nil,
        in conversation: ConversationRecord,
        claim: Claim,
        at now: Timestamp
    ) -> [SQLValue] {
        [
            .id(claim.businessID), .id(id), .id(conversation.id), .id(turn?.sessionID ?? conversation.sessionID),
            .id(turn?.turnID), .id(conversation.contactID), .text(role), .text(text), .text(type),
            .bool(role == "user"), .int(text.estimatedTokens), .null, .text(platformMessageID),
            .timestamp(platformTime),
            .json(
                .object(present: [
                    "sender": senderName.map { .string($0) },
                    "attachments": attachments == .array([]) ? nil : attachments,
                ])
            ),
            .timestamp(now),
        ]
    }
}
