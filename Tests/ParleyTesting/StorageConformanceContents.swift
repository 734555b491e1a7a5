import ParleyCore
import Storage

// What businesses gather: knowledge, leads, usage, exports; and that none sees another's.
extension StorageConformance {
    static let entries = [
        KnowledgeDraft(
            question: "What are your opening hours?",
            answer: "Monday to Saturday, 9:00 to 18:00.",
            keywords: "open, closed, sunday, weekend"
        ),
        KnowledgeDraft(
            question: "How long does delivery take?",
            answer: "Two working days; parcels are shipped before noon.",
            keywords: "shipping, deliveries",
            intent: "delivery"
        ),
        KnowledgeDraft(question: "Can I return a phone?", answer: "Yes, within 30 days.", keywords: "returns refund"),
        KnowledgeDraft(question: "Gibt es ein Café?", answer: "Ja, im ersten Stock.", keywords: ""),
    ]

    static func knowledge(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let store = world.knowledge
        findings.expect(try await store.importAll(entries, for: world.ours), is: 4, "entries written")
        let expected: [(asked: String, question: String, atLeast: Double)] = [
            ("When are you open?", "What are your opening hours?", 1),
            ("are you OPEN on sundays", "What are your opening hours?", 1),
            ("shipping?", "How long does delivery take?", 1),
            ("how long do deliveries take", "How long does delivery take?", 1),
            ("I want to return my phone", "Can I return a phone?", 0.6),
            ("cafe", "Gibt es ein Café?", 1),
        ]
        for (asked, question, atLeast) in expected {
            let best = try await store.search(asked, in: world.ours, limit: 3).first
            findings.expect(best?.question, is: question, "what \"\(asked)\" finds")
            findings.expect((best?.score ?? 0) >= atLeast, "\"\(asked)\" scores \(best?.score ?? 0)")
        }
        let answered = try await store.search("parcels", in: world.ours).first
        findings.expect(answered?.score, is: 0.5, "a word of the answer alone")
        findings.expect(try await store.search("unicorn", in: world.ours), is: [], "what nothing knows")
        let partly = try await store.search("unicorn refund", in: world.ours).first
        findings.expect(partly?.score, is: 0.5, "one word of two")

        var changed = entries
        changed[0].answer = "Always."
        changed[0].keywords = "midnight"
        try await store.importAll([changed[0]], for: world.ours)
        let all = try await store.list(of: world.ours)
        findings.expect(all.count, is: 4, "entries after a second import")
        findings.expect(try await store.search("midnight", in: world.ours).first?.answer, is: "Always.", "the new one")
        findings.expect(try await store.search("weekend", in: world.ours), is: [], "the keyword that is gone")

        guard let hours = all.first(where: { $0.answer == "Always." })?.id else { return }
        try await database.transaction(.house) { connection in
            try await KnowledgeStore.countUse(of: [hours, hours], in: world.ours, on: connection)
            try await KnowledgeStore.countUse(of: [hours], in: world.theirs, on: connection)
        }
        let used = try await store.list(of: world.ours).first { $0.id == hours }
        findings.expect(used?.usageCount, is: 2, "how often it was used")
        findings.expect(try await store.setActive(false, hours, of: world.ours), "it was not switched off")
        findings.expect(try await store.search("midnight", in: world.ours), is: [], "an entry that is off")
        findings.expect(try await store.delete(hours, of: world.ours), "it was not deleted")
        findings.expect(try await store.list(of: world.ours).count, is: 3, "entries after deleting one")
    }

    static func hostileQuestions(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        try await world.knowledge.importAll(entries, for: world.ours)
        let questions = [
            "", " ", "?!…", "\"", "' OR 1=1 --", "open\" OR \"x", "NEAR(open hours)", "business : open", "open AND NOT",
            "(", ")", "*", "open*", "^open", "-open", "{open hours} : x", "$1", "open\u{0}hours", "\u{202E}open", "&",
            "|",
            "open & hours", "!open", "open:*", "<->", "日本語", String(repeating: "word ", count: 5000),
            String(repeating: "x", count: 100_000), "who are you",
        ]
        for question in questions {
            do {
                _ = try await world.knowledge.search(question, in: world.ours)
            } catch {
                findings.expect(false, "\(question.prefix(20).debugDescription) is refused with \(error)")
            }
        }
    }

