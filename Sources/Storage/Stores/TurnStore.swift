import ParleyCore

/// The beginning and the end of a turn. Between the two no transaction is open.
package struct TurnStore: Sendable {
    private let database: any SQLDatabase
    private let conversations: ConversationStore

    package init(_ database: any SQLDatabase) {
        self.database = database
        conversations = ConversationStore(database)
    }

    /// Reads what a claim has to answer.
    ///
    /// - Parameter hint: what is believed of the conversation. As far as the database confirms it, it is not read.
    /// - Parameter sender: the channel's id of the person who wrote an event; the last event's sender is the turn's.
    package func situation(
        _ claim: Claim,
        channel: ChannelID,
        hint: TurnHint? = nil,
        sender: @Sendable ([InboxEvent]) -> String?
    ) async throws -> TurnSituation {
        try await database.read(.business(claim.businessID)) { connection in
            let found = try await FoundSituation(claim, channel: channel, hint: hint, on: connection)
            guard let sender = sender(found.events) else { return found.withoutConversation }
            if sender == found.sender { return found.situation }
            // The caller knows better whose turn it is.
            guard
                let conversation = try await conversations.find(
                    claim,
                    sender: sender,
                    channel: channel,
                    on: connection
                )
            else { return found.withoutConversation }
            return TurnSituation(
                events: found.events,
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
            try await connection.write(
                together: [
                    InboxStore.closing(passed.closing, turn: nil, claim: claim, dialect: database.dialect, at: now)
                ]
            )
            try await DeliveryStore.keep(passed.reports, claim: claim, at: now, on: connection)
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
            try await connection.write(
                together: claim.ending(
                    closing: [],
                    debounce: debounce,
                    isUndone: true,
                    dialect: database.dialect,
                    at: now
                )
            )
        }
    }

    /// Ends a claim that has nothing (more) to answer.
    package func end(_ claim: Claim, debounce: Duration, at now: Timestamp) async throws {
        try await database.transaction(.business(claim.businessID)) { connection in
            try await claim.check(database.dialect, on: connection)
            try await connection.write(
                together: claim.ending(closing: [], debounce: debounce, dialect: database.dialect, at: now)
            )
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
            var delivering: Claim?
            if turn.deliveries.isEmpty {
                try await claim.check(database.dialect, on: connection)
            } else {
                delivering = try await claim.checkAndTakeDeliveries(
                    lease: turn.lease,
                    dialect: database.dialect,
                    at: now,
                    on: connection
                )
            }
            for lead in turn.leads {
                try await LeadStore.merge(
                    lead,
                    contact: turn.conversation.contactID,
                    business: claim.businessID,
                    channel: turn.channel,
                    at: now,
                    on: connection
                )
            }
            let position = try await DeliveryStore.nextPosition(
                in: claim,
                isFirst: delivering != nil || turn.deliveries.isEmpty,
                at: now,
                on: connection
            )
            let enqueuing = DeliveryStore.Enqueuing(
                deliveries: turn.deliveries,
                conversation: turn.conversation.id,
                turn: turn.turnID,
                message: turn.replyID,
                position: position,
                isSendingFirst: delivering != nil
            )
            try await connection.write(
                together: turn.writes(claim, at: now)
                    + [
                        InboxStore.closing(
                            turn.closing,
                            turn: turn.turnID,
                            claim: claim,
                            dialect: database.dialect,
                            at: now
                        )
                    ]
                    + claim.ending(
                        closing: turn.closing.map(\.id),
                        debounce: turn.debounce,
                        dialect: database.dialect,
                        at: now
                    )
                    + [DeliveryStore.write(enqueuing, claim: claim, at: now)]
                    // Last, because all turns of a business write the same row and wait here for each other's commits.
                    + (turn.model == UsageRecord.noModel
                        ? [] : [UsageStore.adding(UsageRecord(turn, of: claim.businessID, at: now))])
            )
            guard let delivering, let first = turn.deliveries.first else { return nil }
            return (
                delivering,
                DeliveryRecord(
                    first,
                    conversation: turn.conversation.id,
                    turn: turn.turnID,
                    message: turn.replyID,
                    claim: claim,
                    at: now
                )
            )
        }
    }

    // MARK: Parts of passing over

    private func keep(
        _ messages: [IncomingMessage],
        as role: String,
        in conversation: ConversationRecord,
        claim: Claim,
        at now: Timestamp,
        on connection: any SQLConnection
    ) async throws {
        guard !messages.isEmpty else { return }
        let rows = messages.map { $0.row(as: role, in: conversation, claim: claim, at: now) }
        try await connection.insert(into: "messages", IncomingMessage.columns, rows)
        // Who has the messages in a cache learns by the count that these came.
        try await connection.write(
            "UPDATE conversations SET message_count = message_count + $3 WHERE business_id = $1 AND id = $2",
            with: [.id(claim.businessID), .id(conversation.id), .int(messages.count)]
        )
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
