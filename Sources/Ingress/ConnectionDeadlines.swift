import NIOCore
import NIOHTTP1
import ParleyCore

/// Absolute deadlines of a connection: an idle timeout alone is beaten by one byte every few seconds.
///
/// The first request's head must be complete within ``Limits/headerDeadline``, every body within
/// ``Limits/bodyDeadline``, and the next request's head within ``Limits/idleTimeout``.
final class ConnectionDeadlines: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    private var deadline = NIODeadline.distantFuture
    private var alarm: (task: Scheduled<Void>, at: NIODeadline)?

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
        alarm?.task.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        alarm?.task.cancel()
    }

    /// A deadline that is put off leaves the alarm alone, which then looks again: setting one for each request would
    /// cost more than reading it.
    private func expect(within duration: Duration, _ context: ChannelHandlerContext) {
        deadline = .now() + TimeAmount(duration)
        if let alarm, alarm.at <= deadline { return }
        setAlarm(context)
    }

    private func setAlarm(_ context: ChannelHandlerContext) {
        alarm?.task.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let task = context.eventLoop.scheduleTask(deadline: deadline) {
            let (deadlines, context) = bound.value
            deadlines.alarm = nil
            if deadlines.deadline <= .now() { context.close(promise: nil) } else { deadlines.setAlarm(context) }
        }
        alarm = (task, deadline)
    }
}