    static func leads(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let steps = [
            LeadFields(email: "ada@example.com", interest: "iPhone 15"),
            LeadFields(name: "Ada", phone: "+4917012345", sourceIntent: "stock"),
            LeadFields(email: "work@example.com", interest: "iPhone 15"),
            LeadFields(email: "work@example.com", interest: "Case"),
            LeadFields(),
        ]
        for fields in steps {
            world.clock.advance(by: .seconds(1))
            let now = world.clock.now
            try await database.transaction(.house) { connection in
                try await LeadStore.merge(
                    fields,
                    contact: world.contact,
                    business: world.ours,
                    channel: "telegram",
                    at: now,
                    on: connection
                )
            }
        }
        let page = try await world.leads.page(of: world.ours)
        findings.expect(page.count, is: 1, "leads")
        let lead = try await world.leads.lead(of: world.contact, in: world.ours)
        findings.expect(lead, is: page.first, "the contact's lead")
        findings.expect(lead?.name, is: "Ada", "the name")
        findings.expect(lead?.email, is: "ada@example.com", "the first address")
        findings.expect(lead?.phone, is: "+4917012345", "the number")
        findings.expect(lead?.sourceIntent, is: "stock", "the intent")
        findings.expect(lead?.status, is: "new", "the status")
        findings.expect(lead?.extraData["other_emails"], is: ["work@example.com"], "the other address")
        findings.expect(lead?.extraData["interests"], is: ["iPhone 15", "Case"], "the interests")
        findings.expect(lead?.createdAt, is: time.advanced(by: .seconds(1)), "when it began")
        findings.expect(lead?.updatedAt, is: time.advanced(by: .seconds(5)), "when it grew")
        let contact = try await database.read(.house) {
            try await $0.first("SELECT email FROM contacts WHERE id = $1", [.id(world.contact)])
        }
        findings.expect(contact?.optionalText("email"), is: "ada@example.com", "the contact's address")
    }

    static func usage(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let one = UsageRecord(
            businessID: world.ours,
            day: "2026-11-21",
            model: "offline",
            messages: 1,
            tokensIn: 100,
            tokensOut: 20,
            tokensCached: 5,
            toolCalls: 2,
            costMicros: 7
        )
        var tomorrow = one
        tomorrow.day = "2026-11-22"
        let records = [one, one, tomorrow]
        try await database.transaction(.house) { connection in
            for record in records { try await UsageStore.add(record, on: connection) }
        }
        let first = try await world.usage.usage(of: world.ours, from: "2026-11-01", through: "2026-11-21")
        var doubled = one
        (doubled.messages, doubled.tokensIn, doubled.tokensOut) = (2, 200, 40)
        (doubled.tokensCached, doubled.toolCalls, doubled.costMicros) = (10, 4, 14)
        findings.expect(first, is: [doubled], "one day")
        let both = try await world.usage.usage(of: world.ours, from: "2026-11-21", through: "2026-11-22")
        findings.expect(both, is: [doubled, tomorrow], "two days")
    }

