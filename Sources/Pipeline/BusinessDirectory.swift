import AgentKit
import ChannelKit
import CoordinationKit
import Crypto
import ParleyCore
import Storage

/// What the pipeline needs to know of businesses; kept in memory for a moment, so that a webhook costs no query.
package protocol BusinessDirectory: Sendable {
    /// The integration of a webhook's path; nil when there is none.
    func integration(_ id: ID<Integration>) async throws -> DirectoryEntry?

    /// The same from memory alone; nil when ``integration(_:)`` would have to ask the database.
    func remembered(_ id: ID<Integration>) -> DirectoryEntry?

    /// The assistant that answers for a business, with the tools that it may call.
    func agent(of business: ID<Business>) async throws -> AgentProfile

    /// The knowledge entries that a question finds, best first.
    func knowledge(
        for question: String,
        of business: ID<Business>,
        upTo count: Int
    ) async throws -> [KnowledgeHit]

    /// The switches that operators have set.
    func flags() async throws -> FeatureFlags

    /// A model by the name that settings use, and what its provider calls it; nil when there is none.
    func model(named name: String) -> (model: any LanguageModel, name: String)?

    /// What the models cost.
    func prices() async throws -> PriceList

    /// The platform no longer accepts an integration's credentials: the business must be told.
    func noteRefusal(of integration: ID<Integration>, in business: ID<Business>, reason: String) async

    /// The platform wants a whole integration to wait: every node must know it, also one that is started later.
    func noteHold(of integration: ID<Integration>, in business: ID<Business>, until time: Timestamp) async
}

package struct DirectoryEntry: Sendable {
    package var integration: ChannelIntegration
    package var isBusinessActive: Bool
    /// How long the default agent waits for more.
    package var debounce: Duration
    /// How the business stands against its limits; nil when it has none.
    package var standing: UsageStanding?
    /// Until when the platform wants the whole integration to wait; what another node was told is seen a moment later.
    package var heldUntil: Timestamp?
    /// How many messages of one contact are answered; nil for all.
    package var contactLimit: RequestLimit?

    package init(
        integration: ChannelIntegration,
        isBusinessActive: Bool,
        debounce: Duration,
        standing: UsageStanding? = nil,
        heldUntil: Timestamp? = nil,
        contactLimit: RequestLimit? = nil
    ) {
        self.integration = integration
        self.isBusinessActive = isBusinessActive
        self.debounce = debounce
        self.standing = standing
        self.heldUntil = heldUntil
        self.contactLimit = contactLimit
    }
}

package struct AgentProfile: Sendable {
    package var name: String
    package var instructions: String { didSet { promptVersion = Self.version(of: instructions) } }
    package var modelName: String
    package var model: any LanguageModel
    package var temperature: Double?
    package var maximumOutputTokens: Int?
    package var tools: [any Tool]
    /// A digest of the instructions, so that a turn can be told from one under an older prompt.
    package private(set) var promptVersion: String

    package init(
        name: String,
        instructions: String,
        modelName: String,
        model: any LanguageModel,
        temperature: Double?,
        maximumOutputTokens: Int?,
        tools: [any Tool]
    ) {
        self.name = name
        self.instructions = instructions
        self.modelName = modelName
        self.model = model
        self.temperature = temperature
        self.maximumOutputTokens = maximumOutputTokens
        self.tools = tools
        promptVersion = Self.version(of: instructions)
    }

    private static func version(of instructions: String) -> String {
        Hex.encode(SHA256.hash(data: Array(instructions.utf8)).prefix(4))
    }
}
