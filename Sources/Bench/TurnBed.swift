import NIOCore
import ParleyCore
import Synchronization

/// A gateway with a Slack workspace and a model that answer at once, and a line to post webhooks on.
final class TurnBed: Sendable {
    let server: Child
    let mocks: Mocks
    let line: Line
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
                "PARLEY_SEND_RATES": "false",
                "PARLEY_SLACK_API_URL": base + "/slack/api", "OPENAI_BASE_URL": base + "/v1",
                "OPENAI_API_KEY": "benchmark",
            ],
            bed
        )
        let refused = Counter()
        let line = try await Line.open(16, to: server.port, on: bed.loops) { status in
            if status != 200 { _ = refused.add(1) }
            return nil
        }
        let now = SystemClock().now
        let webhooks = server.paths.map { SlackWebhooks(path: $0, conversations: conversations, at: now) }
        return TurnBed(server, mocks, line, webhooks, conversations, listening, refused)
    }

    private init(
        _ server: Child,
        _ mocks: Mocks,
        _ line: Line,
        _ webhooks: [SlackWebhooks],
        _ conversations: Int,
        _ listening: any Channel,
        _ refused: Counter
    ) {
        self.server = server
        self.mocks = mocks
        self.line = line
        self.webhooks = Mutex(webhooks)
        self.conversations = conversations
        self.listening = listening
        self.refused = refused
        numbers = Counter()
    }

    var port: Int { listening.localAddress?.port ?? 0 }

    /// A new message in a conversation; conversations are spread over the businesses.
    func webhook(in conversation: Int) -> ByteBuffer {
        webhooks.withLock { $0[conversation % $0.count] }.request(numbers.add(1), in: conversation)
    }

    /// Signs what is sent from now on anew: a signature is good for five minutes.
    func signAnew() {
        let now = SystemClock().now
        let fresh = server.paths.map { SlackWebhooks(path: $0, conversations: conversations, at: now) }
        webhooks.withLock { $0 = fresh }
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
