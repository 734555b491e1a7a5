import ParleyCore
import Storage

// Every decision is found again, by whatever id somebody has at hand.
extension StorageConformance {
    static func journeys(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        try await traffic.keep("a", "b", in: traffic.ours, at: time)
        let claim = try await traffic.claim(at: time)
        let events = try await traffic.waiting(claim)
        var turn = traffic.turn(events, in: try await traffic.conversation(claim, at: time), replies: 2, at: time)
        // More steps than one digit counts, all of one moment, and one that was before them.
        turn.steps = (0..<12).map {
            JourneyStep("gate", "open", rule: "rule \($0)", value: "v", milliseconds: $0, at: time)
        }
        turn.steps.append(JourneyStep("claim", "taken", rule: "first", at: time.advanced(by: .milliseconds(-5))))
        guard let sending = try await traffic.turns.commit(turn, claim: claim, at: time) else {
            return findings.expect(false, "no deliveries")
        }
        let sent = JourneyStep("send", "delivered", value: "out-1", at: after(50))
        let outcome = AttemptOutcome(.delivered(platformMessageID: "out-1"), steps: [sent])
        _ = try await traffic.deliveries.settle(sending.first, outcome, claim: sending.claim, at: after(50))
        // Another message, to be told apart.
        _ = try await traffic.answered("c", in: traffic.theirs, at: after(60))

        guard let event = events.first, let message = turn.incoming.last else { return }
        for (what, id) in [
            ("an event", "\(event.id)"), ("a turn", "\(turn.turnID)"), ("a message", "\(message.id)"),
            ("a reply", "\(turn.replyID)"), ("a delivery", "\(sending.first.id)"),
            ("an id in capitals", "\(turn.turnID)".uppercased()), ("what came in", "p-b"), ("what went out", "out-1"),
        ] {
            let journey = try await traffic.journeys.find(id)
            findings.expect(journey?.turnID, is: turn.turnID, "the turn found by \(what)")
            findings.expect(journey?.events.map(\.dedupeKey), is: ["a", "b"], "the events found by \(what)")
            findings.expect(
                journey?.deliveries.map(\.id),
                is: turn.deliveries.map(\.id),
                "the deliveries found by \(what)"
            )
            let steps = turn.steps.suffix(1) + turn.steps.dropLast() + [sent]
            findings.expect(journey?.steps, is: Array(steps), "the steps found by \(what)")
        }
        for id in ["", "nothing", "\(ID<Turn>(at: time))", "p-", "out-"] {
            findings.expect(try await traffic.journeys.find(id) == nil, "a journey was found by “\(id)”")
        }
        let own = try await traffic.journeys.find(
            platformMessageID: "p-a",
            integrationID: traffic.ours.integration,
            of: traffic.ours.business
        )
        findings.expect(own?.turnID, is: turn.turnID, "the turn found by a platform's id within its integration")

        // Before a turn has answered it.
        try await traffic.keep("d", in: traffic.ours, at: after(70))
        let open = try await traffic.journeys.find("p-d")
        findings.expect(open?.events.map(\.dedupeKey), is: ["d"], "an open event")
        findings.expect(open?.turnID, is: .some(nil), "its turn")
    }

    static func literalIDs(_ database: any SQLDatabase, _ findings: inout Findings) async throws {
        let traffic = try await Traffic(database)
        let hostile = ["50%", "a_c", "x!y", #"q"q"#, #"b\s"#, "zoë/1", "' OR 1=1 --"]
        try await traffic.keep("500", "abc", "x!!y", "qq", "zoe/1", in: traffic.ours, at: time)
        for key in hostile.map({ "p-\($0)" }) + ["%", "_", "!", "p-%", "p-___", #"""#, #"\"#] {
            findings.expect(try await traffic.journeys.find(key) == nil, "“\(key)” found something")
        }
        for key in hostile { try await traffic.keep(key, in: traffic.ours, at: time) }
        for key in hostile {
            let journey = try await traffic.journeys.find("p-\(key)")
            findings.expect(journey?.events.map(\.dedupeKey), is: [key], "what “\(key)” finds")
            let own = try await traffic.journeys.find(
                platformMessageID: "p-\(key)",
                integrationID: traffic.ours.integration,
                of: traffic.ours.business
            )
            findings.expect(own?.events.map(\.dedupeKey), is: [key], "what “\(key)” finds in its integration")
        }
        findings.expect(try await traffic.journeys.find("P-ABC") == nil, "capitals found what has none")
    }
}
