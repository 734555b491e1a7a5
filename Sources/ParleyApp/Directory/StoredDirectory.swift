import AgentKit
import ChannelKit
import CoordinationKit
import Integrations
import Logging
import ParleyCore
import Pipeline
import Storage
import Synchronization

/// The businesses as the database has them, each remembered for a moment: what the command line changes is seen by a
/// running gateway within ``freshness``.
package final class StoredDirectory: BusinessDirectory {
    private static let freshness: Duration = .seconds(2)
    /// A wait is kept so much longer, so that a storm of refusals is a few writes a second.
    private static let holdMargin: Duration = .milliseconds(100)

    private let stores: Stores
    private let models: ModelShelf
    private let settings: ParleySettings
    private let cache: any ResponseCache
    private let transport: any HTTPTransport
    private let clock: any Clockwork
    private let logger: Logger
    private let integrations: Remembered<ID<Integration>, DirectoryEntry?>
    private let agents: Remembered<ID<Business>, AgentProfile>
    private let priceLists: Remembered<Int, PriceList>
    /// The waits that this process has written down.
    private let holds = Mutex<[ID<Integration>: Timestamp]>([:])
    private let haveKnowledge: Remembered<ID<Business>, Bool>
    private let flagLists: Remembered<Int, FeatureFlags>

    package init(
        stores: Stores,
        models: ModelShelf,
        settings: ParleySettings,
        cache: any ResponseCache,
        transport: any HTTPTransport,
        clock: any Clockwork,
        logger: Logger
    ) {
        self.stores = stores
        self.models = models
        self.settings = settings
        self.cache = cache
        self.transport = transport
        self.clock = clock
        self.logger = logger
        integrations = Remembered(for: StoredDirectory.freshness, clock: clock)
        agents = Remembered(for: StoredDirectory.freshness, clock: clock)
        priceLists = Remembered(for: StoredDirectory.freshness, clock: clock)
        haveKnowledge = Remembered(for: StoredDirectory.freshness, clock: clock)
        flagLists = Remembered(for: StoredDirectory.freshness, clock: clock)
    }

    package func integration(_ id: ID<Integration>) async throws -> DirectoryEntry? {
        try await integrations.value(for: id) {
            guard let loaded = try await self.stores.integrations.load(id) else { return nil }
            let agent = try await self.stores.agents.defaultAgent(of: loaded.record.businessID)
            return DirectoryEntry(
                integration: ChannelIntegration(
                    id: id,
                    businessID: loaded.record.businessID,
                    channel: loaded.record.channel,
                    name: loaded.record.name,
                    credentials: try ChannelCredentials(revealed: loaded.credentials),
                    settings: loaded.record.settings,
                    isActive: loaded.record.isActive
                ),
                isBusinessActive: loaded.businessIsActive,
                debounce: agent?.debounceMilliseconds.map { .milliseconds($0) } ?? self.settings.debounce,
                standing: try await self.standing(of: loaded),
                heldUntil: loaded.heldUntil,
                contactLimit: ContactLimit.of(loaded.businessSettings, orElse: self.settings.contactLimit)
            )
        }
    }

    package func remembered(_ id: ID<Integration>) -> DirectoryEntry? { integrations.known(id) ?? nil }

    package func agent(of business: ID<Business>) async throws -> AgentProfile {
        try await agents.value(for: business) {
            guard let agent = try await self.stores.agents.defaultAgent(of: business) else {
                throw MissingAgent()
            }
            let (model, name) = try self.models.model(named: agent.model ?? self.settings.model)
            return AgentProfile(
                name: agent.name,
                instructions: agent.instructions,
                modelName: name,
                model: model,
                temperature: agent.temperature,
                maximumOutputTokens: agent.maximumOutputTokens,
                tools: try await self.tools(of: agent)
            )
        }
    }

    package func knowledge(
        for question: String,
        of business: ID<Business>,
        upTo count: Int
    ) async throws -> [KnowledgeHit] {
        try await found(question, business, count).map {
            KnowledgeHit(question: $0.question, answer: $0.answer, score: $0.score)
        }
    }

    // Where nothing was written down, nothing is searched for: that is two queries a turn.
    private func found(_ question: String, _ business: ID<Business>, _ count: Int) async throws -> [KnowledgeMatch] {
        let isAnything = try await haveKnowledge.value(for: business) {
            try await self.stores.knowledge.hasEntries(of: business)
        }
        return isAnything ? try await stores.knowledge.search(question, in: business, limit: count) : []
    }

    package func prices() async throws -> PriceList {
        try await priceLists.value(for: 0) { try await self.stores.prices.list() }
    }

    package func flags() async throws -> FeatureFlags {
        try await flagLists.value(for: 0) { FeatureFlags(try await self.stores.flags.list()) }
    }

    package func model(named name: String) -> (model: any LanguageModel, name: String)? {
        try? models.model(named: name)
    }

    // A business without limits costs no query; one with limits may go beyond them by what it spends in ``freshness``.
    private func standing(of integration: LoadedIntegration) async throws -> UsageStanding? {
        let limits = UsageLimits(settings: integration.businessSettings)
        guard limits.areSet else { return nil }
        return try await stores.usage.standing(of: integration.record.businessID, limits: limits, at: clock.now)
    }

    package func noteRefusal(of integration: ID<Integration>, in business: ID<Business>, reason: String) async {
        logger.error(
            "a platform refuses an integration's credentials; see: parley channel test",
            metadata: ["integration": "\(integration)", "reason": "\(reason)"]
        )
        do {
            _ = try await stores.integrations.setHealth(.refused, integration, of: business)
        } catch {
            logger.warning("the refusal could not be kept", metadata: ["error": "\(error)"])
        }
    }

    package func noteHold(of integration: ID<Integration>, in business: ID<Business>, until time: Timestamp) async {
        let now = clock.now
        let kept = time.advanced(by: Self.holdMargin)
        let isNew = holds.withLock { holds in
            if let known = holds[integration], known >= time { return false }
            if holds.count >= 10_000 { holds = holds.filter { $0.value > now } }
            holds[integration] = kept
            return true
        }
        guard isNew else { return }
        do {
            _ = try await stores.integrations.hold(integration, of: business, for: kept.since(now))
        } catch {
            holds.withLock { _ = $0.removeValue(forKey: integration) }
            logger.warning("a platform's wait could not be kept", metadata: ["error": "\(error)"])
        }
    }

    // The tools that the business has enabled and the agent may call.
    private func tools(of agent: AgentRecord) async throws -> [any Tool] {
        let builtIn: [any Tool] = [
            SearchKnowledgeTool { business, query, count in
                try await self.found(query, business, count).map {
                    ($0.id, KnowledgeHit(question: $0.question, answer: $0.answer, score: $0.score))
                }
            },
            CaptureLeadTool(),
            HandOverTool(),
        ]
        var tools = builtIn.filter { agent.tools.contains($0.definition.name) }
        for loaded in try await stores.dataIntegrations.load(of: agent.businessID) {
            let source = DataSource(
                id: loaded.record.id,
                businessID: agent.businessID,
                kind: loaded.record.kind.rawValue,
                baseURL: loaded.record.baseURL,
                authHeaders: loaded.authHeaders,
                allowsPrivate: settings.allowsPrivateAddresses
            )
            for endpoint in loaded.endpoints where agent.tools.contains(endpoint.toolName) {
                tools.append(
                    EndpointTool(
                        source: source,
                        endpoint: EndpointDefinition(endpoint),
                        transport: transport,
                        cache: cache,
                        clock: clock
                    )
                )
            }
        }
        return tools
    }
}

