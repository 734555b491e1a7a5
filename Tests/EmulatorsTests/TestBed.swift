import AsyncHTTPClient
import Emulators
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ParleyCore
import ServiceLifecycle
import Synchronization
import Testing

/// A world on a port of its own, with one bot whose webhooks go to a gateway that records them.
struct TestBed: Sendable {
    let world: EmulatedWorld
    let bot: EmulatedBot
    let gateway: FakeGateway
    let clock: SteppingClock
    let client: LocalClient

    /// Runs `body` beside the server. Redelivery passes a thousand times faster than in life.
    static func run(
        _ channel: ChannelID,
        seed: UInt64 = 7,
        credentials: [String: String] = [:],
        connected: Bool = true,
        answers: [FakeGateway.Answer] = [],
        _ body: (TestBed) async throws -> Void
    ) async throws {
        var logger = Logger(label: "emulators.tests")
        logger.logLevel = .critical
        let clock = SteppingClock()
        let world = EmulatedWorld(
            seed: seed,
            logger: logger,
            clock: clock,
            timing: EmulatorTiming(redelivery: 0.001, answerDeadline: 1)
        )
        let bot = try world.makeBot(channel: channel, name: "Acme", credentials: credentials)
        let gateway = FakeGateway(answers)
        let service = EmulatorService(world: world, port: 0, logger: logger) { gateway.mount(on: $0) }
        let services = ServiceGroup(services: [service], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            let port = try #require(await service.boundPort())
            let base = "http://127.0.0.1:\(port)"
            // Shut down gently: NIO traps when a server is cancelled over a connection that it has just accepted.
            do {
                if connected { try world.setWebhook(bot: bot.id, url: "\(base)/gateway", handshake: false) }
                let client = LocalClient(base: base)
                try await body(TestBed(world: world, bot: bot, gateway: gateway, clock: clock, client: client))
                await services.triggerGracefulShutdown()
                try await group.waitForAll()
            } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
        }
    }

    func credential(_ name: String) -> String { bot.credentials[name] ?? "" }

    @discardableResult
    func say(
        _ text: String,
        in conversation: String? = nil,
        mention: Bool = false,
        threadOf: String? = nil,
        user: String = "ann"
    ) async throws -> EmulatedPost {
        try await world.say(
            EmulatedUserMessage(
                channel: bot.channel,
                bot: bot.id,
                user: EmulatedUser(id: user, name: "Ann"),
                text: text,
                conversation: conversation,
                isRoom: conversation != nil,
                mention: mention,
                threadOf: threadOf
            )
        )
    }

    /// The exchanges once one of them is as wanted.
    func exchanges(when isWanted: @escaping @Sendable (ExchangeEntry) -> Bool) async -> [ExchangeEntry] {
        await world.exchanges(after: 0, waitingUpTo: .seconds(20), for: isWanted)
    }

    var outgoing: [TranscriptEntry] { world.transcript().filter { $0.direction == .outbound } }
}

/// Receives webhooks and answers as it was told, then always 200.
final class FakeGateway: Sendable {
    struct Answer: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body: JSON?
    }

    struct Received: Sendable {
        let headers: [String: String]
        let query: String
        let body: [UInt8]
        var json: JSON { (try? JSON(parsing: body)) ?? .null }
    }

    private let answers: Mutex<[Answer]>
    private let stream: AsyncStream<Received>
    private let continuation: AsyncStream<Received>.Continuation

    init(_ answers: [Answer]) {
        self.answers = Mutex(answers)
        (stream, continuation) = AsyncStream<Received>.makeStream()
    }

    func mount(on router: Router<BasicRequestContext>) {
        for method: HTTPRequest.Method in [.get, .post] {
            router.on("/gateway", method: method) { request, _ in
                let body = try await request.body.collect(upTo: 1 << 20)
                var headers: [String: String] = [:]
                for field in request.headers { headers[field.name.canonicalName] = field.value }
                self.continuation.yield(
                    Received(headers: headers, query: request.uri.query ?? "", body: Array(body.readableBytesView))
                )
                let answer = self.answers.withLock { $0.isEmpty ? Answer() : $0.removeFirst() }
                var fields = HTTPFields()
                for (name, value) in answer.headers {
                    if let name = HTTPField.Name(name) { fields[name] = value }
                }
                let bytes = answer.body.map { $0.string.map { Array($0.utf8) } ?? $0.encoded() } ?? []
                return Response(
                    status: .init(code: answer.status),
                    headers: fields,
                    body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
                )
            }
        }
    }

    func next() async throws -> Received {
        for await received in stream { return received }
        throw CancellationError()
    }
}

/// The machine's clock, which a test may put forward or stop: a rate is told in full only while no time passes.
final class SteppingClock: Clockwork {
    private struct State {
        var ahead = Duration.zero
        var stoppedAt: Timestamp?
    }

    private let state = Mutex(State())

    var now: Timestamp {
        let state = state.withLock { $0 }
        return (state.stoppedAt ?? SystemClock().now).advanced(by: state.ahead)
    }

    func advance(by duration: Duration) { state.withLock { $0.ahead += duration } }
    func stop() { state.withLock { $0.stoppedAt = SystemClock().now } }
    func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
