import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ParleyCore
import Pipeline

/// The HTTP server, with its limits set.
package enum IngressServer {
    /// - Parameters:
    ///   - pipeline: where ordinary webhooks go without the router.
    ///   - onRunning: told the port that was bound, which may differ from `port` when that is 0.
    package static func application(
        _ router: Router<BasicRequestContext>,
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
                        ConnectionDeadlines(), WebhookShortcut(pipeline: pipeline, clock: clock),
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
