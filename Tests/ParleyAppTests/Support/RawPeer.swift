import NIOPosix
import ParleyCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A peer that no HTTP client would be: it speaks to the gateway's port byte by byte.
enum RawPeer {
    /// Sends `opening`, then a byte every 300 ms.
    ///
    /// - Returns: how long it took until the other side closed; nil when it did not within `patience`.
    static func dribble(_ opening: String, to port: Int, patience: Duration) async throws -> Duration? {
        try await NIOThreadPool.singleton.runIfActive {
            let line = try RawLine(to: port)
            let start = ContinuousClock.now
            line.write(Array(opening.utf8))
            while ContinuousClock.now < start.advanced(by: patience) {
                switch line.read(within: 300) {
                case .nothing: line.write([UInt8(ascii: "a")])
                // An answer may come before the end.
                case .bytes: continue
                case .end: return start.duration(to: ContinuousClock.now)
                }
            }
            return nil
        }
    }

    /// Sends the pieces one after the other, each as a packet of its own, and reads until so many answers are there or
    /// the other side closes.
    ///
    /// - Parameter hangsUp: close our half after the last piece, and read until the other side closes too.
    /// - Returns: everything that was answered.
    static func say(
        _ pieces: [[UInt8]],
        to port: Int,
        answers: Int,
        hangsUp: Bool = false
    ) async throws -> String {
        try await NIOThreadPool.singleton.runIfActive {
            let line = try RawLine(to: port)
            var heard: [UInt8] = []
            for (index, piece) in pieces.enumerated() {
                line.write(piece)
                guard index < pieces.count - 1 else { break }
                if case .bytes(let bytes) = line.read(within: 20) { heard += bytes }
            }
            if hangsUp { line.hangUp() }
            let deadline = ContinuousClock.now.advanced(by: .seconds(10))
            while hangsUp || count(heard) < answers {
                guard ContinuousClock.now < deadline else { throw HouseProblem("too few answers within 10 s") }
                switch line.read(within: 100) {
                case .nothing: continue
                case .bytes(let bytes): heard += bytes
                case .end: return String(decoding: heard, as: UTF8.self)
                }
            }
            return String(decoding: heard, as: UTF8.self)
        }
    }

    private static func count(_ heard: [UInt8]) -> Int {
        String(decoding: heard, as: UTF8.self).split(separator: "HTTP/1.1 ").count
    }
}

private final class RawLine {
    enum Heard {
        case nothing
        case bytes([UInt8])
        case end
    }

    private let file: Int32

    init(to port: Int) throws {
        #if canImport(Glibc)
        let kind = Int32(SOCK_STREAM.rawValue)
        #else
        let kind = SOCK_STREAM
        #endif
        let file = socket(AF_INET, kind, 0)
        guard file >= 0 else { throw HouseProblem("no socket") }
        self.file = file
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw HouseProblem("no connection") }
        var isOn: Int32 = 1
        setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(file) }

    func write(_ bytes: [UInt8]) { _ = send(file, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

    func hangUp() { shutdown(file, Int32(SHUT_WR)) }

    func read(within milliseconds: Int32) -> Heard {
        var wait = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        guard poll(&wait, 1, milliseconds) > 0 else { return .nothing }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(file, &bytes, bytes.count, 0)
        return count > 0 ? .bytes(Array(bytes.prefix(count))) : .end
    }
}
