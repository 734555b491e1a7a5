import CoordinationKit
import Emulators
import Ingress
import Hummingbird
import ParleyApp
import ParleyCore
import ParleyTesting
import Pipeline
import ServiceLifecycle
import Storage
import StorageSQLite
import Synchronization
import Testing

/// A process that ends between two acts, and a disk that takes nothing.
@Suite(.timeLimit(.minutes(4)))
struct RestartTests {
    @Test(arguments: DemoHouse.channels)
    func `what a stopped gateway had left is answered and delivered by the next`(channel: ChannelID) async throws {
        try await withTestFolder { folder in
            let refusing = EmulatorFaults.unlimited { $0.rateLimit = 1 }
            // Ann's reply is made and waits for the platform; Bert's message is stored and held back, so not begun.
            try await DemoHouse.run(
                in: folder,
                faults: refusing,
                usesScriptedModel: true,
                debounce: Limits.debounceMaximum
            ) { house in
                try await house.takeToolsAway()
                try await house.ask(channel, "first by ann", user: "ann")
                try await house.eventually("a reply waits for the platform") {
                    try await house.number("SELECT COUNT(*) FROM deliveries WHERE settled_at IS NULL") == 1
                }
                let post = try await house.ask(channel, "first by bert", user: "bert")
                try await house.eventually("the message is stored") {
                    house.world.exchanges().contains { $0.eventID == post.eventIDs.first && $0.outcome == "ok" }
                }
            }
            // The next emulated platform knows nobody yet, and would refuse for good what is sent before people have written:
            // the reply waits until the test says so.
            let database = try await SQLiteDatabase.open(path: "\(folder)/parley.sqlite")
            try await database.transaction(.house) { connection in
                try await connection.execute(
                    "UPDATE deliveries SET not_before = $1 WHERE settled_at IS NULL",
                    [.timestamp(SystemClock().now.advanced(by: .seconds(7200)))]
                )
            }
            database.close()
            // Another seed: the same one would make the same message ids, and those have been answered.
            try await DemoHouse.run(in: folder, seed: 8, faults: refusing, usesScriptedModel: true) { house in
                // The world is a new one: it must have heard of people before a bot may write to them.
                var posts: [EmulatedPost] = []
                for user in ["ann", "bert"] {
                    posts.append(try await house.ask(channel, "second by \(user)", user: user))
                }
                try await house.eventually("all have their turn") {
                    try await house.number("SELECT COUNT(*) FROM inbox_events WHERE closed_at IS NULL") == 0
                }
                let inAnHour = SystemClock().now.advanced(by: .seconds(3600))
                // On Discord also Bert's: an interaction is not held back, so his turn was done as well.
                try await house.eventually("the old replies wait") {
                    try await house.number(
                        "SELECT COUNT(*) FROM lanes WHERE act = 'deliver' AND holder IS NULL AND claimable_at > $1",
                        [.timestamp(inAnHour)]
                    )
                        == house.number(
                            "SELECT COUNT(DISTINCT conversation_id) FROM deliveries WHERE not_before > $1",
                            [.timestamp(inAnHour)]
                        )
                }
                house.world.setFaults(.unlimited)
                for change in ["deliveries SET not_before", "lanes SET claimable_at"] {
                    let column = change.split(separator: " ").last ?? ""
                    _ = try await house.change(
                        "UPDATE \(change) = $1 WHERE \(column) > $1",
                        [.timestamp(SystemClock().now)]
                    )
                }
                for (post, user) in zip(posts, ["ann", "bert"]) {
                    try await house.eventually("\(user) has all replies") {
                        let said = house.replies(after: post).map(\.words).joined(separator: "\n")
                        return said.contains("second by \(user)") && said.contains("first by \(user)")
                    }
                }
                let annNotes = try await house.rows(
                    "SELECT text FROM deliveries WHERE text LIKE '%by ann%' ORDER BY position"
                )
                #expect(
                    try annNotes.map { try $0.text("text") } == ["You said: first by ann", "You said: second by ann"]
                )
            }
        }
    }

    @Test func `nobody is given up on for having waited in a long queue`() async throws {
        try await DemoHouse.run(usesScriptedModel: true) { house in
            try await house.takeToolsAway()
            house.model.setDelay(.milliseconds(50))
            // Each interaction of Discord has a turn of its own, and every turn begins while the others wait.
            let count = Limits.turnAttempts + 5
            let first = try await house.ask("discord", "number 1")
            for number in 2...count { try await house.ask("discord", "number \(number)") }
            let replies = try await house.replies(to: first, count: count, within: .seconds(60))
            #expect(replies.map(\.words).sorted() == (1...count).map { "You said: number \($0)" }.sorted())
        }
    }

    @Test func `a webhook that cannot be stored is answered 503, and stored when it comes again`() async throws {
        try await withTestFolder { folder in
            let slackDetails = Mutex<(url: String, secret: String)?>(nil)
            try await DemoHouse.run(in: folder) { house in
                slackDetails.withLock {
                    $0 = (house.webhookURL("slack"), house.credential("signing_secret", of: "slack"))
                }
            }
            let (url, secret) = try #require(slackDetails.withLock { $0 })
            let log = RecordedLog()
            var settings = try await ParleySettings.read()
            settings.databaseURL = Secret("sqlite:\(folder)/parley.sqlite")
            settings.slackAPIURL = "http://127.0.0.1:9"
            let used = settings
            try await Workbench.with(settings, logger: log.logger) { workbench in
                let database = FullDisk(workbench.database)
                let pipeline = Pipeline(workbench.parts(over: database, settings: used, log: log))
                let router = Router(context: GatewayContext.self)
                IngressRoutes(
                    pipeline: pipeline,
                    readiness: AlwaysReady(),
                    refusals: RefusalLimit(LocalRequestLimiter(), nil, trusting: .none),
                    clock: workbench.clock,
                    metrics: { "" }
                ).add(to: router)
                let (bound, continuation) = AsyncStream<Int>.makeStream()
                let server = IngressServer.application(
                    router,
                    pipeline: pipeline,
                    clock: workbench.clock,
                    host: "127.0.0.1",
                    port: 0,
                    logger: log.logger,
                    onRunning: { continuation.yield($0) }
                )
                // The committer alone: nothing is to be answered here.
                let committer: [any Service] = pipeline.services.filter { !($0 is ClaimLoop) }
                let services = ServiceGroup(services: committer + [server], logger: log.logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await services.run() }
                    do {
                        var port = 0
                        for await number in bound {
                            port = number
                            break
                        }
                        let path = url.split(separator: "/").suffix(3).joined(separator: "/")
                        let slack = SlackSender(url: "http://127.0.0.1:\(port)/\(path)", secret: secret)
                        let message = SlackSender.message("hello", ts: SlackSender.freshTS())
                        database.isFull.withLock { $0 = true }
                        for _ in 1...3 {
                            let refused = try await slack.post(message)
                            #expect(refused.status == 503)
                            #expect(refused.headers["retry-after"] == "1")
                            #expect(!refused.body.contains("disk"))
                        }
                        #expect(try await workbench.events() == 0)
                        database.isFull.withLock { $0 = false }
                        #expect(try await slack.post(message).status == 200)
                        #expect(try await slack.post(message).status == 200)
                        #expect(try await workbench.events() == 1)
                        await services.triggerGracefulShutdown()
                        try await group.waitForAll()
                    } catch {
                        await services.triggerGracefulShutdown()
                        try? await group.waitForAll()
                        throw error
                    }
                }
            }
        }
    }
}

