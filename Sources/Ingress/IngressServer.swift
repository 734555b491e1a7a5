import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypesHTTP1
import ParleyCore
import Pipeline

/// The HTTP server, with its limits set.
package enum IngressServer {
    /// - Parameters:
    ///   - pipeline: where ordinary webhooks go without the router.
    ///   - onRunning: told the port that was bound, which may differ from `port` when that is 0.
    package static func application(
        _ router: Router<GatewayContext>,
        pipeline: Pipeline,
        clock: any Clockwork,
        host: String,
        port: Int,
        logger: Logger,
        onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
    ) -> some ApplicationProtocol {
        Application(
            router: router,
            server: .http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [
                        BeforeCodec {
                            [ConnectionDeadlines(), WebhookShortcut(pipeline: pipeline, clock: clock)]
                        }
                    ],
                    httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                        maxHeaderFieldSize: Limits.headerBytes,
                        maxHeaderListSize: Limits.headerBytes,
                        maxHeaderFieldCount: 64
                    )
                )
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                serverName: nil,
                backlog: 1024
            ),
            onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) },
            logger: logger
        )
    }
}

/// Puts handlers where requests are NIO's own still: what is answered there is spared the conversion to the router's types
/// and back.
///
/// Hummingbird adds its handlers behind its codec, this one among them.
private final class BeforeCodec: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let handlers: () -> [any ChannelHandler]

    init(_ handlers: @escaping () -> [any ChannelHandler]) { self.handlers = handlers }

    func handlerAdded(context: ChannelHandlerContext) {
        do {
            let pipeline = context.pipeline.syncOperations
            let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
            try pipeline.addHandlers(handlers(), position: .before(codec))
        } catch {
            // A connection without its deadlines is not to be had.
            context.close(promise: nil)
        }
    }
}