/// A business without a default agent; creating one makes it, so somebody removed it.
struct MissingAgent: Error, CustomStringConvertible {
    var description: String { "the business has no default agent" }
}

extension EndpointDefinition {
    fileprivate init(_ record: EndpointRecord) {
        self.init(
            id: record.id,
            toolName: record.toolName,
            description: record.description,
            parameters: record.parameters,
            triggers: record.triggers,
            method: record.method == "POST" ? .post : .get,
            pathTemplate: record.pathTemplate,
            responseMapping: record.responseMapping,
            cacheSeconds: record.cacheSeconds,
            timeoutMilliseconds: record.timeoutMilliseconds
        )
    }
}

/// Values that are loaded when they are asked for and kept for a while; bounded.
private final class Remembered<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        var expiry: Timestamp
    }

    private static var capacity: Int { 10_000 }

    private let lifetime: Duration
    private let clock: any Clockwork
    private let entries = Mutex<[Key: Entry]>([:])

    init(for lifetime: Duration, clock: any Clockwork) {
        self.lifetime = lifetime
        self.clock = clock
    }

    func known(_ key: Key) -> Value? {
        let now = clock.now
        return entries.withLock { entries in
            guard let entry = entries[key], entry.expiry > now else { return nil }
            return entry.value
        }
    }

    func value(for key: Key, _ load: () async throws -> Value) async throws -> Value {
        let now = clock.now
        let known = entries.withLock { entries -> Value? in
            guard let entry = entries[key] else { return nil }
            if entry.expiry > now { return entry.value }
            // One caller loads; the others go on with what was true a moment ago.
            entries[key]?.expiry = now.advanced(by: self.lifetime)
            return nil
        }
        if let known { return known }
        let value = try await load()
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll(keepingCapacity: true) }
            entries[key] = Entry(value: value, expiry: clock.now.advanced(by: lifetime))
        }
        return value
    }
}
