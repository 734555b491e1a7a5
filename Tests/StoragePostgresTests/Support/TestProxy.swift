import Dispatch
import Glibc
import Synchronization

/// A TCP proxy between a driver and its server: counts round trips, delays, cuts, and falls silent.
final class TestProxy: Sendable {
    struct Faults: Sendable {
        /// In each direction, once for each burst.
        var delay: Duration = .zero
        /// Takes what it is sent and passes nothing on.
        var isSilent = false
        /// Ends new connections at once.
        var isShut = false
        /// Passes on what the client sends with these bytes in it, and then cuts before the answer.
        var cutsAfter: String?
    }

    private struct State {
        var faults = Faults()
        var sockets: Set<Int32> = []
        var trips = 0
        var isAnswering = true
        var connections = 0
    }

    let port: Int
    private let server: Int
    private let listener: Int32
    private let state = Mutex(State())

    /// - Parameter server: a port of 127.0.0.1.
    init(to server: Int) {
        self.server = server
        let listener = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) + listen(listener, 64) + getsockname(listener, pointer, &size)
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        self.listener = listener
        DispatchQueue(label: "proxy").async { self.accept() }
    }

    /// How often the client spoke after the server had: what a transaction waits for.
    var trips: Int { state.withLock { $0.trips } }
    var connections: Int { state.withLock { $0.connections } }

    func change(_ body: @Sendable (inout Faults) -> Void) { state.withLock { body(&$0.faults) } }

    func cutAll() {
        state.withLock { state in for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) } }
    }

    func close() {
        change { $0.isShut = true }
        shutdown(listener, Int32(SHUT_RDWR))
        cutAll()
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else {
                _ = Glibc.close(listener)
                return
            }
            let upstream = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.loopback(server)
            let isConnected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    connect(upstream, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isConnected, !state.withLock({ $0.faults.isShut }) else {
                _ = Glibc.close(client) + Glibc.close(upstream)
                continue
            }
            var one: Int32 = 1
            for socket in [client, upstream] {
                setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
            }
            state.withLock { state in
                state.sockets.formUnion([client, upstream])
                state.connections += 1
            }
            let ended = Mutex(0)
            let both = Both(ended: ended)
            DispatchQueue(label: "proxy.up").async { self.relay(client, upstream, isRequest: true, both) }
            DispatchQueue(label: "proxy.down").async { self.relay(upstream, client, isRequest: false, both) }
        }
    }

    private final class Both: Sendable {
        let ended: Mutex<Int>
        init(ended: consuming Mutex<Int>) { self.ended = ended }
    }

    private func relay(_ source: Int32, _ target: Int32, isRequest: Bool, _ both: Both) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            let faults = state.withLock { state in
                if isRequest, state.isAnswering { state.trips += 1 }
                state.isAnswering = !isRequest
                return state.faults
            }
            if faults.delay > .zero { usleep(UInt32(faults.delay.components.attoseconds / 1_000_000_000_000)) }
            if faults.isSilent { continue }
            guard send(target, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
            if let mark = faults.cutsAfter, isRequest, buffer[..<count].contains(Array(mark.utf8)) {
                change { $0.cutsAfter = nil }
                // The server has it; long enough for it to act.
                shutdown(source, Int32(SHUT_RDWR))
                usleep(200_000)
                break
            }
        }
        for socket in [source, target] { shutdown(socket, Int32(SHUT_RDWR)) }
        let isLast = both.ended.withLock { ended in
            ended += 1
            return ended == 2
        }
        guard isLast else { return }
        state.withLock { $0.sockets.subtract([source, target]) }
        _ = Glibc.close(source) + Glibc.close(target)
    }
}
