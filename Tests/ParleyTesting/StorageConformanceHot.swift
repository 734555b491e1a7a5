import ParleyCore
import Storage

// The hot stores: what every message passes through. Time is told, never waited for.
extension StorageConformance {
    /// Two businesses with integrations, and the stores that their messages pass.
    struct Traffic: Sendable {
        static let lease: Duration = .seconds(15)

        let database: any SQLDatabase
        let inbox: InboxStore
        let lanes: LaneStore
        let conversations: ConversationStore
        let turns: TurnStore
        let deliveries: DeliveryStore
        let journeys: JourneyStore
        let ours: Address
        /// Another integration of our business.
        let beside: Address
        let theirs: Address

        /// A conversation of an integration of a business.
        struct Address: Sendable, Hashable {
            let business: ID<Business>
            let integration: ID<Integration>
            var key = "chat"

            func callAsFunction(_ key: String) -> Address {
                Address(business: business, integration: integration, key: key)
            }
        }

        init(_ database: any SQLDatabase) async throws {
            let clock = ManualClock(time)
            let businesses = BusinessStore(database, clock: clock)
            let integrations = IntegrationStore(database, vault: CredentialVault(.random(), clock: clock), clock: clock)
            func connect(_ business: ID<Business>) async throws -> Address {
                let id = ID<Integration>(at: time)
                _ = try await integrations.connect(
                    id: id,
                    business: business,
                    channel: "telegram",
                    name: "A bot",
                    credentials: World.secret("{}"),
                    settings: [:],
                    webhookURL: nil
                )
                return Address(business: business, integration: id)
            }
            let ourselves = try await businesses.create(name: "Ours").id
            ours = try await connect(ourselves)
            beside = try await connect(ourselves)
            // Lanes are claimed in the order of the businesses' ids: ours is to be the first.
            clock.advance(by: .milliseconds(1))
            theirs = try await connect(try await businesses.create(name: "Theirs").id)
            self.database = database
            inbox = InboxStore(database)
            lanes = LaneStore(database)
            conversations = ConversationStore(database)
            turns = TurnStore(database)
            deliveries = DeliveryStore(database)
            journeys = JourneyStore(database)
        }
    }

    /// `milliseconds` after the beginning.
    static func after(_ milliseconds: Int) -> Timestamp { time.advanced(by: .milliseconds(milliseconds)) }
}

// MARK: - Short words for long stories

extension StorageConformance.Traffic {
    /// An event whose platform message id is `dedupeKey` with `p-` before it.
    func entry(
        _ dedupeKey: String,
        in address: Address,
        position: Int64 = 1,
        debounce: Duration = .zero,
        at now: Timestamp
    ) -> InboxEntry {
        let event: JSON = [
            "platform_message_id": .string("p-\(dedupeKey)"), "text": .string("Hello \(dedupeKey)"),
            "sender": ["channel_user_id": "u1"],
        ]
        return InboxEntry(
            id: ID(at: now),
            businessID: address.business,
            integrationID: address.integration,
            dedupeKey: dedupeKey,
            conversationKey: address.key,
            kind: "message",
            position: position,
            event: event.description,
            receivedAt: now,
            debounce: debounce
        )
    }

    func keep(_ dedupeKeys: String..., in address: Address, at now: Timestamp) async throws {
        let entries = dedupeKeys.enumerated().map { index, key in
            entry(key, in: address, position: now.microseconds + Int64(index), at: now)
        }
        _ = try await inbox.keep(entries, at: now)
    }

    /// Up to so many lanes whose time has come, of each business in turn.
    func claims(
        _ act: Claim.Act = .answer,
        upTo count: Int = 100,
        for holder: String = "node",
        perBusiness: Int = 100,
        at now: Timestamp
    ) async throws -> [Claim] {
        var claims: [Claim] = []
        while claims.count < count {
            let businesses = try await lanes.outlook(act, at: now).ready
            let taken = try await lanes.claim(
                act,
                businesses.prefix(count - claims.count).map { LaneShare(business: $0, count: 1) },
                for: holder,
                perBusiness: perBusiness,
                lease: Self.lease,
                at: now
            )
            claims += taken
            if taken.isEmpty { break }
        }
        return claims
    }

    /// The only lane whose time has come.
    func claim(_ act: Claim.Act = .answer, at now: Timestamp) async throws -> Claim {
        let claims = try await claims(act, at: now)
        guard claims.count == 1, let claim = claims.first else { throw Unexpected(what: "\(claims.count) claims") }
        return claim
    }

    /// The events that wait for a claim.
    func waiting(_ claim: Claim, upTo count: Int = 100) async throws -> [InboxEvent] {
        try await database.read(.house) { try await inbox.waiting(claim, upTo: count, on: $0) }
    }

    /// The claim's conversation, opened if it is new.
    func conversation(_ claim: Claim, sender: String = "u1", at now: Timestamp) async throws -> ConversationRecord {
        try await conversations.open(claim, sender: SenderRecord(channelUserID: sender, name: "Ada"), at: now)
        guard let record = try await find(claim, sender: sender) else { throw Unexpected(what: "no conversation") }
        return record
    }

    func find(_ claim: Claim, sender: String = "u1") async throws -> ConversationRecord? {
        try await database.read(.house) {
            try await conversations.find(claim, sender: sender, channel: "telegram", on: $0)
        }
    }

