import ParleyCore
import Storage

/// What every message makes the stores do, from the webhook to the settled reply, as the pipeline does it.
package struct HotPath: Sendable {
    private let traffic: StorageConformance.Traffic

    package init(_ database: any SQLDatabase) async throws { traffic = try await StorageConformance.Traffic(database) }

    package var business: ID<Business> { traffic.ours.business }

    /// A message is answered, the reply is sent, and the platform reports that it was read.
    ///
    /// - Parameter startsSession: the model begins to remember anew.
    package func turn(_ number: Int, startsSession: Bool = false) async throws {
        let clock = SystemClock()
        try await traffic.keep("hot-\(number)", in: traffic.ours, at: clock.now)
        let claim = try await traffic.claim(at: clock.now)
        let situation = try await situation(claim)
        var conversation = situation.conversation
        if conversation == nil { conversation = try await traffic.conversation(claim, at: clock.now) }
        guard let conversation else { throw StorageConformance.Traffic.Unexpected(what: "no conversation") }
        let lost = try await traffic.lanes.renew([claim], lease: .seconds(15), at: clock.now)
        var turn = traffic.turn(situation.events, in: conversation, at: clock.now)
        turn.steps += (0..<5).map { JourneyStep("gate", "open", rule: "rule \($0)", at: clock.now) }
        if startsSession {
            turn.startsSession = true
            turn.sessionID = ID(at: clock.now)
        }
        guard lost.isEmpty, let sending = try await traffic.turns.commit(turn, claim: claim, at: clock.now) else {
            throw StorageConformance.Traffic.Unexpected(what: "a claim was lost, or older deliveries wait")
        }
        let outcome = AttemptOutcome(
            .delivered(platformMessageID: "sent-\(number)"),
            verdict: "delivered",
            steps: [JourneyStep("send", "delivered", at: clock.now)]
        )
        _ = try await traffic.deliveries.settle(sending.first, outcome, claim: sending.claim, at: clock.now)
        try await report(number, in: conversation)
        _ = try await UsageStore(traffic.database).hasToldOfLimit(
            in: conversation.id,
            of: business,
            since: clock.now.advanced(by: .seconds(-86_400))
        )
    }

    private func report(_ number: Int, in conversation: ConversationRecord) async throws {
        let clock = SystemClock()
        try await traffic.keep("report-\(number)", in: traffic.ours, at: clock.now)
        let claim = try await traffic.claim(at: clock.now)
        let report = PlatformReport(
            platformMessageID: "sent-\(number)",
            deliveryID: nil,
            state: "read",
            reason: nil
        )
        let passed = PassedOver(
            closing: try await situation(claim).events.map { ($0.id, $0.dedupeKey) },
            steps: [],
            reports: [report]
        )
        try await traffic.turns.passOver(passed, conversation: conversation, claim: claim, at: clock.now)
        try await traffic.turns.end(claim, debounce: .zero, at: clock.now)
    }

    private func situation(_ claim: Claim) async throws -> TurnSituation {
        try await traffic.turns.situation(claim, channel: "telegram") { _ in "u1" }
    }
}
