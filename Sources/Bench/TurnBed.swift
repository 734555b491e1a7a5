import NIOCore
import ParleyCore
import Synchronization

/// A gateway with a Slack workspace and a model that answer at once, and a line to post webhooks on.
final class TurnBed: Sendable {
    let server: Child
    let mocks: Mocks
    private let latestLine: Mutex<Line>
    private let loops: any EventLoopGroup
    private let webhooks: Mutex<[SlackWebhooks]>
    private let conversations: Int
    private let listening: any Channel
    private let numbers: Counter
    let refused: Counter

    /// - Parameters:
    ///   - model: as in `PARLEY_MODEL`; a plain name is the mock.
    ///   - conversations: of each business.
    static func open(
        model: String,
        debounce: Int,
        businesses: Int = 1,
        conversations: Int,
        _ bed: Bed
    ) async throws -> TurnBed {
        let mocks = Mocks()
        let listening = try await mocks.listen(on: bed.loops)
        let base = "http://127.0.0.1:\(listening.localAddress?.port ?? 0)"
        let server = try await Child.server(
            .everything,
            businesses: businesses,
            settings: [
                "PARLEY_MODEL": model, "PARLEY_DEBOUNCE_MS": String(debounce), "PARLEY_TURNS_PER_BUSINESS": "1024",
                "PARLEY_SEND_RATES": "false", "PARLEY_CONTACT_LIMIT": "0",
                "PARLEY_SLACK_API_URL": base + "/slack/api", "OPENAI_BASE_URL": base + "/v1",
                "OPENAI_API_KEY": "benchmark",
            ],
            bed
        )
        let refused = Counter()
        let line = try await connect(to: server, on: bed.loops, refused)
        let now = SystemClock().now
        let webhooks = server.paths.map { SlackWebhooks(path: $0, conversations: conversations, at: now) }
        return TurnBed(server, mocks, line, bed.loops, webhooks, conversations, listening, refused)
    }

    private init(
        _ server: Child,
        _ mocks: Mocks,
        _ line: Line,
        _ loops: any EventLoopGroup,
        _ webhooks: [SlackWebhooks],
        _ conversations: Int,
        _ listening: any Channel,
        _ refused: Counter
    ) {
        self.server = server
        self.mocks = mocks
        latestLine = Mutex(line)
        self.loops = loops
        self.webhooks = Mutex(webhooks)
        self.conversations = conversations
        self.listening = listening
        self.refused = refused
        numbers = Counter()
    }

    var line: Line { latestLine.withLock { $0 } }
    var port: Int { listening.localAddress?.port ?? 0 }

    /// A new message in a conversation; conversations are spread over the businesses.
    func webhook(in conversation: Int) -> ByteBuffer {
        webhooks.withLock { $0[conversation % $0.count] }.request(numbers.add(1), in: conversation)
    }

    /// Connects and signs anew, after a long silence: the server has hung up, and a signature is good for five minutes.
    func wake() async throws {
        let fresh = try await Self.connect(to: server, on: loops, refused)
        let old = latestLine.withLock { line in
            defer { line = fresh }
            return line
        }
        await old.close()
        let now = SystemClock().now
        let signed = server.paths.map { SlackWebhooks(path: $0, conversations: conversations, at: now) }
        webhooks.withLock { $0 = signed }
    }

    private static func connect(
        to server: Child,
        on loops: any EventLoopGroup,
        _ refused: Counter
    ) async throws -> Line {
        try await Line.open(16, to: server.port, on: loops) { status in
            if status != 200 { _ = refused.add(1) }
            return nil
        }
    }

    func post(in conversation: Int) { line.send(webhook(in: conversation)) }

    func close() async {
        await line.close()
        await server.end()
        try? await listening.close().get()
    }

    static func with<Result>(
        model: String,
        debounce: Int = 0,
        businesses: Int = 1,
        conversations: Int,
        _ bed: Bed,
        _ body: (TurnBed) async throws -> Result
    ) async throws -> Result {
        let turns = try await open(
            model: model,
            debounce: debounce,
            businesses: businesses,
            conversations: conversations,
            bed
        )
        do {
            let result = try await body(turns)
            await turns.close()
            return result
        } catch {
            await turns.close()
            throw error
        }
    }
}

/// Waits for a condition that other processes bring about.
func settle(within seconds: Int, _ isSettled: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<seconds * 50 {
        if try await isSettled() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return false
}
