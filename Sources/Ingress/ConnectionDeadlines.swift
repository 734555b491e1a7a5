import HTTPTypes
import NIOCore
import NIOHTTPTypes
import ParleyCore

/// Absolute deadlines of a connection: an idle timeout alone is beaten by one byte every few seconds.
///
/// The first request's head must be complete within ``Limits/headerDeadline``, every body within
/// ``Limits/bodyDeadline``, and the next request's head within ``Limits/idleTimeout``.
final class ConnectionDeadlines: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private var deadline: Scheduled<Void>?

    func handlerAdded(context: ChannelHandlerContext) {
        expect(within: Limits.headerDeadline, context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: expect(within: Limits.bodyDeadline, context)
        case .body: break
        case .end: expect(within: Limits.idleTimeout, context)
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

    private func expect(within duration: Duration, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(duration)) {
            channel.close(promise: nil)
        }
    }
}