    static func exports(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        for index in 0..<7 {
            let contact = try await World.contact(of: world.ours, database)
            try await database.transaction(.house) { connection in
                try await LeadStore.merge(
                    LeadFields(name: "Lead \(index)"),
                    contact: contact,
                    business: world.ours,
                    channel: "slack",
                    at: time,
                    on: connection
                )
                try await UsageStore.add(
                    UsageRecord(businessID: world.ours, day: "2026-11-0\(index + 1)", model: "m", messages: index),
                    on: connection
                )
            }
        }
        try await insertMessages(7, world, database)
        for kind in ExportStore.Kind.allCases {
            for pageSize in [1, 3, 7, 100] {
                let store = ExportStore(database, pageSize: pageSize)
                var rows: [[JSON]] = []
                try await store.export(kind, of: world.ours) { rows += $0 }
                findings.expect(rows.count, is: 7, "\(kind) in pages of \(pageSize)")
                findings.expect(Set(rows).count, is: 7, "different \(kind) in pages of \(pageSize)")
                let width = ExportStore.columns(of: kind).count
                findings.expect(rows.allSatisfy { $0.count == width }, "\(kind): rows of another width")
                var others = 0
                try await store.export(kind, of: world.theirs) { others += $0.count }
                findings.expect(others, is: 0, "\(kind) of the other business")
            }
        }
        var first: [JSON]?
        try await ExportStore(database).export(.conversations, of: world.ours) { first = $0.first }
        let columns = ExportStore.columns(of: .conversations)
        let row = first.map { JSONObject(zip(columns, $0).map { JSONObject.Member(key: $0, value: $1) }) }
        findings.expect(row?["content"], is: "Message 0", "a message")
        findings.expect(row?["channel"], is: "telegram", "its channel")
        findings.expect(row?["created_at"], is: JSON(time.description), "its time")
    }

    private static func insertMessages(_ count: Int, _ world: World, _ database: any SQLDatabase) async throws {
        let conversation = ID<Conversation>(at: time)
        let session = ID<Session>(at: time)
        let ids = (0..<count).map { _ in ID<Message>(at: time) }.sorted()
        try await database.transaction(.house) { connection in
            try await connection.execute(
                """
                INSERT INTO conversations (
                    business_id, id, channel_integration_id, conversation_key, contact_id, session_id,
                    session_started_at, started_at, last_activity_at, created_at, updated_at
                ) VALUES ($1, $2, $3, 'chat', $4, $5, $6, $6, $6, $6, $6)
                """,
                [
                    .id(world.ours), .id(conversation), .id(world.integration), .id(world.contact), .id(session),
                    .timestamp(time),
                ]
            )
            _ = try await connection.batch(
                """
                INSERT INTO messages (
                    business_id, id, conversation_id, session_id, contact_id, role, content, is_from_user, created_at
                ) VALUES ($1, $2, $3, $4, $5, 'user', $6, $7, $8)
                """,
                ids.enumerated().map { index, id in
                    [
                        .id(world.ours), .id(id), .id(conversation), .id(session), .id(world.contact),
                        .text("Message \(index)"), .bool(true), .timestamp(time),
                    ]
                }
            )
        }
    }

