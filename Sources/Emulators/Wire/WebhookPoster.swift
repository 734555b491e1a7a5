import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyCore
import Synchronization

extension EmulatedWorld {
    /// Posts what people write to the bots' webhook URLs, until the task is cancelled. Run it once for a world.
    package func postWebhooks() async {
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.redirectConfiguration = .disallow
        let client = HTTPClient(configuration: configuration)
        await withDiscardingTaskGroup { group in
            for await item in webhooks.items {
                switch item {
                case .job(let job) where job.platform == .telegram:
                    state.withLock { $0.telegramQueues[job.queueKey, default: TelegramQueue()].jobs.append(job) }
                    if startQueue(job.queueKey) { group.addTask { await self.runQueue(job.queueKey, client) } }
                case .job(let job):
                    group.addTask { await self.deliver(job, client) }
                case .wake:
                    for key in state.withLock({ Array($0.telegramQueues.keys) }) where startQueue(key) {
                        group.addTask { await self.runQueue(key, client) }
                    }
                }
            }
        }
        try? await client.shutdown()
    }

    // MARK: Telegram's queues

    private func startQueue(_ key: String) -> Bool {
        state.withLock { state in
            guard var queue = state.telegramQueues[key], !queue.isRunning, !queue.jobs.isEmpty else { return false }
            queue.isRunning = true
            state.telegramQueues[key] = queue
            return true
        }
    }

    private func runQueue(_ key: String, _ client: HTTPClient) async {
        while !Task.isCancelled {
            let job: WebhookJob? = state.withLock { state in
                guard var queue = state.telegramQueues[key] else { return nil }
                let bot = queue.jobs.first.flatMap { state.bot($0.bot, channel: nil) }
                guard let job = queue.jobs.first, bot?.webhookURL != nil else {
                    queue.isRunning = false
                    state.telegramQueues[key] = queue
                    return nil
                }
                return job
            }
            guard let job else { return }
            await deliver(job, client)
            state.withLock { state in
                let isKept = state.bot(job.bot, channel: nil)?.webhookURL == nil
                guard !isKept, state.telegramQueues[key]?.jobs.first?.eventID == job.eventID else { return }
                state.telegramQueues[key]?.jobs.removeFirst()
            }
        }
    }

    // MARK: One webhook

    private func deliver(_ job: WebhookJob, _ client: HTTPClient) async {
        let faults = throwDice(for: job)
        if job.delay > .zero { await wait(job.delay) }
        if faults.delay > .zero { try? await clock.sleep(for: faults.delay) }
        if faults.isForged { await attempt(job, 1, reason: nil, fault: "bad_signature", client) }
        if faults.isReordered { await wait(.milliseconds(400)) }
        if faults.isDuplicated, faults.isConcurrent {
            async let second: AttemptResult = attempt(job, 1, reason: nil, fault: "duplicate", client)
            await repeatUntilAcknowledged(job, fault: faults.isReordered ? "reorder" : nil, client)
            _ = await second
        } else {
            await repeatUntilAcknowledged(job, fault: faults.isReordered ? "reorder" : nil, client)
            if faults.isDuplicated { await attempt(job, 1, reason: nil, fault: "duplicate", client) }
        }
    }

    private func repeatUntilAcknowledged(_ job: WebhookJob, fault: String?, _ client: HTTPClient) async {
        var number = 1
        var reason: String?
        while !Task.isCancelled, state.withLock({ $0.epoch == job.epoch }) {
            // Telegram keeps what has nowhere to go.
            if job.platform == .telegram, bot(job.bot)?.webhookURL == nil { return }
            let result = await attempt(job, number, reason: reason, fault: fault, client)
            guard case .refused(let why, let retryAfter, let mayRetry) = result, mayRetry,
                let pause = pause(job, afterAttempt: number, retryAfter: retryAfter)
            else { break }
            reason = why
            await wait(pause)
            number += 1
        }
        if job.platform == .telegram { state.withLock { $0.telegramDelivered(job) } }
    }

    /// When the platform tries again after a failure; nil: never.
    private func pause(_ job: WebhookJob, afterAttempt number: Int, retryAfter: Double?) -> Duration? {
        guard job.kind == .event else { return nil }
        let doubled = Duration.seconds(1 << min(number - 1, 20))
        return switch job.platform {
        // Slack, Events API: nearly at once, after one minute, after five.
        case .slack: number > 3 ? nil : [.milliseconds(500), .seconds(60), .seconds(300)][number - 1]
        // Telegram's server: at once, then doubling from 2 s up to a minute or two, for 24 hours.
        case .telegram:
            if let retryAfter {
                .milliseconds(Int64(min(max(retryAfter, 0), 3600) * 1000))
            } else if number == 1 {
                .zero
            } else {
                clock.now.since(job.at) > .seconds(86_400) ? nil : min(doubled, .seconds(90))
            }
        // Discord: an interaction is sent once.
        case .discord: nil
        // Meta: exponential, for seven days.
        case .whatsapp: clock.now.since(job.at) > .seconds(7 * 86_400) ? nil : min(doubled, .seconds(3600))
        }
    }

    private func wait(_ duration: Duration) async {
        let scaled = Double(duration.microseconds) * timing.redelivery
        guard scaled > 0 else { return }
        try? await clock.sleep(for: .microseconds(Int64(max(scaled, 1000))))
    }