    /// A turn that answers `events` with as many deliveries as `replies`.
    func turn(
        _ events: [InboxEvent],
        in conversation: ConversationRecord,
        replies: Int = 1,
        at now: Timestamp
    ) -> TurnCommit {
        TurnCommit(
            turnID: ID(at: now),
            conversation: conversation,
            channel: "telegram",
            sessionID: conversation.sessionID,
            startsSession: false,
            closing: events.map { ($0.id, $0.dedupeKey) },
            incoming: events.map { message($0) },
            replyID: ID(at: now),
            reply: "Hello yourself",
            deliveries: (0..<replies).map { index in
                NewDelivery(
                    id: ID(at: now),
                    address: ["chat": 7],
                    payload: ["part": JSON(index)],
                    text: "part \(index)"
                )
            },
            outcome: "answered",
            intent: nil,
            model: "offline",
            promptVersion: "v1",
            tokensIn: 30,
            tokensOut: 12,
            tokensCached: 5,
            latencyMilliseconds: 40,
            executions: [],
            leads: [],
            humanUntil: nil,
            usedKnowledge: [],
            memory: [:],
            steps: [JourneyStep("commit", "answered", at: now)],
            debounce: .zero,
            lease: Self.lease
        )
    }

    func message(_ event: InboxEvent) -> IncomingMessage {
        IncomingMessage(
            id: ID(event.id.uuid),
            text: event.event["text"]?.string ?? "",
            type: "text",
            platformMessageID: event.event["platform_message_id"]?.string,
            platformTime: event.receivedAt,
            senderName: "Ada",
            attachments: []
        )
    }

    /// Keeps an event and answers it: the claim on its deliveries, and the first of them.
    func answered(
        _ dedupeKey: String = "e",
        in address: Address,
        replies: Int = 1,
        at now: Timestamp
    ) async throws -> (turn: TurnCommit, claim: Claim, first: DeliveryRecord) {
        try await keep(dedupeKey, in: address, at: now)
        let claim = try await claim(at: now)
        let commit = turn(
            try await waiting(claim),
            in: try await conversation(claim, at: now),
            replies: replies,
            at: now
        )
        guard let sending = try await turns.commit(commit, claim: claim, at: now) else {
            throw Unexpected(what: "older deliveries")
        }
        return (commit, sending.claim, sending.first)
    }

    /// What a lane looks like, without its fence; nil when there is none.
    func lane(_ address: Address, _ act: Claim.Act = .answer) async throws -> Lane? {
        try await database.read(.house) { connection in
            try await connection.first(
                """
                SELECT claimable_at, waiting_since, holder FROM lanes
                WHERE act = $1 AND business_id = $2 AND channel_integration_id = $3 AND conversation_key = $4
                """,
                [.text(act.rawValue), .id(address.business), .id(address.integration), .text(address.key)]
            ).map {
                Lane(
                    claimableAt: try $0.timestamp("claimable_at"),
                    waitingSince: try $0.timestamp("waiting_since"),
                    holder: $0.optionalText("holder")
                )
            }
        }
    }

    struct Lane: Equatable, Sendable {
        let claimableAt: Timestamp
        let waitingSince: Timestamp
        var holder: String?
    }

    func count(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Int64 {
        try await database.read(.house) {
            try await $0.first("SELECT COUNT(*) AS n FROM \(sql)", parameters)?.int("n") ?? -1
        }
    }

    func row(_ sql: String, _ parameters: [SQLValue]) async throws -> SQLRow {
        guard let row = try await database.read(.house, { try await $0.first(sql, parameters) }) else {
            throw Unexpected(what: "no row for \(sql)")
        }
        return row
    }

    /// Everything of a business that the hot stores write, to see whether anything has changed.
    func contents(of business: ID<Business>) async throws -> [String] {
        try await database.read(.house) { connection in
            var texts: [String] = []
            for (table, columns) in Self.columns {
                let rows = try await connection.query("SELECT * FROM \(table) WHERE business_id = $1", [.id(business)])
                texts += rows.map { row in "\(table) \(columns.split(separator: " ").map { row[String($0)] })" }
                    .sorted()
            }
            return texts
        }
    }

    private static let columns = [
        ("inbox_events", "dedupe_key turn_id closed_at"),
        ("lanes", "act conversation_key claimable_at waiting_since holder fence"),
        ("contacts", "id name"),
        ("contact_identities", "channel_user_id contact_id"),
        ("conversations", "id owner owner_until session_id last_activity_at message_count token_count"),
        ("conversation_participants", "conversation_id contact_id"),
        ("conversation_memory", "contact_id message_count context_data"),
        ("messages", "id content turn_id delivery_state"),
        ("turns", "id outcome"),
        ("tool_executions", "turn_id tool_name"),
        (
            "deliveries",
            "id position address state attempts uses_plain_text may_be_duplicate not_before platform_message_id settled_at"
        ),
        ("delivery_attempts", "delivery_id attempt verdict"),
        ("journey_events", "subject_id step verdict"),
        ("leads", "name email"),
        ("knowledge_entries", "usage_count"),
        ("api_usage", "day messages tokens_in"),
        ("analytics_events", "event_type"),
    ]

    /// The fixture itself did not go as it must.
    struct Unexpected: Error { let what: String }
}

extension StorageConformance.Findings {
    /// `body` must be refused because its claim is lost.
    mutating func lost(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            expect(false, "\(what) went through with a lost claim")
        } catch is ClaimLost {
        } catch {
            expect(false, "\(what) threw \(error) instead of ClaimLost")
        }
    }
}

/// The same seed gives the same numbers.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    // SplitMix64 (Steele, Lea, Flood 2014).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension LaneStore {
    /// Gives one claim back that has failed.
    func release(_ claim: Claim, claimableAt time: Timestamp) async throws {
        try await release([UndoneClaim(claim, claimableAt: time, isInnocent: false)])
    }
}
