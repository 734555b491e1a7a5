import Hummingbird
import NIOCore
import ParleyCore

/// What the gateway's routes know of a request beside the request: who is at the other end of the connection.
package struct GatewayContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Nil for a connection that has none, such as a Unix socket's.
    let peer: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress
    }
}

/// The proxies whose word is taken for where a request came from: `X-Forwarded-For` is anybody's to write.
package struct TrustedProxies: Sendable, Equatable {
    private let networks: [Network]

    /// Nobody's.
    package static let none = TrustedProxies(networks: [])

    private init(networks: [Network]) { self.networks = networks }

    /// Reads `10.0.0.0/8, ::1`; nil for anything else.
    package init?(_ text: String) {
        var networks: [Network] = []
        for part in text.split(separator: ",").map({ String($0).trimmed }) where !part.isEmpty {
            guard let network = Network(part) else { return nil }
            networks.append(network)
        }
        self.init(networks: networks)
    }

    /// Who has to answer for a request: the last address that no trusted proxy vouches for. An IPv6 address stands for its
    /// network of 64 bits, which is what one customer has.
    package func client(behind peer: SocketAddress?, _ forwarded: String?) -> String? {
        guard let peer = peer?.ipAddress.flatMap({ NetworkAddress($0) }) else { return nil }
        var client = peer
        for text in (forwarded ?? "").split(separator: ",").reversed() {
            guard networks.contains(where: { $0.contains(client) }),
                let before = NetworkAddress(String(text).trimmed)
            else { break }
            client = before
        }
        return client.customer
    }
}

private struct Network: Sendable, Equatable {
    let address: NetworkAddress
    let bits: Int

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = NetworkAddress(String(parts[0])) else { return nil }
        let width = address.bytes.count * 8
        guard let bits = parts.count == 1 ? width : Int(parts[1]), (0...width).contains(bits) else { return nil }
        self.address = address
        self.bits = bits
    }

    func contains(_ other: NetworkAddress) -> Bool {
        guard other.bytes.count == address.bytes.count else { return false }
        return (0..<bits).allSatisfy { bit in
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            return address.bytes[bit / 8] & mask == other.bytes[bit / 8] & mask
        }
    }
}

/// Four bytes or sixteen; an IPv4 address in IPv6's clothes has four.
private struct NetworkAddress: Sendable, Equatable {
    let bytes: [UInt8]

    init?(_ text: String) {
        guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return nil }
        // In every system's `sockaddr_in` the address follows family and port, in `sockaddr_in6` the flow as well.
        switch address {
        case .v4(let address): bytes = withUnsafeBytes(of: address.address) { Array($0[4..<8]) }
        case .v6(let address):
            let all = withUnsafeBytes(of: address.address) { Array($0[8..<24]) }
            let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10...11].allSatisfy { $0 == 0xFF }
            bytes = isMapped ? Array(all.suffix(4)) : all
        case .unixDomainSocket: return nil
        }
    }

    var customer: String {
        bytes.count == 4 ? bytes.map(String.init).joined(separator: ".") : "\(Hex.encode(bytes.prefix(8)))/64"
    }
}