    /// Every method, asked by one business for what another has.
    static func isolation(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let world = try await World(database)
        let theirs = world.theirs
        try await world.knowledge.importAll(entries, for: world.ours)
        let data = try await world.data.create(
            business: world.ours,
            kind: .rest,
            name: "Service",
            baseURL: "https://service.example",
            endpoints: [World.endpoint("check_stock")]
        )
        try await database.transaction(.house) { connection in
            try await LeadStore.merge(
                LeadFields(name: "Ada"),
                contact: world.contact,
                business: world.ours,
                channel: "telegram",
                at: time,
                on: connection
            )
            try await UsageStore.add(
                UsageRecord(businessID: world.ours, day: "2026-11-21", model: "m", messages: 1),
                on: connection
            )
        }
        let agent = try await world.agents.defaultAgent(of: world.ours)
        let entry = try await world.knowledge.list(of: world.ours).first
        guard let agent, let entry else { return findings.expect(false, "there is nothing to hide") }
        let before = try await contents(database, of: world.ours)

        findings.expect(try await world.integrations.list(of: theirs).isEmpty, "integrations are listed")
        findings.expect(try await world.integrations.integration(world.integration, of: theirs) == nil, "one is found")
        let integrations = world.integrations
        let id = world.integration
        let refused = [
            ("disable", try await integrations.disable(id, of: theirs)),
            ("setActive", try await integrations.setActive(false, id, of: theirs)),
            ("hold", try await integrations.hold(id, of: theirs, for: .seconds(9))),
            ("setHealth", try await integrations.setHealth(.refused, id, of: theirs)),
            ("setWebhookURL", try await integrations.setWebhookURL("https://evil.example", id, of: theirs)),
            ("settings", try await integrations.change(settings: [:], of: id, business: theirs)),
            ("replace", try await integrations.replace(credentials: World.secret("{}"), of: id, business: theirs)),
            ("agent", try await world.agents.change(AgentChanges(instructions: "Be evil"), agent.id, of: theirs)),
            ("enable", try await world.tools.enable("check_stock", for: theirs)),
            ("disable tool", try await world.tools.disable("check_stock", for: theirs)),
            ("add", try await world.data.add(World.endpoint("more"), to: data, of: theirs)),
            ("recordTest", try await world.data.recordTest("bad", data, of: theirs)),
            ("data off", try await world.data.setActive(false, data, of: theirs)),
            ("entry off", try await world.knowledge.setActive(false, entry.id, of: theirs)),
            ("delete", try await world.knowledge.delete(entry.id, of: theirs)),
        ]
        for (what, wasDone) in refused { findings.expect(!wasDone, "another business may \(what)") }
        findings.expect(try await world.agents.agent(agent.id, of: theirs) == nil, "an agent is found")
        findings.expect(try await world.agents.list(of: theirs).allSatisfy { $0.id != agent.id }, "an agent is listed")
        findings.expect(
            try await world.tools.list(of: theirs).map(\.tool.name),
            is: ["capture_lead", "hand_over"],
            "tools"
        )
        findings.expect(try await world.data.list(of: theirs).isEmpty, "data integrations are listed")
        findings.expect(try await world.data.load(of: theirs).isEmpty, "data integrations are loaded")
        findings.expect(try await world.knowledge.search("open", in: theirs).isEmpty, "knowledge is found")
        findings.expect(try await !world.knowledge.hasEntries(of: theirs), "knowledge is there")
        findings.expect(try await world.knowledge.list(of: theirs).isEmpty, "knowledge is listed")
        findings.expect(try await world.leads.page(of: theirs).isEmpty, "leads are listed")
        findings.expect(try await world.leads.lead(of: world.contact, in: theirs) == nil, "a lead is found")
        try await neighbours(world, entry, database, &findings)
        let usage = try await world.usage.usage(of: theirs, from: "2026-01-01", through: "2026-12-31")
        findings.expect(usage.isEmpty, "usage is told")
        let stolen = await findings.error("a lead for another's contact") {
            try await database.transaction(.house) { connection in
                try await LeadStore.merge(
                    LeadFields(name: "Eve"),
                    contact: world.contact,
                    business: theirs,
                    channel: "telegram",
                    at: time,
                    on: connection
                )
            }
        }
        if let stolen, case .constraint = stolen {
        } else {
            findings.expect(false, "a lead for another's contact is \(String(describing: stolen))")
        }
        findings.expect(try await contents(database, of: world.ours), is: before, "what the business has afterwards")
    }

    private static func contents(_ database: any SQLDatabase, of business: ID<Business>) async throws -> [String] {
        try await database.read(.house) { connection in
            var texts: [String] = []
            for (table, columns) in [
                ("channel_integrations", ["settings", "webhook_url", "health", "is_active", "credentials"]),
                ("agents", ["instructions"]), ("business_tools", ["tool_name", "is_enabled"]),
                ("data_integrations", ["name", "last_test_result", "is_active"]),
                ("integration_endpoints", ["tool_name"]), ("knowledge_entries", ["question", "is_active"]),
                ("leads", ["name"]),
            ] {
                let rows = try await connection.query("SELECT * FROM \(table) WHERE business_id = $1", [.id(business)])
                texts += rows.map { row in "\(table) \(columns.map { row[$0] })" }.sorted()
            }
            return texts
        }
    }
}
