import ParleyCore
import Storage

// Every method of a store that takes a business or a claim, and how it is tried with what belongs to another one.
extension StorageConformance {
    package enum Foreign: Sendable, Equatable {
        /// By the rule "no store shows one business what another has".
        case tried
        /// By the rule "no hot store reaches another business".
        case triedHot
        /// Not there, for this reason.
        case elsewhere(String)
    }

    private static let crossesBusinesses = Foreign.elsewhere(
        "is about the lanes of all businesses, and reads no content"
    )
    private static let claimIsTheBusiness = Foreign.elsewhere(
        "takes all it needs from the claim, which only LaneStore makes"
    )

    /// A test compares the names with the sources: a new method is noticed, and must be tried or excused here.
    package static let foreign: [String: Foreign] = [
        "AgentStore.agent": .tried, "AgentStore.change": .tried, "AgentStore.defaultAgent": .tried,
        "AgentStore.list": .tried,
        "BusinessStore.business": .tried, "BusinessStore.change": .tried, "BusinessStore.changeSettings": .tried,
        "BusinessStore.list": .elsewhere("the operator's list of all; the id is a place in it"),
        "BusinessStore.setActive": .tried,
        "ConversationStore.find": .triedHot, "ConversationStore.hasReply": .triedHot,
        "ConversationStore.open": .triedHot, "ConversationStore.remembered": .triedHot,
        "ConversationStore.setOwner": .triedHot,
        "CredentialVault.open": .elsewhere("CredentialVaultTests: what is copied to another business does not open"),
        "CredentialVault.seal": .elsewhere("CredentialVaultTests: what is copied to another business does not open"),
        "DataIntegrationStore.add": .tried,
        "DataIntegrationStore.create": .elsewhere("names nothing but its own business, and makes the id itself"),
        "DataIntegrationStore.list": .tried, "DataIntegrationStore.load": .tried,
        "DataIntegrationStore.recordTest": .tried, "DataIntegrationStore.setActive": .tried,
        "DeliveryStore.dead": .triedHot, "DeliveryStore.markSending": .triedHot, "DeliveryStore.next": .triedHot,
        "DeliveryStore.rest": claimIsTheBusiness, "DeliveryStore.settle": .triedHot,
        "ExportStore.export": .tried,
        "InboxStore.waiting": .triedHot,
        "IntegrationStore.change": .tried,
        "IntegrationStore.connect": .elsewhere("its id is one that Parley has just made: nobody gives it"),
        "IntegrationStore.disable": .tried, "IntegrationStore.hold": .tried, "IntegrationStore.integration": .tried,
        "IntegrationStore.list": .tried,
        "IntegrationStore.replace": .tried, "IntegrationStore.setActive": .tried, "IntegrationStore.setHealth": .tried,
        "IntegrationStore.setWebhookURL": .tried,
        "JourneyStore.find": .triedHot,
        "KeyRotation.rotate": .elsewhere("names nothing but its own business"),
        "KeyRotation.waiting": .elsewhere("the operator's list of all; the id is a place in it"),
        "KnowledgeStore.countUse": .tried, "KnowledgeStore.delete": .tried, "KnowledgeStore.importAll": .tried,
        "KnowledgeStore.hasEntries": .tried, "KnowledgeStore.list": .tried, "KnowledgeStore.search": .tried,
        "KnowledgeStore.setActive": .tried,
        "LaneStore.claim": crossesBusinesses, "LaneStore.outlook": crossesBusinesses,
        "LaneStore.release": claimIsTheBusiness,
        "LaneStore.renew": claimIsTheBusiness,
        "LeadStore.lead": .tried, "LeadStore.merge": .tried, "LeadStore.page": .tried,
        "RetentionStore.count": .elsewhere("the rules of retention compare both businesses"),
        "RetentionStore.prune": .elsewhere("the rules of retention compare both businesses"),
        "ToolStore.disable": .tried, "ToolStore.enable": .tried, "ToolStore.list": .tried,
        "TurnStore.commit": .triedHot, "TurnStore.end": claimIsTheBusiness, "TurnStore.passOver": .triedHot,
        "TurnStore.putOff": claimIsTheBusiness, "TurnStore.situation": .triedHot,
        "UsageStore.hasToldOfLimit": .triedHot, "UsageStore.period": .tried, "UsageStore.standing": .tried,
        "UsageStore.totals": .tried, "UsageStore.usage": .tried,
    ]

    /// What `isolation` has not tried: another business's whole days, its exports, and rows of the same name.
    static func neighbours(
        _ world: World,
        _ entry: KnowledgeRecord,
        _ database: any SQLDatabase,
        _ findings: inout Findings
    ) async throws {
        let theirs = world.theirs
        let before = try await world.businesses.business(world.ours)
        findings.expect(try await world.businesses.change(settings: ["evil": true], of: theirs), "it has no settings")
        _ = try await world.businesses.changeSettings(of: theirs) { $0["more"] = true }
        findings.expect(try await world.businesses.setActive(false, theirs), "it cannot be switched off")
        findings.expect(try await world.businesses.business(world.ours), is: before, "the business beside")
        findings.expect(try await world.businesses.setActive(true, theirs), "it cannot be switched on")

        let agent = try await world.agents.defaultAgent(of: theirs)
        findings.expect(agent?.businessID, is: theirs, "whose default agent it is")
        let same = KnowledgeDraft(question: entry.question, answer: "Never.", keywords: "")
        try await world.knowledge.importAll([same], for: theirs)
        let own = try await world.knowledge.list(of: theirs)
        findings.expect(own.map(\.answer), is: ["Never."], "the same question of two businesses")
        for stranger in own { _ = try await world.knowledge.delete(stranger.id, of: theirs) }
        try await database.transaction(.business(theirs)) { connection in
            try await KnowledgeStore.countUse(of: [entry.id], in: theirs, on: connection)
        }
        let uses = try await world.knowledge.list(of: world.ours).map(\.usageCount)
        findings.expect(uses.allSatisfy { $0 == 0 }, "another business counts uses")

        let moment = Timestamp(microseconds: 1_795_262_400_000_000)
        guard let period = try await world.usage.period(of: theirs, containing: moment) else {
            return findings.expect(false, "there is no billing period")
        }
        findings.expect(period.totals, is: UsageTotals(), "another's spending in a period")
        findings.expect(
            try await world.usage.standing(of: theirs, limits: period.limits, at: moment).totals,
            is: UsageTotals(),
            "another's spending by known limits"
        )
        findings.expect(
            try await world.usage.totals(of: theirs, in: period.period),
            is: UsageTotals(),
            "another's spending added up"
        )
        for kind in ExportStore.Kind.allCases {
            var rows = 0
            try await ExportStore(database).export(kind, of: theirs) { rows += $0.count }
            findings.expect(rows, is: 0, "exported \(kind.rawValue) of another")
        }
    }
}
