import ParleyCore
import Storage

/// Nodes whose clocks are far apart and that share a database whose clock is right: leases live by that one.
///
/// Not for SQLite, where the only node's clock is the only one.
package enum NodesApart {
    private struct Node {
        let name: String
        let clock: ManualClock
        let lanes: LaneStore
    }

    /// What is wrong with `database`, which must have a clock of its own: it is not to live by the times it is told.
    package static func complaints(_ database: any SQLDatabase) async throws -> [String] {
        var findings = StorageConformance.Findings()
        let traffic = try await StorageConformance.Traffic(database)
        func node(_ name: String, ahead: Duration) -> Node {
            Node(
                name: name,
                clock: ManualClock(SystemClock().now.advanced(by: ahead)),
                lanes: LaneStore(database)
            )
        }
        let nodes = [
            node("an hour ahead", ahead: .seconds(3600)), node("an hour behind", ahead: .seconds(-3600)),
            node("on time", ahead: .zero),
        ]
        for holder in nodes {
            try await held(by: holder, beside: nodes.filter { $0.name != holder.name }, traffic, &findings)
        }
        for (last, next) in [(nodes[0], nodes[1]), (nodes[1], nodes[0])] {
            try await over(last, next, traffic, &findings)
        }
        return findings.complaints
    }

    /// Nobody takes what another holds, and who holds it keeps it, through its heartbeats and into its deliveries.
    private static func held(
        by holder: Node,
        beside others: [Node],
        _ traffic: StorageConformance.Traffic,
        _ findings: inout StorageConformance.Findings
    ) async throws {
        let address = traffic.ours("held by \(holder.name)")
        try await traffic.keep("held by \(holder.name)", in: address, at: holder.clock.now)
        guard let claim = try await claims(by: holder, traffic).first else {
            return findings.expect(false, "nothing to claim for a node \(holder.name)")
        }
        func nobodyElse(_ act: Claim.Act, _ when: String) async throws {
            for other in others {
                let taken = try await claims(act, by: other, traffic)
                findings.expect(taken.count, is: 0, "claims by a node \(other.name) of one's \(holder.name), \(when)")
            }
        }
        try await nobodyElse(.answer, "at first")
        holder.clock.advance(by: .seconds(5))
        let lost = try await holder.lanes.renew([claim], lease: lease, at: holder.clock.now)
        findings.expect(lost.count, is: 0, "claims that a node \(holder.name) lost")
        try await nobodyElse(.answer, "after a heartbeat")

        let conversation = try await traffic.conversation(claim, at: holder.clock.now)
        let turn = traffic.turn(try await traffic.waiting(claim), in: conversation, at: holder.clock.now)
        guard let sending = try await traffic.turns.commit(turn, claim: claim, at: holder.clock.now) else {
            return findings.expect(false, "no claim on the deliveries for a node \(holder.name)")
        }
        try await nobodyElse(.deliver, "while it delivers")
        let outcome = AttemptOutcome(.delivered(platformMessageID: nil))
        _ = try await traffic.deliveries.settle(
            sending.first,
            outcome,
            claim: sending.claim,
            at: holder.clock.now
        )
    }

    /// What has run out by the database's clock is anybody's, and lost to who held it.
    private static func over(
        _ last: Node,
        _ next: Node,
        _ traffic: StorageConformance.Traffic,
        _ findings: inout StorageConformance.Findings
    ) async throws {
        let address = traffic.theirs("given up by \(last.name)")
        try await traffic.keep("given up by \(last.name)", in: address, at: last.clock.now)
        let first = try await claims(by: last, lease: .milliseconds(1), traffic)
        findings.expect(first.count, is: 1, "claims by a node \(last.name)")
        var taken: [Claim] = []
        let deadline = ContinuousClock.now + .seconds(20)
        while taken.isEmpty, ContinuousClock.now < deadline { taken = try await claims(by: next, traffic) }
        findings.expect(taken.count, is: 1, "takeovers by a node \(next.name)")
        let lost = try await last.lanes.renew(first, lease: lease, at: last.clock.now)
        findings.expect(lost, is: first, "what a node \(last.name) lost")
        for claim in taken {
            let closing = try await traffic.waiting(claim).map { ($0.id, $0.dedupeKey) }
            let passed = PassedOver(closing: closing, steps: [])
            try await traffic.turns.passOver(passed, conversation: nil, claim: claim, at: next.clock.now)
            try await traffic.turns.end(claim, debounce: .zero, at: next.clock.now)
        }
    }

    /// Longer than this may take on a busy machine, and far shorter than the clocks are apart.
    private static let lease: Duration = .seconds(300)

    private static func claims(
        _ act: Claim.Act = .answer,
        by node: Node,
        lease: Duration = lease,
        _ traffic: StorageConformance.Traffic
    ) async throws -> [Claim] {
        let now = node.clock.now
        let ready = try await node.lanes.outlook(act, at: now).ready
        // Also without a look: the shares may be of a moment ago.
        let shares = Set(ready + [traffic.ours.business, traffic.theirs.business]).sorted()
            .map { LaneShare(business: $0, count: 10) }
        return try await node.lanes.claim(
            act,
            shares,
            for: node.name,
            perBusiness: 10,
            lease: lease,
            at: now
        )
    }
}
