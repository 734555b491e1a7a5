import ChannelKit
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1
import ParleyCore
import Pipeline

/// The short way of an ordinary webhook: proven and read on the thread on which its last byte came, answered when its
/// commit is on disk, without a task, a router or a change of threads in between.
///
/// Ordinary is a small `POST` to an integration that is remembered, on a connection with nothing else under way.
/// All else goes on to the router, which knows every refusal and answers the same.
final class WebhookShortcut: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        /// What comes next may be taken.
        case open
        /// A webhook's head is there, and of its body what has come.
        case gathering(OrdinaryWebhook)
        /// It waits for its commit; what comes meanwhile is held back, so that answers keep the order of requests.
        case committing
    }

    private enum Held {
        case part(HTTPServerRequestPart)
        case event(Any)
        case error(any Error)
    }

    private let pipeline: Pipeline
    private let clock: any Clockwork
    private var state = State.open
    /// Requests that went on to the router and are not answered.
    private var routed = 0
    private var isRoutedBodyComing = false
    private var held: [Held] = []
    private var isReadHeld = false
    private var received = PlainReceipt()
    private var date = HTTPDate()
    /// What is written here goes out as it is.
    private var wire: ChannelHandlerContext?

    init(pipeline: Pipeline, clock: any Clockwork) {
        self.pipeline = pipeline
        self.clock = clock
    }

    func handlerAdded(context: ChannelHandlerContext) {
        wire = try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { wire = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch state {
        case .open: open(part, context)
        case .gathering(let webhook): gather(part, into: webhook, context)
        case .committing: held.append(.part(part))
        }
    }

    private func open(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        if case .head(let head) = part, routed == 0, !isRoutedBodyComing, let webhook = OrdinaryWebhook(head) {
            state = .gathering(webhook)
        } else {
            pass(part, context)
        }
    }

    private func gather(_ part: HTTPServerRequestPart, into webhook: OrdinaryWebhook, _ context: ChannelHandlerContext)
    {
        switch part {
        case .head: pass(part, context)
        case .body(let bytes):
            var webhook = webhook
            webhook.add(bytes)
            state = .gathering(webhook)
        case .end(let trailers): accept(webhook, trailers, context)
        }
    }

    // MARK: The webhook

    private func accept(_ webhook: OrdinaryWebhook, _ trailers: HTTPHeaders?, _ context: ChannelHandlerContext) {
        let receivedAt = clock.now
        state = .committing
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let isTaken = pipeline.accept(webhook.request(at: receivedAt), on: webhook.channel, for: webhook.integration) {
            outcome in
            bound.eventLoop.execute {
                let (shortcut, context) = bound.value
                shortcut.answer(outcome, on: webhook.channel, receivedAt: receivedAt, context)
            }
        }
        guard !isTaken else { return }
        state = .gathering(webhook)
        giveUp(context)
        pass(.end(trailers), context)
    }

    private func answer(
        _ outcome: Result<WebhookAnswer, AcceptRefusal>,
        on channel: ChannelID,
        receivedAt: Timestamp,
        _ context: ChannelHandlerContext
    ) {
        let now = clock.now
        if let wire, case .success(.empty) = outcome {
            WebhookMetrics.count(channel.name, status: 200, after: now.since(receivedAt))
            wire.writeAndFlush(NIOAny(received.bytes(at: now, spelledBy: &date)), promise: nil)
        } else {
            write(WebhookReply(outcome), on: channel, receivedAt: receivedAt, at: now, context)
        }
        state = .open
        goOn(context)
    }

    private func write(
        _ reply: WebhookReply,
        on channel: ChannelID,
        receivedAt: Timestamp,
        at now: Timestamp,
        _ context: ChannelHandlerContext
    ) {
        WebhookMetrics.count(channel.name, status: reply.status.code, after: now.since(receivedAt))
        var response = HTTPResponse(status: reply.status, headerFields: reply.headers)
        response.headerFields[.contentLength] = String(reply.body.readableBytes)
        response.headerFields[.date] = date.text(at: now)
        context.write(wrapOutboundOut(.head(HTTPResponseHead(response))), promise: nil)
        if reply.body.readableBytes > 0 {
            context.write(wrapOutboundOut(.body(.byteBuffer(reply.body))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Hands what was held back to whoever it is for; another webhook among it is waited for in its turn.
    private func goOn(_ context: ChannelHandlerContext) {
        guard !held.isEmpty else { return }
        let waiting = held
        held = []
        for item in waiting {
            switch item {
            case .part(let part): channelRead(context: context, data: wrapInboundOut(part))
            case .event(let event): userInboundEventTriggered(context: context, event: event)
            case .error(let error): errorCaught(context: context, error: error)
            }
        }
        // What reads behind us looks at what it got only when it is told that this was all for now.
        context.fireChannelReadComplete()
        if held.isEmpty, isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    // MARK: All else

    private func pass(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head:
            routed += 1
            isRoutedBodyComing = true
        case .body: break
        case .end: isRoutedBodyComing = false
        }
        context.fireChannelRead(wrapInboundOut(part))
    }

    /// The webhook under way turns out not to be ordinary: the router gets what there is of it.
    private func giveUp(_ context: ChannelHandlerContext) {
        guard case .gathering(let webhook) = state else { return }
        state = .open
        pass(.head(webhook.head), context)
        if webhook.body.readableBytes > 0 { pass(.body(webhook.body), context) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { routed -= 1 }
        context.write(data, promise: promise)
    }

    func read(context: ChannelHandlerContext) {
        // Whoever sends request after request without waiting is read from no further.
        if held.isEmpty { context.read() } else { isReadHeld = true }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .committing = state { return held.append(.event(event)) }
        giveUp(context)
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .committing = state { return held.append(.error(error)) }
        giveUp(context)
        context.fireErrorCaught(error)
    }
}

/// The whole answer to a webhook that asks for none but the status, as it goes out: spelled once a second.
private struct PlainReceipt {
    private var second = Int64.min
    private var spelled = ByteBuffer()

    mutating func bytes(at now: Timestamp, spelledBy date: inout HTTPDate) -> ByteBuffer {
        if now.seconds != second {
            second = now.seconds
            spelled = ByteBuffer(
                string: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\ndate: \(date.text(at: now))\r\n\r\n"
            )
        }
        return spelled
    }
}
