import ParleyCore

/// The beginning and the end of a turn. Between the two no transaction is open.
package struct TurnStore: Sendable {
    private let database: any SQLDatabase
    private let inbox: InboxStore
    private let conversations: ConversationStore

    package init(_ database: any SQLDatabase) {
        self.database = database
        inbox = InboxStore(database)
        conversations = ConversationStore(database)
    }

    /// Reads what a claim has to answer.
    ///
    /// - Parameter sender: the channel's id of the person who wrote an event; the last event's sender is the turn's.
    package func situation(
        _ claim: Claim,
        channel: ChannelID,
        sender: @Sendable ([InboxEvent]) -> String?
    ) async throws -> TurnSituation {
        try await database.read(.business(claim.businessID)) { connection in
            let events = try await inbox.waiting(claim, upTo: Limits.eventsPerTurn, on: connection)
            guard let sender = sender(events),
                let conversation = try await conversations.find(
                    claim,
                    sender: sender,
                    channel: channel,
                    on: connection
                )
            else { return TurnSituation(events: events, conversation: nil, remembered: [], hasReply: false) }
            return TurnSituation(
                events: events,
                conversation: conversation,
                remembered: try await conversations.remembered(
                    conversation.id,
                    session: conversation.sessionID,
                    of: claim.businessID,
                    upTo: Limits.contextMessages,
                    on: connection
                ),
                hasReply: try await conversations.hasReply(
                    in: conversation.id,
                    of: claim.businessID,
                    on: connection
                )
            )
        }
    }

    /// Closes events that no turn answers. The claim goes on.
    package func passOver(
        _ passed: PassedOver,
        conversation: ConversationRecord?,
        claim: Claim,
        at now: Timestamp
    ) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            try await InboxStore.close(
                passed.closing,
                turn: nil,
                claim: claim,
                at: now,
                on: connection
            )
            for report in passed.reports {
                _ = try await DeliveryStore.report(
                    platformMessageID: report.platformMessageID,
                    deliveryID: report.deliveryID,
                    state: report.state,
                    reason: report.reason,
                    integration: claim.integrationID,
                    business: claim.businessID,
                    at: now,
                    on: connection
                )
            }
            for (id, _) in passed.closing {
                try await JourneyStore.append(passed.steps, to: id, of: claim.businessID, on: connection)
            }
            guard let conversation else { return }
            try await keep(passed.messages, as: "user", in: conversation, claim: claim, at: now, on: connection)
            try await keep(
                passed.humanMessages,
                as: "human",
                in: conversation,
                claim: claim,
                at: now,
                on: connection
            )
            if let until = passed.humanUntil {
                try await give(conversation, toHumanUntil: until, claim: claim, at: now, on: connection)
            }
        }
    }

    /// Gives a claim back because more came while its conversation was held back: the lane waits until it has been quiet
    /// for `debounce`, and no longer than ``Limits/debounceMaximum`` after the first event. Does not count as a beginning.
    package func putOff(_ claim: Claim, debounce: Duration, at now: Timestamp) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            let next = try await InboxStore.nextTime(after: claim, debounce: debounce, at: now, on: connection)
            try await claim.end(next: next, isUndone: true, on: connection)
        }
    }

    /// Ends a claim that has nothing (more) to answer.
    package func end(_ claim: Claim, debounce: Duration, at now: Timestamp) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            let next = try await InboxStore.nextTime(after: claim, debounce: debounce, at: now, on: connection)
            try await claim.end(next: next, on: connection)
        }
    }

    /// Commits a turn: messages, tool executions, usage, leads, analytics, memory, journey, outbox, inbox; and ends the
    /// claim. All of it or nothing; throws ``ClaimLost`` when somebody else has taken over.
    ///
    /// - Returns: the claim on the conversation's deliveries and the first of them, marked as being sent, unless older
    ///   deliveries are still on their way: then whoever sends those goes on with these.
    package func commit(
        _ turn: TurnCommit,
        claim: Claim,
        at now: Timestamp
    ) async throws -> (claim: Claim, first: DeliveryRecord)? {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            try await keepTurn(turn, claim: claim, at: now, on: connection)
            try await keepMessages(turn, claim: claim, at: now, on: connection)
            try await keepEffects(turn, claim: claim, at: now, on: connection)
            try await JourneyStore.append(turn.steps, to: turn.turnID, of: claim.businessID, on: connection)
            try await InboxStore.close(turn.closing, turn: turn.turnID, claim: claim, at: now, on: connection)
            let next = try await InboxStore.nextTime(after: claim, debounce: turn.debounce, at: now, on: connection)
            try await claim.end(next: next, on: connection)
            let delivering = try await enqueue(turn, claim: claim, at: now, on: connection)
            // Last, because all turns of a business write the same row and wait here for each other's commits.
            if turn.model != UsageRecord.noModel {
                try await UsageStore.add(UsageRecord(turn, of: claim.businessID, at: now), on: connection)
            }
            return delivering
        }
    }

    private func enqueue(
        _ turn: TurnCommit,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws -> (claim: Claim, first: DeliveryRecord)? {
        guard !turn.deliveries.isEmpty else { return nil }
        let delivering = try await claim.takeDeliveryLane(
            lease: turn.lease,
            dialect: database.dialect,
            at: now,
            on: connection
        )
        let first = try await DeliveryStore.enqueue(
            turn.deliveries,
            conversation: turn.conversation.id,
            turn: turn.turnID,
            message: turn.replyID,
            claim: claim,
            isSendingFirst: delivering != nil,
            at: now,
            on: connection
        )
        guard let delivering, let first else { return nil }
        return (delivering, first)
    }

    // MARK: Parts of the commit

    private func keepTurn(
        _ turn: TurnCommit,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        try await connection.write(
            """
            INSERT INTO turns (
                business_id, id, conversation_id, session_id, contact_id, user_message, bot_reply, intent, model_name,
                prompt_version, tokens_in, tokens_out, tokens_cached, latency_milliseconds, outcome, created_at,
                cost_micros
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            """,
            with: [
                .id(claim.businessID), .id(turn.turnID), .id(turn.conversation.id), .id(turn.sessionID),
                .id(turn.conversation.contactID), .text(turn.incoming.map(\.text).joined(separator: "\n")),
                .text(turn.reply), .text(turn.intent), .text(turn.model), .text(turn.promptVersion),
                .int(turn.tokensIn), .int(turn.tokensOut), .int(turn.tokensCached), .int(turn.latencyMilliseconds),
                .text(turn.outcome), .timestamp(now), turn.costMicros.map { .integer($0) } ?? .null,
            ]
        )
        try await connection.write(
            """
            UPDATE conversations SET last_activity_at = $3, updated_at = $3,
                message_count = message_count + $4, token_count = token_count + $5,
                session_id = $6, session_started_at = CASE WHEN $7 = 1 THEN $3 ELSE session_started_at END
            WHERE business_id = $1 AND id = $2
            """,
            with: [
                .id(claim.businessID), .id(turn.conversation.id), .timestamp(now), .int(turn.incoming.count + 1),
                .int(turn.tokensIn + turn.tokensOut), .id(turn.sessionID), .int(turn.startsSession ? 1 : 0),
            ]
        )
        try await connection.write(
            """
            INSERT INTO conversation_memory (
                business_id, contact_id, channel, last_intent, message_count, context_data, created_at, updated_at
            ) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
            ON CONFLICT (business_id, contact_id, channel) DO UPDATE SET
                last_intent = COALESCE($4, conversation_memory.last_intent),
                message_count = conversation_memory.message_count + $5, context_data = $6, updated_at = $7
            """,
            with: [
                .id(claim.businessID), .id(turn.conversation.contactID), .text(turn.channel.name), .text(turn.intent),
                .int(turn.incoming.count), .json(turn.memory), .timestamp(now),
            ]
        )
    }

    private func keepMessages(
        _ turn: TurnCommit,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        let conversation = turn.conversation
        let reply: [SQLValue] = [
            .id(claim.businessID), .id(turn.replyID), .id(conversation.id), .id(turn.sessionID), .id(turn.turnID),
            .null, .text("assistant"), .text(turn.reply), .text("text"), .bool(false),
            .int(turn.reply.estimatedTokens), .text(turn.model), .null, .null, .json([:]), .timestamp(now),
        ]
        let incoming = turn.incoming.map {
            row($0, as: "user", turn: turn, in: conversation, claim: claim, at: now)
        }
        try await connection.insert(into: "messages", Self.messageColumns, incoming + [reply])
    }

    private func keep(
        _ messages: [IncomingMessage],
        as role: String,
        in conversation: ConversationRecord,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        let rows = messages.map { row($0, as: role, in: conversation, claim: claim, at: now) }
        try await connection.insert(into: "messages", Self.messageColumns, rows)
    }

    private static let messageColumns: StaticString = """
        business_id, id, conversation_id, session_id, turn_id, contact_id, role, content, message_type, is_from_user, \
        token_count, model_used, platform_message_id, platform_time, metadata, created_at
        """

    private func row(
        _ message: IncomingMessage,
        as role: String,
        turn: TurnCommit? = nil,
        in conversation: ConversationRecord,
        claim: Claim,
        at now: Timestamp
    ) -> [SQLValue] {
        [
            .id(claim.businessID), .id(message.id), .id(conversation.id),
            .id(turn?.sessionID ?? conversation.sessionID), .id(turn?.turnID),
            .id(conversation.contactID), .text(role), .text(message.text), .text(message.type),
            .bool(role == "user"), .int(message.text.estimatedTokens), .null, .text(message.platformMessageID),
            .timestamp(message.platformTime),
            .json(
                .object(present: [
                    "sender": message.senderName.map { .string($0) },
                    "attachments": message.attachments == .array([]) ? nil : message.attachments,
                ])
            ),
            .timestamp(now),
        ]
    }

    private func keepEffects(
        _ turn: TurnCommit,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        let business = claim.businessID
        try await connection.insert(
            into: "tool_executions",
            """
            business_id, id, turn_id, conversation_id, tool_name, arguments, result_digest, is_error, is_cache_hit, \
            milliseconds, created_at
            """,
            turn.executions.map {
                [
                    .id(business), .uuid(UUID7(at: now)), .id(turn.turnID), .id(turn.conversation.id), .text($0.tool),
                    .text($0.arguments), .text($0.resultDigest), .bool($0.isError), .bool($0.isCacheHit),
                    .int($0.milliseconds), .timestamp(now),
                ]
            }
        )
        for lead in turn.leads {
            try await LeadStore.merge(
                lead,
                contact: turn.conversation.contactID,
                business: business,
                channel: turn.channel,
                at: now,
                on: connection
            )
        }
        for entry in turn.usedKnowledge {
            try await connection.write(
                "UPDATE knowledge_entries SET usage_count = usage_count + 1 WHERE business_id = $1 AND id = $2",
                with: [.id(business), .id(entry)]
            )
        }
        if let until = turn.humanUntil {
            try await give(turn.conversation, toHumanUntil: until, claim: claim, at: now, on: connection)
        }
        try await connection.insert(
            into: "analytics_events",
            "business_id, id, event_type, event_category, event_data, channel, contact_id, created_at",
            analytics(of: turn).map { type, category, data in
                [
                    .id(business), .uuid(UUID7(at: now)), .text(type), .text(category), .json(data),
                    .text(turn.channel.name), .id(turn.conversation.contactID), .timestamp(now),
                ]
            }
        )
    }

    private func analytics(of turn: TurnCommit) -> [(type: String, category: String, data: JSON)] {
        var events: [(String, String, JSON)] = [
            (
                "turn", "conversation",
                ["outcome": .string(turn.outcome), "latency_ms": JSON(turn.latencyMilliseconds)]
            )
        ]
        if !turn.leads.isEmpty { events.append(("lead_captured", "lead", [:])) }
        if turn.humanUntil != nil { events.append(("handed_over", "conversation", [:])) }
        return events
    }

    private func give(
        _ conversation: ConversationRecord,
        toHumanUntil until: Timestamp,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        try await connection.write(
            """
            UPDATE conversations SET owner = 'human', owner_until = $3, updated_at = $4
            WHERE business_id = $1 AND id = $2
            """,
            with: [.id(claim.businessID), .id(conversation.id), .timestamp(until), .timestamp(now)]
        )
    }
}
