import ParleyCore
import Storage

// Conversations: opened once, owned by one, remembered for a session.
extension StorageConformance {
    static func openedOnce(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        try await traffic.keep("a", in: traffic.ours, at: time)
        let claim = try await traffic.claim(at: time)
        findings.expect(try await traffic.find(claim) == nil, "a conversation before it is opened")
        let ada = SenderRecord(channelUserID: "u1", name: "Ada", username: "ada", phone: "+49", locale: "de")
        try await traffic.conversations.open(claim, sender: ada, at: time)
        let opened = try await traffic.find(claim)
        try await traffic.conversations.open(claim, sender: ada, at: after(10))
        let again = try await traffic.find(claim)
        findings.expect(again?.id, is: opened?.id, "the conversation, opened again")
        findings.expect(again?.contactID, is: opened?.contactID, "its contact")
        findings.expect(again?.sessionID, is: opened?.sessionID, "its session")
        findings.expect(opened?.contactName, is: "Ada", "the contact's name")
        findings.expect(opened?.businessID, is: traffic.ours.business, "its business")
        findings.expect(opened?.integrationID, is: traffic.ours.integration, "its integration")
        findings.expect(opened?.isActive, is: true, "whether it is active")
        findings.expect(opened?.owner, is: .agent, "its owner")
        findings.expect(opened?.messageCount, is: 0, "its messages")
        findings.expect(opened?.memory, is: [:], "what is known of the contact")
        findings.expect(opened?.lastActivityAt, is: time, "its last activity")
        for table in ["conversations", "contacts", "contact_identities", "conversation_participants"] {
            findings.expect(try await traffic.count(table), is: 1, table)
        }
        // Somebody else writes in the same room.
        try await traffic.conversations.open(
            claim,
            sender: SenderRecord(channelUserID: "u2", name: "Bob"),
            at: after(20)
        )
        let other = try await traffic.find(claim, sender: "u2")
        findings.expect(other?.id, is: opened?.id, "the room for the second person")
        findings.expect(other?.contactName, is: "Bob", "the second person's name")
        findings.expect(try await traffic.count("conversation_participants"), is: 2, "people in the room")
        findings.expect(try await traffic.find(claim, sender: "u3") == nil, "somebody who never wrote")
    }

    static func sharedContact(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let addresses = (0..<10).map { traffic.ours("chat \($0)") }
        for address in addresses { try await traffic.keep(address.key, in: address, at: time) }
        try await traffic.keep("beside", in: traffic.beside, at: time)
        try await traffic.keep("theirs", in: traffic.theirs, at: time)
        let claims = try await traffic.claims(at: time)
        let contacts = try await withThrowingTaskGroup(of: (Claim, ID<Contact>).self) { group in
            for claim in claims {
                group.addTask { (claim, try await traffic.conversation(claim, at: time).contactID) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        findings.expect(contacts.count, is: 12, "conversations")
        let ours = contacts.filter { $0.0.integrationID == traffic.ours.integration }
        findings.expect(Set(ours.map(\.1)).count, is: 1, "contacts of one person in ten conversations")
        findings.expect(Set(contacts.map(\.1)).count, is: 3, "contacts on three integrations")
        findings.expect(try await traffic.count("contacts"), is: 3, "contacts kept, none of them for nothing")
    }

    static func ownership(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        try await traffic.keep("a", in: traffic.ours, at: time)
        let claim = try await traffic.claim(at: time)
        let conversation = try await traffic.conversation(claim, at: time)
        func setOwner(_ until: Timestamp?) async throws -> Bool {
            try await traffic.conversations.setOwner(
                human: until,
                of: conversation.id,
                in: traffic.ours.business,
                at: time
            )
        }
        findings.expect(conversation.isOwnedByHuman(at: time), is: false, "owned by a human at first")
        findings.expect(try await setOwner(after(1000)), is: true, "whether it was given")
        let owned = try await traffic.find(claim)
        findings.expect(owned?.owner, is: .human, "its owner")
        findings.expect(owned?.ownerUntil, is: after(1000), "until when")
        findings.expect(owned?.isOwnedByHuman(at: after(999)), is: true, "owned until the end")
        findings.expect(owned?.isOwnedByHuman(at: after(1000)), is: false, "owned after the end")
        findings.expect(try await setOwner(nil), is: true, "whether it was given back")
        let back = try await traffic.find(claim)
        findings.expect(back?.owner, is: .agent, "its owner again")
        findings.expect(back?.isOwnedByHuman(at: time), is: false, "owned when it was given back")
        let nothing = try await traffic.conversations.setOwner(
            human: after(1),
            of: ID(at: time),
            in: traffic.ours.business,
            at: time
        )
        findings.expect(nothing, is: false, "owning what never was")
    }

    static func remembering(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        var session: ID<Session>?
        var conversation: ConversationRecord?
        for index in 0..<4 {
            let now = after(index * 1000)
            try await traffic.keep("e\(index)", in: traffic.ours, at: now)
            let claim = try await traffic.claim(at: now)
            let record = try await traffic.conversation(claim, at: now)
            var turn = traffic.turn(
                try await traffic.waiting(claim),
                in: record,
                replies: 0,
                at: after(index * 1000 + 500)
            )
            turn.reply = "Reply \(index)"
            // The second half is another session.
            if index == 2 {
                turn.sessionID = ID(at: now)
                turn.startsSession = true
            }
            _ = try await traffic.turns.commit(turn, claim: claim, at: after(index * 1000 + 500))
            (conversation, session) = (record, turn.sessionID)
        }
        guard let conversation, let session else { return }
        func remembered(_ session: ID<Session>, upTo count: Int) async throws -> [RememberedMessage] {
            try await database.read(.house) { connection in
                try await traffic.conversations.remembered(
                    conversation.id,
                    session: session,
                    of: traffic.ours.business,
                    upTo: count,
                    on: connection
                )
            }
        }
        let all = try await remembered(session, upTo: 20)
        findings.expect(all.map(\.content), is: ["Hello e2", "Reply 2", "Hello e3", "Reply 3"], "the session")
        findings.expect(all.map(\.role), is: [.user, .assistant, .user, .assistant], "who said it")
        findings.expect(all.first?.senderName, is: "Ada", "the sender")
        findings.expect(all.last?.createdAt, is: after(3500), "when it was said")
        let latest = try await remembered(session, upTo: 3).map(\.content)
        findings.expect(latest, is: ["Reply 2", "Hello e3", "Reply 3"], "the latest three")
        findings.expect(
            try await remembered(ID(at: time), upTo: 3).count,
            is: 0,
            "messages of a session that never was"
        )
        let hasReply = try await database.read(.house) {
            try await traffic.conversations.hasReply(in: conversation.id, of: traffic.ours.business, on: $0)
        }
        findings.expect(hasReply, is: true, "whether we have answered")
    }
}
