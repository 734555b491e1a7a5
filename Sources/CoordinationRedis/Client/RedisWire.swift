import NIOCore
import ParleyCore
import Synchronization

/// One command on its way, and who waits for its answer.
struct RedisRequest: Sendable {
    let bytes: ByteBuffer
    let deadline: NIODeadline
    let completion: @Sendable (Result<RedisValue, RedisError>) -> Void
}

/// Whether a connection answers; written on its event loop, read from anywhere.
final class RedisHealth: Sendable {
    /// A deadline has passed and nothing has arrived since.
    let isStalled = Atomic<Bool>(false)
    let isClosed = Atomic<Bool>(false)

    var isUsable: Bool { !isStalled.load(ordering: .relaxed) && !isClosed.load(ordering: .relaxed) }
}

/// The socket's end of a connection: writes commands as they come, many to a packet, and gives replies out in order.
///
/// A command whose deadline has passed is answered `timedOut`, but keeps its place: its reply still comes, and is
/// nobody's.
final class RedisWire: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Pending {
        let deadline: NIODeadline
        var completion: (@Sendable (Result<RedisValue, RedisError>) -> Void)?
    }

    private let health: RedisHealth
    /// For a subscribed connection: told every published message. Such a connection has no replies in order.
    private let onMessage: (@Sendable (_ channel: String, _ payload: [UInt8]) -> Void)?
    private let reader = RedisReader()
    private var pending = CircularBuffer<Pending>()
    private var unsent = ByteBuffer()
    private var isFlushDue = false
    private var sweep: Scheduled<Void>?
    /// When the next sweep is due.
    private var sweepsAt = NIODeadline.distantFuture
    private var ping: Scheduled<Void>?
    private var stalledAt: NIODeadline?
    private var hasHeard = true
    private var context: ChannelHandlerContext?

    init(health: RedisHealth, onMessage: (@Sendable (String, [UInt8]) -> Void)?) {
        self.health = health
        self.onMessage = onMessage
    }

    // MARK: Commands

    func submit(_ request: RedisRequest) {
        guard let context, !health.isClosed.load(ordering: .relaxed) else {
            return request.completion(.failure(.unavailable))
        }
        guard pending.count < RedisLimits.commandsInFlight, unsent.readableBytes < RedisLimits.bytesInFlight,
            context.channel.isWritable || unsent.readableBytes + request.bytes.readableBytes < RedisLimits.bytesInFlight
        else { return request.completion(.failure(.overloaded)) }
        pending.append(Pending(deadline: request.deadline, completion: request.completion))
        unsent.writeImmutableBuffer(request.bytes)
        flushSoon(context)
        if request.deadline < sweepsAt { scheduleSweep(at: request.deadline, context) }
    }

    // What is submitted in one turn of the loop goes out in one packet.
    private func flushSoon(_ context: ChannelHandlerContext) {
        guard !isFlushDue, context.channel.isWritable else { return }
        isFlushDue = true
        context.eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushDue = false
        guard let context, unsent.readableBytes > 0, context.channel.isWritable else { return }
        let bytes = unsent
        unsent = ByteBuffer()
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { flush() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Replies

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        hasHeard = true
        stalledAt = nil
        health.isStalled.store(false, ordering: .relaxed)
        do throws(RedisError) {
            for reply in try reader.read(&bytes) { receive(reply) }
        } catch {
            end(error)
            context.close(promise: nil)
        }
    }

    private func receive(_ reply: RedisValue) {
        if let onMessage, let parts = reply.array, let kind = parts.first?.text {
            if kind == "message" {
                if parts.count == 3, let channel = parts[1].text, let payload = parts[2].bytes {
                    onMessage(channel, payload)
                }
                return
            }
        }
        guard let first = pending.popFirst() else { return }
        if case .error(let code) = reply {
            first.completion?(.failure(.refused(code: code)))
        } else {
            first.completion?(.success(reply))
        }
    }

    // MARK: Deadlines

    private func scheduleSweep(at deadline: NIODeadline, _ context: ChannelHandlerContext) {
        sweep?.cancel()
        sweepsAt = deadline
        sweep = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.expire() }
    }

    private func expire() {
        sweep = nil
        sweepsAt = .distantFuture
        guard let context else { return }
        let now = NIODeadline.now()
        var next: NIODeadline?
        var expired: [@Sendable (Result<RedisValue, RedisError>) -> Void] = []
        for index in pending.indices {
            guard let completion = pending[index].completion else { continue }
            if pending[index].deadline <= now {
                pending[index].completion = nil
                expired.append(completion)
            } else {
                next = min(next ?? pending[index].deadline, pending[index].deadline)
            }
        }
        if !expired.isEmpty, stalledAt == nil {
            stalledAt = now
            // Before anybody is told: whoever is must not wait a second time.
            health.isStalled.store(true, ordering: .relaxed)
        }
        for completion in expired { completion(.failure(.timedOut)) }
        if let stalledAt, !pending.isEmpty {
            let closing = stalledAt + TimeAmount(RedisLimits.stall)
            if now >= closing {
                end(.timedOut)
                context.close(promise: nil)
                return
            }
            next = min(next ?? closing, closing)
        }
        if let next { scheduleSweep(at: next, context) }
    }

    private func schedulePing(_ context: ChannelHandlerContext) {
        ping = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(RedisLimits.pingInterval)) {
            self.askWhetherItLives()
        }
    }

    private func askWhetherItLives() {
        guard let context else { return }
        schedulePing(context)
        defer { hasHeard = false }
        guard !hasHeard, pending.isEmpty else { return }
        submit(
            RedisRequest(
                bytes: RedisCommand("PING").bytes,
                deadline: .now() + TimeAmount(RedisLimits.connectDeadline),
                completion: { _ in }
            )
        )
    }

    // MARK: Beginning and end

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        schedulePing(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.unavailable)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.unavailable)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.unavailable)
        context.close(promise: nil)
    }

    private func end(_ error: RedisError) {
        health.isClosed.store(true, ordering: .relaxed)
        ping?.cancel()
        sweep?.cancel()
        let waiting = pending
        pending.removeAll()
        for request in waiting { request.completion?(.failure(error)) }
    }
}
