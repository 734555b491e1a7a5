import ParleyCore
import Storage

/// Every store over one database.
package struct Stores: Sendable {
    package let database: any SQLDatabase
    package let businesses: BusinessStore
    package let integrations: IntegrationStore
    package let agents: AgentStore
    package let tools: ToolStore
    package let dataIntegrations: DataIntegrationStore
    package let knowledge: KnowledgeStore
    package let leads: LeadStore
    package let exports: ExportStore
    package let conversations: ConversationStore
    package let deliveries: DeliveryStore
    package let lanes: LaneStore
    package let journeys: JourneyStore
    package let usage: UsageStore
    package let prices: PriceStore
    package let flags: FlagStore

    package init(_ database: any SQLDatabase, vault: CredentialVault, clock: any Clockwork) {
        self.database = database
        businesses = BusinessStore(database, clock: clock)
        integrations = IntegrationStore(database, vault: vault, clock: clock)
        agents = AgentStore(database, clock: clock)
        tools = ToolStore(database, clock: clock)
        dataIntegrations = DataIntegrationStore(database, vault: vault, clock: clock)
        knowledge = KnowledgeStore(database, clock: clock)
        leads = LeadStore(database)
        exports = ExportStore(database)
        conversations = ConversationStore(database)
        deliveries = DeliveryStore(database)
        lanes = LaneStore(database)
        journeys = JourneyStore(database)
        usage = UsageStore(database)
        prices = PriceStore(database, clock: clock)
        flags = FlagStore(database, clock: clock)
    }
}
