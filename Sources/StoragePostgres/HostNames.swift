import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Turns the host names of connection parameters into addresses, away from the threads that others wait for.
///
/// libpq would look names up while a connection is begun, and keep the thread until a name server answers.
enum HostNames {
    private static let queue = DispatchQueue(label: "parley.postgres.names", attributes: .concurrent)

    /// The parameters with one `hostaddr` for each address that a `host` has; the names stay, for TLS.
    ///
    /// Throws ``PostgresUnreachable``.
    static func resolve(
        _ parameters: [PostgresSettings.Parameter],
        on loop: PostgresLoop,
        until deadline: ContinuousClock.Instant
    ) async throws -> [PostgresSettings.Parameter] {
        guard !parameters.contains(where: { $0.name == "hostaddr" }) else { return parameters }
        let hosts = list(parameters, "host")
        guard hosts.contains(where: isName) else { return parameters }
        let ports = list(parameters, "port")
        let ticket = loop.ticket()
        let box = Answer()
        queue.async {
            box.addresses.withLock { $0 = hosts.map { isName($0) ? addresses(of: $0) : [""] } }
            loop.wake(ticket)
        }
        switch await loop.wait(ticket, until: deadline) {
        case .ready: break
        case .deadline: throw PostgresUnreachable(reason: "the name server does not answer")
        case .cancelled: throw CancellationError()
        }
        let found = box.addresses.withLock { $0 }
        var lines: [(host: String, address: String, port: String)] = []
        for (index, host) in hosts.enumerated() {
            let port = ports.indices.contains(index) ? ports[index] : (ports.first ?? "")
            lines += (found.indices.contains(index) ? found[index] : []).map { (host, $0, port) }
        }
        guard !lines.isEmpty else {
            throw PostgresUnreachable(reason: "no address is known for \(hosts.joined(separator: ", "))")
        }
        var resolved = parameters.filter { !["host", "port"].contains($0.name) }
        resolved.append(.init(name: "host", value: lines.map(\.host).joined(separator: ",")))
        resolved.append(.init(name: "hostaddr", value: lines.map(\.address).joined(separator: ",")))
        if !ports.isEmpty { resolved.append(.init(name: "port", value: lines.map(\.port).joined(separator: ","))) }
        return resolved
    }

    private final class Answer: Sendable {
        let addresses = Mutex<[[String]]>([])
    }

    private static func list(_ parameters: [PostgresSettings.Parameter], _ name: String) -> [String] {
        guard let value = parameters.first(where: { $0.name == name })?.value, !value.isEmpty else { return [] }
        return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    /// Neither the folder of a socket nor left out.
    private static func isName(_ host: String) -> Bool { !host.isEmpty && !host.hasPrefix("/") && !host.hasPrefix("@") }

    /// Blocks.
    private static func addresses(of host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let info = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let code = getnameinfo(
                info.pointee.ai_addr,
                info.pointee.ai_addrlen,
                &text,
                socklen_t(text.count),
                nil,
                0,
                NI_NUMERICHOST
            )
            let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if code == 0, !addresses.contains(address) { addresses.append(address) }
            next = info.pointee.ai_next
        }
        return addresses
    }
}
