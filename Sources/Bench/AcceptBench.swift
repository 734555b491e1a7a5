import NIOCore
import NIOPosix
import ParleyCore
import Synchronization

/// Durable acknowledgements of signed webhooks per second ÷ bare echoes of the same server.
struct AcceptBench: Sendable {
    static let conversations = 1000

    let options: BenchOptions
    let bed: Bed
    let say: @Sendable (String) -> Void

    func run() async throws {
        // One busy channel, as a load generator with unique ids makes it; and the other end, where every commit touches
        // as many conversations as it has events.
        for conversations in [1, Self.conversations] {
            let server = try await Child.server(.accepting, businesses: 1, settings: [:], bed)
            do {
                try await measure(server, conversations: conversations)
            } catch {
                await server.end()
                throw error
            }
            await server.end()
        }
    }

    private func measure(_ server: Child, conversations: Int) async throws {
        say(
            "\nAcknowledgements: \(options.connections) keep-alive connections, closed loop, 1 KB bodies, "
                + "\(options.seconds) s a round, \(conversations == 1 ? "one conversation" : "\(conversations) conversations")"
        )
        let webhooks = SlackWebhooks(path: server.paths[0], conversations: conversations, at: SystemClock().now)
        let echo = echoRequest(like: webhooks)
        var (next, acked) = (0, 0)
        var rates: [(echo: Round, acks: Round)] = []
        for number in 0...options.rounds {
            let bare = try await round(server) { _ in echo }
            // As many as the bare server could answer: no webhook can be quicker.
            let numbers = next..<next + bare.answers + bare.answers / 10 + 1000
            next = numbers.upperBound
            let signatures = webhooks.signatures(of: numbers)
            let accepted = try await round(server) { index in
                guard index < numbers.count else { return nil }
                return webhooks.request(numbers.lowerBound + index, signature: signatures[index * 64..<index * 64 + 64])
            }
            acked += accepted.answers
            guard bare.failures + accepted.failures == 0 else {
                throw BenchError("\(bare.failures) echoes and \(accepted.failures) webhooks were not answered 200")
            }
            let kind = number == 0 ? "warm-up" : "round \(number)"
            say(
                "  \(kind): echo \(bare.rate.text())/s, acks \(accepted.rate.text())/s, "
                    + "ratio \((accepted.rate / bare.rate).text(2)); others used "
                    + "\((max(bare.others, accepted.others) * 100).text(1)) % of the machine"
            )
            if number > 0 { rates.append((bare, accepted)) }
        }
        let rows = Int((try await server.rows(bed))["inbox"]?.int ?? -1)
        let commits = try await server.metric("parley_inbox_commits_total", bed)
        guard rows == acked else { throw BenchError("\(acked) webhooks were acknowledged and \(rows) are committed") }
        let ratios = Statistics(rates.map { $0.acks.rate / $0.echo.rate })
        let (ack, bare) = (Statistics(rates.map(\.acks.cpuMicroseconds)), Statistics(rates.map(\.echo.cpuMicroseconds)))
        say(
            """
              acks ÷ echo            \(ratios.median.text(2)) (least \(ratios.least.text(2)), most \(ratios.most.text(2)))
              acks                   \(Statistics(rates.map(\.acks.rate)).median.text())/s; \
            echo \(Statistics(rates.map(\.echo.rate)).median.text())/s
              CPU of the server      \(ack.median.text(1)) µs an ack, \(bare.median.text(1)) µs an echo: \
            echo ÷ ack \((bare.median / ack.median).text(2))
              durable                \(acked) acknowledged = \(rows) committed, in \(Int(commits)) commits \
            (\((Double(acked) / max(1, commits)).text(1)) a commit)
            """
        )
    }

    struct Round {
        var answers = 0
        var failures = 0
        var seconds = 0.0
        var cpu = 0.0
        var others = 0.0

        var rate: Double { Double(answers) / seconds }
        /// Of the server, an answer.
        var cpuMicroseconds: Double { cpu / Double(answers) * 1e6 }
    }

    private struct Progress {
        var sent = 0
        var answers = 0
        var failures = 0
        var open = 0
        var last = NIODeadline.now()
        var end = NIODeadline.distantFuture
    }

    private final class Shared: Sendable {
        let progress = Mutex(Progress())
    }

    /// Every answer is followed by the next request on its connection, until the time is up and the last is answered.
    private func round(_ server: Child, request: @escaping @Sendable (Int) -> ByteBuffer?) async throws -> Round {
        let shared = Shared()
        let over = bed.loops.next().makePromise(of: Void.self)
        let line = try await Line.open(options.connections, to: server.port, on: bed.loops) { status in
            let now = NIODeadline.now()
            let (index, isOver) = shared.progress.withLock { progress -> (Int?, Bool) in
                progress.answers += 1
                if status != 200 { progress.failures += 1 }
                progress.last = now
                if now < progress.end {
                    progress.sent += 1
                    return (progress.sent - 1, false)
                }
                progress.open -= 1
                return (nil, progress.open == 0)
            }
            if isOver { over.succeed() }
            guard let index else { return nil }
            if let bytes = request(index) { return bytes }
            // Only when requests run out: this connection is done early.
            let wasLast = shared.progress.withLock { progress in
                progress.open -= 1
                return progress.open == 0
            }
            if wasLast { over.succeed() }
            return nil
        }
        let before = (
            cpu: server.cpuSeconds, own: Machine.cpuSeconds(of: Machine.ownPID), all: Machine.cpuSeconds().busy
        )
        let start = NIODeadline.now()
        shared.progress.withLock { progress in
            progress.end = start + .seconds(Int64(options.seconds))
            progress.open = options.connections
        }
        line.sendOnEach {
            request(
                shared.progress.withLock { progress in
                    progress.sent += 1
                    return progress.sent - 1
                }
            )
        }
        try await over.futureResult.get()
        let result = shared.progress.withLock { $0 }
        await line.close()
        let seconds = Double((result.last - start).nanoseconds) / 1e9
        let cpu = server.cpuSeconds - before.cpu
        let others =
            Machine.cpuSeconds().busy - before.all - cpu - (Machine.cpuSeconds(of: Machine.ownPID) - before.own)
        return Round(
            answers: result.answers,
            failures: result.failures,
            seconds: seconds,
            cpu: cpu,
            others: max(0, others) / (seconds * Double(Machine.cores))
        )
    }

    private func echoRequest(like webhooks: SlackWebhooks) -> ByteBuffer {
        let signature = [UInt8](repeating: UInt8(ascii: "0"), count: 64)
        let webhook = String(buffer: webhooks.request(0, signature: signature[...]))
        guard let path = webhook.split(separator: " ").dropFirst().first else { return ByteBuffer() }
        return ByteBuffer(string: webhook.replacing("POST \(path) ", with: "POST /bench/echo ", maxReplacements: 1))
    }
}