    private enum AttemptResult {
        case acknowledged
        case refused(reason: String, retryAfter: Double?, mayRetry: Bool)
    }

    @discardableResult
    private func attempt(
        _ job: WebhookJob,
        _ number: Int,
        reason: String?,
        fault: String?,
        _ client: HTTPClient
    ) async -> AttemptResult {
        let isForged = fault == "bad_signature"
        guard
            let request = state.withLock({ state in
                state.bot(job.bot, channel: nil).flatMap {
                    signedRequest(job, bot: $0, attempt: number, reason: reason, isForged: isForged)
                }
            })
        else {
            record(job, number, status: 0, outcome: "no_webhook_url", fault: fault)
            answered(job, status: 0, body: nil, isForged: isForged)
            return .refused(reason: "connection_failed", retryAfter: nil, mayRetry: false)
        }
        do {
            let response = try await client.execute(request, timeout: .milliseconds(deadline(job.platform)))
            let status = Int(response.status.code)
            let body = Array(try await response.body.collect(upTo: 1 << 20).readableBytesView)
            let isAcknowledged = (200..<300).contains(status) && isRightAnswer(job, body)
            let outcome =
                isForged
                ? ((200..<300).contains(status) ? "forged_accepted" : "forged_refused")
                : isAcknowledged ? "ok" : "refused"
            record(job, number, status: status, outcome: outcome, fault: fault)
            answered(job, status: status, body: body, isForged: isForged)
            if isAcknowledged { return .acknowledged }
            return .refused(
                reason: "http_error",
                retryAfter: response.headers.first(name: "retry-after").flatMap { Double($0) },
                mayRetry: response.headers.first(name: "x-slack-no-retry") != "1" || job.platform != .slack
            )
        } catch {
            let isTimeout = (error as? HTTPClientError) == .deadlineExceeded
            record(job, number, status: 0, outcome: isTimeout ? "timeout" : "no_answer", fault: fault)
            answered(job, status: 0, body: nil, isForged: isForged)
            return .refused(reason: isTimeout ? "http_timeout" : "connection_failed", retryAfter: nil, mayRetry: true)
        }
    }

    /// Milliseconds that a gateway has. Slack and Discord: 3 s; Telegram: 60 s; Meta does not say, 10 s is reported.
    private func deadline(_ platform: EmulatedPlatform) -> Int64 {
        let seconds: Double =
            switch platform {
            case .slack, .discord: 3
            case .telegram: 60
            case .whatsapp: 10
            }
        return Int64(seconds * 1000 * timing.answerDeadline)
    }

    private func isRightAnswer(_ job: WebhookJob, _ body: [UInt8]) -> Bool {
        guard job.kind == .handshake else { return true }
        let json = try? JSON(parsing: body)
        return switch job.platform {
        case .slack: String(decoding: body, as: UTF8.self) == job.eventID || json?["challenge"]?.string == job.eventID
        case .whatsapp: String(decoding: body, as: UTF8.self) == job.eventID
        case .discord: json?["type"]?.int == 1
        case .telegram: true
        }
    }

    private func record(_ job: WebhookJob, _ number: Int, status: Int, outcome: String, fault: String?) {
        let now = clock.now
        state.withLock { state in
            _ = state.exchanges.append {
                ExchangeEntry(
                    sequence: $0,
                    at: now,
                    kind: .webhook,
                    channel: job.platform.channel,
                    bot: job.bot,
                    method: job.name,
                    conversation: job.conversation,
                    eventID: job.eventID,
                    attempt: number,
                    status: status,
                    outcome: outcome,
                    fault: fault,
                    isEarlySend: false
                )
            }
        }
    }

    private func answered(_ job: WebhookJob, status: Int, body: [UInt8]?, isForged: Bool) {
        let now = clock.now
        let json = body.flatMap { try? JSON(parsing: $0) }
        var call: APICall?
        if !isForged, job.kind == .event {
            call = state.withLock { state in
                switch job.platform {
                case .discord: state.discordAnswered(job, status: status, body: json, now: now)
                case .telegram:
                    return state.telegramAnswered(job, status: status, body: json, now: now)
                case .slack, .whatsapp: break
                }
                return nil
            }
        }
        changes.raise()
        // Telegram carries a method out that the answer to a webhook names.
        if let call { _ = carryOut(call, on: .telegram) }
    }

    // MARK: Faults

    private struct WebhookFaults {
        var isDuplicated = false
        var isConcurrent = false
        var isReordered = false
        var isForged = false
        var delay: Duration = .zero
    }

    private func throwDice(for job: WebhookJob) -> WebhookFaults {
        guard job.kind == .event else { return WebhookFaults() }
        return state.withLock { state in
            let faults = state.faults(of: job.platform.channel)
            let thrown = state.roll(5, channel: job.platform.channel, purpose: "webhook")
            return WebhookFaults(
                isDuplicated: thrown[0] < faults.duplicate,
                isConcurrent: thrown[1] < 0.5,
                isReordered: thrown[2] < faults.reorder && job.platform != .telegram,
                isForged: thrown[3] < faults.badSignature,
                delay: .microseconds(Int64(Double(faults.delay.microseconds) * thrown[4]))
            )
        }
    }
}

extension WebhookJob {
    /// Telegram's order holds for one bot and chat.
    fileprivate var queueKey: String { "\(bot)/\(conversation)" }
}
