import AgentKit
import CoordinationKit
import Logging
import ParleyCore
import ParleyTesting
import Pipeline
import Storage
import Synchronization

/// The loop that claims conversations, with everything around it played: it looks when it is told to, whatever it asks
/// for it gets, and a claim's work takes as long as the test says.
final class ClaimStage: Sendable {
    let clock = ManualClock()
    private let state = Mutex(State())
    private let steps = AsyncStream.makeStream(of: Void.self)
    private let rests = AsyncStream.makeStream(of: Void.self)
    private let ends = AsyncStream.makeStream(of: Void.self)

    private struct State {
        var ready: [ID<Business>] = []
        var shares: [LaneShare] = []
        var underWay: [Work] = []
        var lastFence: Int64 = 0
    }

    private struct Work {
        let business: ID<Business>
        let integration: ID<Integration>
        let end = AsyncStream.makeStream(of: Void.self)
    }

    /// - Parameters:
    ///   - room: claims that may be under way at once.
    ///   - perBusiness: of one business.
    static func run(room: Int, perBusiness: Int = 100, _ body: (ClaimStage) async throws -> Void) async throws {
        let stage = ClaimStage()
        let loop = ClaimLoop.answering(Pipeline(stage.parts(room: room, perBusiness: perBusiness)))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await loop.run() }
            await stage.rest()
            try await body(stage)
            group.cancelAll()
        }
    }

    /// Businesses in the order in which they are claimed from where nothing else tells them apart.
    func businesses(_ count: Int) -> [ID<Business>] { (0..<count).map { _ in ID(at: clock.now) }.sorted() }

    /// Lets the loop look once, while lanes of `ready` wait. What it asks for, which it gets and works on.
    func look(_ ready: [ID<Business>]) async -> [LaneShare] {
        state.withLock { state in
            state.ready = ready.sorted()
            state.shares = []
        }
        steps.continuation.yield()
        await rest()
        return state.withLock { state in
            state.ready = []
            return state.shares
        }
    }

    /// Ends so many of a business's claims that are under way, the oldest first; all of them by default.
    func end(_ business: ID<Business>, _ count: Int = .max) async {
        let ended = state.withLock { state in
            let ended = state.underWay.filter { $0.business == business }.prefix(count)
            state.underWay.removeAll { work in ended.contains { $0.integration == work.integration } }
            return ended
        }
        for work in ended {
            work.end.continuation.finish()
            for await _ in ends.stream { break }
        }
    }

    /// Lets a business use as much time as that, now.
    func use(_ time: Duration, of business: ID<Business>) async {
        _ = await look([business])
        clock.advance(by: time)
        await end(business)
    }

    private func rest() async { for await _ in rests.stream { break } }

    private func parts(room: Int, perBusiness: Int) -> PipelineParts {
        PipelineParts(
            channels: ChannelRegistry([]),
            directory: self,
            database: self,
            governor: LocalSendGovernor(clock: clock),
            limiter: LocalRequestLimiter(),
            presence: LocalPresence(),
            doorbell: self,
            transport: RecordingTransport([]),
            clock: clock,
            settings: PipelineSettings(holder: "node", turnsAtOnce: room, turnsPerBusiness: perBusiness),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }
}

extension ClaimStage: Doorbell {
    func ring(_ bell: Bell) {}

    // Room has become free: a claim's work is over.
    func ringHere(_ bell: Bell) { ends.continuation.yield() }

    func wait(for bell: Bell, atMost duration: Duration) async throws {
        rests.continuation.yield()
        for await _ in steps.stream { break }
        try Task.checkCancellation()
    }
}

extension ClaimStage: SQLDatabase {
    /// The one that claims by a single statement.
    var dialect: Dialect { .postgres }

    func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result { try await body(self) }

    func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result { try await body(self) }
}

extension ClaimStage: SQLConnection {
    private static let taken = SQLColumns([
        "business_id", "channel_integration_id", "conversation_key", "fence", "begun",
    ])

    func query(_ sql: String, _ parameters: [SQLValue]) async throws -> [SQLRow] {
        guard parameters.count > 2, case .array(let businesses) = parameters[1], case .array(let counts) = parameters[2]
        else {
            // Who is ready: asked once for each look that claims something, and once more.
            return state.withLock { state in
                defer { state.ready = [] }
                return state.ready.map { SQLRow(columns: SQLColumns(["business_id"]), values: [.id($0)]) }
            }
        }
        return state.withLock { state in
            zip(businesses, counts).flatMap { business, count -> [SQLRow] in
                guard case .uuid(let uuid) = business, case .integer(let count) = count else { return [] }
                state.shares.append(LaneShare(business: ID(uuid), count: Int(clamping: count)))
                return (0..<count).map { _ in
                    let work = Work(business: ID(uuid), integration: ID(at: clock.now))
                    state.underWay.append(work)
                    state.lastFence += 1
                    return SQLRow(
                        columns: Self.taken,
                        values: [
                            business, .id(work.integration), .text("chat \(state.lastFence)"),
                            .integer(state.lastFence), .integer(1),
                        ]
                    )
                }
            }
        }
    }

    func execute(_ sql: String, _ parameters: [SQLValue]) async throws -> Int { 1 }
    func batch(_ sql: String, _ rows: [[SQLValue]]) async throws -> [Int] { rows.map { _ in 1 } }
}

extension ClaimStage: BusinessDirectory {
    /// The first thing that a claim's work asks for, and here the last: the integration is gone.
    func integration(_ id: ID<Integration>) async throws -> DirectoryEntry? {
        let end = state.withLock { $0.underWay.first { $0.integration == id }?.end }
        if let end { for await _ in end.stream {} }
        return nil
    }

    private struct NotOnStage: Error {}

    func remembered(_ id: ID<Integration>) -> DirectoryEntry? { nil }
    func agent(of business: ID<Business>) async throws -> AgentProfile { throw NotOnStage() }
    func knowledge(
        for question: String,
        of business: ID<Business>,
        upTo count: Int
    ) async throws -> [KnowledgeHit] { [] }
    func flags() async throws -> FeatureFlags { throw NotOnStage() }
    func model(named name: String) -> (model: any LanguageModel, name: String)? { nil }
    func prices() async throws -> PriceList { PriceList([]) }
    func noteRefusal(of integration: ID<Integration>, in business: ID<Business>, reason: String) async {}
    func noteHold(of integration: ID<Integration>, in business: ID<Business>, until time: Timestamp) async {}
}
