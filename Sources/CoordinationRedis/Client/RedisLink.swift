import NIOCore
import NIOPosix
import NIOSSL
import ParleyCore

/// A connection that has been let in: commands go in from any thread, each with a deadline.
final class RedisLink: Sendable {
    private let channel: any NIOCore.Channel
    private let wire: NIOLoopBound<RedisWire>
    private let health: RedisHealth

    fileprivate init(_ channel: any NIOCore.Channel, _ wire: NIOLoopBound<RedisWire>, _ health: RedisHealth) {
        self.channel = channel
        self.wire = wire
        self.health = health
    }

    /// Whether it is connected and answers.
    var isUsable: Bool { health.isUsable }

    func call(_ command: RedisCommand, within limit: Duration) async throws(RedisError) -> RedisValue {
        let result = await withCheckedContinuation { continuation in
            submit(command, within: limit) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Sends without waiting; `completion` is called on the connection's event loop, exactly once.
    func submit(
        _ command: RedisCommand,
        within limit: Duration,
        completion: @escaping @Sendable (Result<RedisValue, RedisError>) -> Void
    ) {
        let request = RedisRequest(
            bytes: command.bytes,
            deadline: .now() + TimeAmount(limit),
            completion: completion
        )
        channel.eventLoop.execute { self.wire.value.submit(request) }
    }

    /// Returns when the connection has ended; ends it on cancellation.
    func untilClosed() async {
        await withTaskCancellationHandler {
            try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    func close() async { try? await channel.close().get() }
}

/// Makes connections: TCP or TLS, the password, the database's number, and a first answer.
struct RedisConnector: Sendable {
    let address: RedisAddress
    /// Seen in `CLIENT LIST`.
    var clientName = "parley"

    func connect(
        onMessage: (@Sendable (_ channel: String, _ payload: [UInt8]) -> Void)? = nil
    ) async throws(RedisError) -> RedisLink {
        let link = try await open(onMessage)
        do throws(RedisError) {
            try await enter(link)
        } catch {
            await link.close()
            throw error
        }
        return link
    }

    private func open(_ onMessage: (@Sendable (String, [UInt8]) -> Void)?) async throws(RedisError) -> RedisLink {
        let health = RedisHealth()
        let tls = try tls()
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(RedisLimits.connectDeadline))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let pipeline = channel.pipeline.syncOperations
                        if let tls {
                            try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: serverName))
                        }
                        try pipeline.addHandler(RedisWire(health: health, onMessage: onMessage))
                    }
                }
                .connect(host: address.host, port: address.port)
                .get()
            return try await channel.eventLoop.submit {
                let wire = try channel.pipeline.syncOperations.handler(type: RedisWire.self)
                return RedisLink(channel, NIOLoopBound(wire, eventLoop: channel.eventLoop), health)
            }.get()
        } catch {
            throw .cannotConnect("cannot connect to \(address)")
        }
    }

    // The name that the certificate must carry; an address is checked as one.
    private var serverName: String? {
        (try? SocketAddress(ipAddress: address.host, port: address.port)) == nil ? address.host : nil
    }

    private func tls() throws(RedisError) -> NIOSSLContext? {
        guard address.usesTLS else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let file = address.authorityFile { configuration.trustRoots = .file(file) }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .cannotConnect("the certificates to check \(address) with cannot be read")
        }
    }

    private func enter(_ link: RedisLink) async throws(RedisError) {
        do throws(RedisError) {
            if let password = address.password {
                let command = password.reveal { password in
                    address.user.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password)
                }
                _ = try await link.call(command, within: RedisLimits.connectDeadline)
            }
            if address.database != 0 {
                _ = try await link.call(
                    RedisCommand("SELECT", address.database),
                    within: RedisLimits.connectDeadline
                )
            }
            _ = try await link.call(RedisCommand("PING"), within: RedisLimits.connectDeadline)
        } catch {
            throw .cannotConnect(reason(error))
        }
        // Older servers and restricted users may refuse it; only people who look at the server miss it.
        _ = try? await link.call(
            RedisCommand("CLIENT", "SETNAME", clientName),
            within: RedisLimits.connectDeadline
        )
    }

    private func reason(_ error: RedisError) -> String {
        guard case .refused(let code) = error else {
            return error == .timedOut
                ? "\(address) does not answer" : "the connection to \(address) ended while it was made"
        }
        switch code {
        case "WRONGPASS": return "\(address) refuses the user name or the password"
        case "NOAUTH": return "\(address) wants a password"
        case "NOPERM": return "\(address) does not permit this user to use it"
        case "LOADING": return "\(address) is still loading its data"
        default: return "\(address) refuses the password or the database number (\(code))"
        }
    }
}
