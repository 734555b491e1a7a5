import CLibPQ
import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// libpq's connection; closed when nobody holds it any more.
final class PostgresHandle {
    let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQfinish(pointer) }

    /// Connects without blocking.
    ///
    /// Throws ``PostgresUnreachable`` and `CancellationError`.
    static func open(
        _ settings: PostgresSettings,
        on loop: PostgresLoop,
        until deadline: ContinuousClock.Instant
    ) async throws -> PostgresHandle {
        let parameters = try await HostNames.resolve(settings.reveal { $0 }, on: loop, until: deadline)
        guard let handle = begin(parameters) else { throw PostgresUnreachable(reason: "there is no memory") }
        // libpq would print what the server remarks, and remarks may quote data.
        PQsetNoticeReceiver(handle.pointer, { _, _ in }, nil)
        guard PQstatus(handle.pointer) != CONNECTION_BAD else { throw handle.refusal(settings) }
        var state = PGRES_POLLING_WRITING
        while state != PGRES_POLLING_OK {
            guard state != PGRES_POLLING_FAILED else { throw handle.refusal(settings) }
            let isWriting = state == PGRES_POLLING_WRITING
            // The socket is another one for each address that is tried.
            let interest = PostgresLoop.Interest(
                socket: PQsocket(handle.pointer),
                reading: !isWriting,
                writing: isWriting
            )
            switch await loop.wait(loop.ticket(), for: interest, until: deadline) {
            case .ready: state = PQconnectPoll(handle.pointer)
            case .deadline: throw PostgresUnreachable(reason: "no answer within \(settings.connectTimeout)")
            case .cancelled: throw CancellationError()
            }
        }
        PQsetnonblocking(handle.pointer, 1)
        return handle
    }

    private static func begin(_ parameters: [PostgresSettings.Parameter]) -> PostgresHandle? {
        // libpq copies them.
        let names = parameters.map { strdup($0.name) }
        let values = parameters.map { strdup($0.value) }
        defer { (names + values).forEach { free($0) } }
        let ended = { (list: [UnsafeMutablePointer<CChar>?]) in list.map { UnsafePointer($0) } + [nil] }
        return PQconnectStartParams(ended(names), ended(values), 0).map { PostgresHandle($0) }
    }

    private func refusal(_ settings: PostgresSettings) -> PostgresUnreachable {
        let text = PQerrorMessage(pointer).map { String(cString: $0) } ?? ""
        let lines = text.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " || $0 == "\t" } }
        let advice = Self.advice.first { text.contains($0.said) }.map { "; → " + $0.fix } ?? ""
        return PostgresUnreachable(reason: settings.withoutSecrets(lines.joined(separator: "; ")) + advice)
    }

    /// What libpq says of TLS (PostgreSQL 14 to 17, fe-secure-openssl.c and fe-secure-common.c), and what to do about it.
    private static let advice = [
        (
            said: "certificate verify failed",
            fix: """
            the server's certificate is not signed by the authority in sslrootcert of PARLEY_DATABASE_URL, or has \
            run out: name the file of the right authority there
            """
        ),
        (
            said: "does not match host name",
            fix: """
            PARLEY_DATABASE_URL must name the server as its certificate does; sslmode=verify-ca looks at the \
            authority alone
            """
        ),
        (
            said: "server does not support SSL",
            fix: "sslmode of PARLEY_DATABASE_URL asks for TLS, and the server has ssl=off: switch it on there"
        ),
        (
            said: "root certificate file",
            fix:
                "set sslrootcert in PARLEY_DATABASE_URL to the file of the authority that signed the server's certificate"
        ),
    ]

    /// Whether there is anything to read now: an answer, a goodbye, the end.
    static func isReadable(_ handle: PostgresHandle) -> Bool {
        var descriptor = pollfd(fd: PQsocket(handle.pointer), events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) != 0
    }

    private static let cancelling = DispatchQueue(label: "parley.postgres.cancel")

    /// Asks the server to stop what it does for this connection. libpq opens a connection of its own for it and blocks,
    /// so that happens elsewhere, and nobody waits for it.
    func cancelOnServer() {
        guard let request = PQgetCancel(pointer) else { return }
        let address = UInt(bitPattern: request)
        Self.cancelling.async {
            guard let request = OpaquePointer(bitPattern: address) else { return }
            var problem = [CChar](repeating: 0, count: 256)
            PQcancel(request, &problem, Int32(problem.count))
            PQfreeCancel(request)
        }
    }
}