private struct AlwaysReady: Readiness {
    func problems() async -> [String] { [] }
}

/// A database that can be read and not written.
private final class FullDisk: SQLDatabase {
    let isFull = Mutex(false)
    private let database: any SQLDatabase

    init(_ database: any SQLDatabase) { self.database = database }

    var dialect: Dialect { database.dialect }

    func read<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        try await database.read(scope, body)
    }

    func transaction<Result: Sendable>(
        _ scope: SQLScope,
        _ body: @Sendable (any SQLConnection) async throws -> Result
    ) async throws -> Result {
        if isFull.withLock({ $0 }) { throw SQLError.cannotWrite("the disk is full") }
        return try await database.transaction(scope, body)
    }
}

extension Workbench {
    fileprivate func events() async throws -> Int64 {
        try await database.read(.house) {
            try await $0.first("SELECT COUNT(*) AS n FROM inbox_events", [])?.int("n") ?? -1
        }
    }

    fileprivate func parts(over database: any SQLDatabase, settings: ParleySettings, log: RecordedLog) -> PipelineParts
    {
        PipelineParts(
            channels: channels,
            directory: StoredDirectory(
                stores: stores,
                models: ModelShelf(settings, transport: transport, clock: clock),
                settings: settings,
                cache: LocalResponseCache(),
                transport: transport,
                clock: clock,
                logger: log.logger
            ),
            database: database,
            governor: LocalSendGovernor(),
            limiter: LocalRequestLimiter(),
            presence: LocalPresence(),
            doorbell: LocalDoorbell(),
            transport: transport,
            clock: clock,
            settings: PipelineSettings(holder: "test"),
            logger: log.logger
        )
    }
}
