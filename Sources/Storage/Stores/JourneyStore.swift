import ParleyCore

/// One step or gate that a message passed: which rule decided, by which value.
package struct JourneyStep: Sendable, Equatable {
    package var step: String
    package var verdict: String
    package var rule: String
    package var value: String
    package var milliseconds: Int
    package var at: Timestamp

    package init(
        _ step: String,
        _ verdict: String,
        rule: String = "",
        value: String = "",
        milliseconds: Int = 0,
        at: Timestamp
    ) {
        self.step = step
        self.verdict = verdict
        self.rule = rule
        self.value = value
        self.milliseconds = milliseconds
        self.at = at
    }
}

/// The whole way of a message: what came in, the turn that answered it, what went out.
package struct Journey: Sendable {
    package var events: [InboxEvent]
    package var turnID: ID<Turn>?
    package var steps: [JourneyStep]
    package var deliveries: [DeliveryRecord]
    /// How often in a row what waits first in the conversation was begun and has not come to an end; the events may wait
    /// behind that.
    package var begun: Int64
}

/// A turn, or an event that has none yet, to which a platform's message id may belong.
package struct JourneyChoice: Sendable {
    /// What finds this one and no other.
    package let id: String
    package let businessID: ID<Business>
    package let at: Timestamp
}

/// Append-only: every decision is kept with the rule that made it.
package struct JourneyStore: Sendable {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    /// Appends steps to a subject (an inbox event, a turn or a delivery) within somebody's commit.
    static func append<Subject>(
        _ steps: [JourneyStep],
        to subject: ID<Subject>,
        of business: ID<Business>,
        on connection: any SQLConnection
    ) async throws {
        try await connection.write(together: appending(steps, to: subject, of: business))
    }

    /// The same, as a write among others; none without steps.
    static func appending<Subject>(
        _ steps: [JourneyStep],
        to subject: ID<Subject>,
        of business: ID<Business>
    ) -> [SQLWrite] {
        guard !steps.isEmpty else { return [] }
        return [
            .rows(
                into: "journey_events",
                columns: "business_id, subject_id, id, step, verdict, rule, value, milliseconds, created_at",
                JourneyStore.ordered(steps).map { step, id in
                    [
                        .id(business), .id(subject), .uuid(id), .text(step.step), .text(step.verdict),
                        .text(step.rule), .text(step.value.clipped(toUTF8: 500)), .int(step.milliseconds),
                        .timestamp(step.at),
                    ]
                }
            )
        ]
    }

    /// Finds the journey that `id` belongs to: an inbox event, a turn, a message, a delivery, or a platform's own
    /// message id. Nil when there is none. Crosses businesses: for the operator's command line only.
    package func find(_ id: String) async throws -> Journey? {
        try await database.read(.house) { connection in
            guard let subject = try await JourneyStore.subject(of: id, on: connection) else { return nil }
            return try await JourneyStore.journey(of: subject, on: connection)
        }
    }

    /// What a platform's message id may mean, the latest first, ``choicesAtMost`` of them: some platforms count messages
    /// anew in every chat. For the operator's command line only.
    package func choices(of platformMessageID: String) async throws -> [JourneyChoice] {
        try await database.read(.house) { connection in
            let sent = try await connection.query(
                """
                SELECT business_id, turn_id, NULL AS event_id, created_at AS at FROM deliveries
                WHERE platform_message_id = $1 ORDER BY id DESC LIMIT \(Self.choicesAtMost)
                """,
                [.text(platformMessageID)]
            )
            let said = try await connection.query(
                """
                SELECT business_id, turn_id, NULL AS event_id, created_at AS at FROM messages
                WHERE platform_message_id = $1 AND turn_id IS NOT NULL ORDER BY id DESC LIMIT \(Self.choicesAtMost)
                """,
                [.text(platformMessageID)]
            )
            let received = try await JourneyStore.events(of: platformMessageID, "1 = 1", [], on: connection)
            var choices: [String: JourneyChoice] = [:]
            for row in sent + said {
                guard let turn: ID<Turn> = row.optionalID("turn_id") else { continue }
                choices[turn.description] = JourneyChoice(
                    id: turn.description,
                    businessID: try row.id("business_id"),
                    at: try row.timestamp("at")
                )
            }
            for event in received {
                let id = event.turnID?.description ?? event.id.description
                choices[id] = JourneyChoice(id: id, businessID: event.businessID, at: event.receivedAt)
            }
            return Array(choices.values.sorted { ($0.at, $0.id) > ($1.at, $1.id) }.prefix(Self.choicesAtMost))
        }
    }

    package static let choicesAtMost = 20

    /// The journey of an incoming message by the platform's id of it.
    package func find(
        platformMessageID: String,
        integrationID: ID<Integration>,
        of business: ID<Business>
    ) async throws -> Journey? {
        try await database.read(.business(business)) { connection in
            let events = try await JourneyStore.events(
                of: platformMessageID,
                "business_id = $2 AND channel_integration_id = $3",
                [.id(business), .id(integrationID)],
                on: connection
            )
            guard let event = events.first else { return nil }
            let subject = Subject(business: business, event: event.id, turn: event.turnID)
            return try await JourneyStore.journey(of: subject, on: connection)
        }
    }

    private struct Subject {
        var business: ID<Business>
        var event: ID<Inbound>?
        var turn: ID<Turn>?
    }

    private static func subject(of id: String, on connection: any SQLConnection) async throws -> Subject? {
        // Lets the operator's lookup use keys that begin with the business.
        let ofAny = "business_id IN (SELECT id FROM businesses)"
        let lookups = [
            "SELECT business_id, id AS event_id, turn_id FROM inbox_events WHERE id = $1",
            "SELECT business_id, NULL AS event_id, id AS turn_id FROM turns WHERE \(ofAny) AND id = $1",
            "SELECT business_id, NULL AS event_id, turn_id FROM messages WHERE \(ofAny) AND id = $1 AND turn_id IS NOT NULL",
            "SELECT business_id, NULL AS event_id, turn_id FROM deliveries WHERE \(ofAny) AND id = $1",
            """
            SELECT business_id, NULL AS event_id, turn_id FROM deliveries
            WHERE platform_message_id = $1 ORDER BY id DESC LIMIT 1
            """,
            """
            SELECT business_id, NULL AS event_id, turn_id FROM messages
            WHERE platform_message_id = $1 AND turn_id IS NOT NULL ORDER BY id DESC LIMIT 1
            """,
        ]
        let ownID = UUID7(id).map { SQLValue.uuid($0) }
        for (index, sql) in lookups.enumerated() {
            // The first four are about our own ids; the rest about the platforms'.
            guard let parameter = index < 4 ? ownID : .text(id) else { continue }
            guard let row = try await connection.first(sql, [parameter]) else { continue }
            return Subject(
                business: try row.id("business_id"),
                event: row.optionalID("event_id"),
                turn: row.optionalID("turn_id")
            )
        }
        return try await events(of: id, "1 = 1", [], on: connection).first.map {
            Subject(business: $0.businessID, event: $0.id, turn: $0.turnID)
        }
    }

    /// The incoming messages that their platform calls so, the latest first.
    private static func events(
        of platformMessageID: String,
        _ condition: StaticString,
        _ parameters: [SQLValue],
        on connection: any SQLConnection
    ) async throws -> [InboxEvent] {
        // Where a platform's ids are unique in a chat only, a channel puts the chat before them (`C1:1760000000.000100`);
        // people give what the platform shows.
        for comparison in ["= $1", "LIKE '%:' || $1 ESCAPE '!'"] {
            let isPattern = comparison.hasPrefix("LIKE")
            // The engines do not agree whether LIKE tells capitals apart, and reports name the same ids: look again.
            let events = try await connection.query(
                """
                SELECT * FROM inbox_events WHERE \(condition) AND event ->> 'platform_message_id' \(comparison)
                ORDER BY id DESC LIMIT \(choicesAtMost)
                """,
                [.text(isPattern ? escaped(platformMessageID) : platformMessageID)] + parameters
            ).map { try InboxEvent($0) }
            let found = events.filter { event in
                let id = event.event["platform_message_id"]?.string
                return id == platformMessageID || id?.hasSuffix(":\(platformMessageID)") == true
            }
            if !found.isEmpty { return found }
        }
        return []
    }

    private static func journey(of subject: Subject, on connection: any SQLConnection) async throws -> Journey {
        let business: SQLValue = .id(subject.business)
        let events: [InboxEvent]
        if let turn = subject.turn {
            events = try await connection.query(
                "SELECT * FROM inbox_events WHERE business_id = $1 AND turn_id = $2 ORDER BY position, id",
                [business, .id(turn)]
            ).map { try InboxEvent($0) }
        } else {
            events = try await connection.query(
                "SELECT * FROM inbox_events WHERE business_id = $1 AND id = $2",
                [business, .id(subject.event)]
            ).map { try InboxEvent($0) }
        }
        let deliveries =
            subject.turn == nil
            ? []
            : try await connection.query(
                "SELECT * FROM deliveries WHERE business_id = $1 AND turn_id = $2 ORDER BY position",
                [business, .id(subject.turn)]
            ).map { try DeliveryRecord($0) }
        var subjects: [SQLValue] = events.map { .id($0.id) } + deliveries.map { .id($0.id) }
        if let turn = subject.turn { subjects.append(.id(turn)) }
        var steps: [JourneyStep] = []
        for id in subjects {
            steps += try await connection.query(
                "SELECT * FROM journey_events WHERE business_id = $1 AND subject_id = $2 ORDER BY id",
                [business, id]
            ).map { row in
                JourneyStep(
                    try row.text("step"),
                    try row.text("verdict"),
                    rule: try row.text("rule"),
                    value: try row.text("value"),
                    milliseconds: Int(clamping: try row.int("milliseconds")),
                    at: try row.timestamp("created_at")
                )
            }
        }
        let begun = try await connection.first(
            """
            SELECT l.begun FROM lanes l JOIN inbox_events e ON e.business_id = l.business_id
                AND e.channel_integration_id = l.channel_integration_id AND e.conversation_key = l.conversation_key
            WHERE l.business_id = $1 AND l.act = 'answer' AND e.id = $2 AND e.closed_at IS NULL
            """,
            [business, .id(events.first?.id)]
        )?.int("begun")
        let ordered = steps.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        return Journey(
            events: events,
            turnID: subject.turn,
            steps: ordered.map(\.element),
            deliveries: deliveries,
            begun: begun ?? 0
        )
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            if character == "%" || character == "_" || character == "!" { escaped.append("!") }
            escaped.append(character)
        }
        return escaped
    }

    // Steps of one moment keep their order by the id's random part being replaced with a counter.
    private static func ordered(_ steps: [JourneyStep]) -> [(JourneyStep, UUID7)] {
        steps.enumerated().map { index, step in
            let id = UUID7(at: step.at)
            return (step, UUID7(high: id.high & ~0xFFF | UInt64(index & 0xFFF), low: id.low))
        }
    }
}
