import Hummingbird
import Logging
import ParleyCore
import Synchronization

/// Four messaging platforms in one process: what people write, what bots answer, and everything that goes wrong between.
///
/// It speaks the platforms' HTTP APIs (``addRoutes(to:)``) and posts signed webhooks (``postWebhooks()``).
package final class EmulatedWorld: Sendable {
    let state: Mutex<WorldState>
    let clock: any Clockwork
    let timing: EmulatorTiming
    let logger: Logger
    let changes = ChangeSignal()
    let webhooks: WebhookQueue

    /// The same seed and the same order of calls give the same credentials, ids and faults.
    package init(
        seed: UInt64,
        logger: Logger,
        clock: any Clockwork = SystemClock(),
        timing: EmulatorTiming = EmulatorTiming()
    ) {
        state = Mutex(WorldState(seed: seed))
        webhooks = WebhookQueue()
        self.clock = clock
        self.timing = timing
        self.logger = logger
    }

    // MARK: Bots

    /// A new bot with fresh credentials in the platform's own format. Throws ``EmulatorError/unknownChannel(_:)``.
    package func makeBot(channel: ChannelID, name: String) throws -> EmulatedBot {
        let now = clock.now
        return try state.withLock { try $0.makeBot(channel: channel, name: name, credentials: [:], now: now) }
    }

    /// Registers a bot with some credentials given, the rest made up. Throws ``EmulatorError``.
    package func makeBot(channel: ChannelID, name: String, credentials: [String: String]) throws -> EmulatedBot {
        let now = clock.now
        return try state.withLock { try $0.makeBot(channel: channel, name: name, credentials: credentials, now: now) }
    }

    /// Every bot, in the order of registration.
    package var bots: [EmulatedBot] { state.withLock { $0.bots } }

    /// The bot of this id or name; within one channel when given.
    package func bot(_ idOrName: String, channel: ChannelID? = nil) -> EmulatedBot? {
        state.withLock { $0.bot(idOrName, channel: channel) }
    }

    /// Where the bot's webhooks go from now on; nil stops them. Throws ``EmulatorError/unknownBot(_:)``.
    ///
    /// Unless `handshake` is false the platform greets the URL as when it is saved in its console (Slack's challenge,
    /// Discord's ping, WhatsApp's verification); the exchanges show whether the answer was right.
    package func setWebhook(bot: String, url: String?, handshake: Bool = true) throws {
        let now = clock.now
        let greeting: WebhookJob? = try state.withLock { state in
            guard let index = state.bots.firstIndex(where: { $0.id == bot || $0.name == bot }) else {
                throw EmulatorError.unknownBot(bot)
            }
            state.bots[index].webhookURL = url
            return handshake && url != nil ? state.handshake(state.bots[index], now: now) : nil
        }
        if let greeting { webhooks.add(greeting) }
        webhooks.wake()
    }

    // MARK: People

    /// A person writes. The transcript shows it at once; ``postWebhooks()`` carries it to the gateway, with faults.
    ///
    /// Throws ``EmulatorError``.
    @discardableResult
    package func say(_ message: EmulatedUserMessage) async throws -> EmulatedPost {
        let now = clock.now
        let (post, jobs) = try state.withLock { try $0.say(message, now: now) }
        changes.raise()
        for job in jobs { webhooks.add(job) }
        return post
    }

    // MARK: Onlookers

    /// The entries after a sequence number, oldest first.
    package func transcript(after sequence: Int = 0) -> [TranscriptEntry] {
        state.withLock { $0.transcript.entries(after: sequence) }
    }

    /// As ``transcript(after:)``, but waits up to `wait` for the first one.
    package func transcript(after sequence: Int, waitingUpTo wait: Duration) async -> [TranscriptEntry] {
        await changes.wait(upTo: wait) {
            let entries = self.transcript(after: sequence)
            return entries.isEmpty ? nil : entries
        } ?? []
    }

    /// The HTTP exchanges after a sequence number, oldest first.
    package func exchanges(after sequence: Int = 0) -> [ExchangeEntry] {
        state.withLock { $0.exchanges.entries(after: sequence) }
    }

    /// As ``exchanges(after:)``, but waits up to `wait` for one that `isWanted`.
    package func exchanges(
        after sequence: Int,
        waitingUpTo wait: Duration,
        for isWanted: @escaping @Sendable (ExchangeEntry) -> Bool = { _ in true }
    ) async -> [ExchangeEntry] {
        await changes.wait(upTo: wait) {
            let entries = self.exchanges(after: sequence)
            return entries.contains(where: isWanted) ? entries : nil
        } ?? exchanges(after: sequence)
    }

    /// Forgets transcript, exchanges, pending webhooks and rate limits; bots and faults stay.
    package func reset() {
        state.withLock { $0.reset() }
        changes.raise()
    }

    // MARK: Faults

    /// The faults of a channel, or those of every channel that has none of its own.
    package func faults(of channel: ChannelID? = nil) -> EmulatorFaults {
        state.withLock { $0.faults(of: channel) }
    }

    /// Sets the faults of a channel, or (nil) of all channels.
    package func setFaults(_ faults: EmulatorFaults, of channel: ChannelID? = nil) {
        state.withLock { state in
            if let channel {
                state.channelFaults[channel] = faults
            } else {
                state.allFaults = faults
                state.channelFaults = [:]
            }
        }
    }
}

/// How fast the platforms' own waiting passes; 1 is as slow as in life.
package struct EmulatorTiming: Sendable {
    /// Multiplies the waits before a webhook is sent again, and injected delays of reordering.
    package var redelivery: Double
    /// Multiplies the time that a gateway has to answer a webhook (Slack and Discord: 3 s).
    package var answerDeadline: Double

    package init(redelivery: Double = 1, answerDeadline: Double = 1) {
        self.redelivery = redelivery
        self.answerDeadline = answerDeadline
    }
}
