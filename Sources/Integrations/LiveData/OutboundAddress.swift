import ParleyCore

/// Whether an address that a business typed in may be called from where Parley runs (server-side request forgery).
///
/// This looks at the text alone. A public name may still resolve to a private address: pinning the connection to the
/// addresses that were checked belongs to the transport, and is yet to come.
package enum OutboundAddress {
    /// Why `url` must not be called, in words for the person who typed it; nil when it may be.
    ///
    /// - Parameter allowsPrivate: whether http, any port, and loopback and private networks are fine. User-info, link-local
    ///   addresses and the clouds' metadata services never are.
    package static func refusal(of url: String, allowsPrivate: Bool) -> String? {
        guard url.utf8.count <= 8192, url.utf8.allSatisfy({ (0x21..<0x7F).contains($0) && $0 != UInt8(ascii: "\\") })
        else {
            return "the address may only have printable ASCII characters and no backslash"
        }
        let lower = url.lowercased()
        let rest: Substring
        if lower.hasPrefix("https://") {
            rest = lower.dropFirst("https://".count)
        } else if lower.hasPrefix("http://"), allowsPrivate {
            rest = lower.dropFirst("http://".count)
        } else {
            return "the address must begin with https://"
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.contains("@") else { return "the address must not have a user name or password in it" }
        guard let (host, port) = split(authority), !host.isEmpty else { return "the address has no proper host" }
        if let port, !allowsPrivate, ![80, 443, 8443].contains(port) { return "the port must be 80, 443 or 8443" }
        return refusal(ofHost: host, allowsPrivate: allowsPrivate)
    }

    private static func split(_ authority: Substring) -> (host: Substring, port: Int?)? {
        var host = authority
        var port: Substring?
        if authority.hasPrefix("[") {
            guard let close = authority.firstIndex(of: "]") else { return nil }
            host = authority[...close]
            let behind = authority[authority.index(after: close)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { return nil }
            if !behind.isEmpty { port = behind.dropFirst() }
        } else if let colon = authority.firstIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard let port else { return (host, nil) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port),
            (1...65_535).contains(number)
        else { return nil }
        return (host, number)
    }

    private static func refusal(ofHost written: Substring, allowsPrivate: Bool) -> String? {
        if written.hasPrefix("[") {
            guard let words = IPv6.parse(written.dropFirst().dropLast()) else {
                return "that is no proper IPv6 address"
            }
            return IPv6.isAllowed(words, allowsPrivate: allowsPrivate) ? nil : privateNetwork
        }
        let host = written.hasSuffix(".") ? written.dropLast() : written
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { isNameByte($0) }
        }
        guard isName, host.utf8.count <= 253, let last = labels.last else { return "the address has no proper host" }
        // WHATWG URL, "ends in a number checker": such a host is an IPv4 address or nothing.
        if last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) || IPv4.number(last) != nil {
            guard let address = IPv4.parse(labels) else { return "that is no proper IPv4 address" }
            return IPv4.isAllowed(address, allowsPrivate: allowsPrivate) ? nil : privateNetwork
        }
        if metadataNames.contains(String(host)) { return privateNetwork }
        guard !allowsPrivate else { return nil }
        guard labels.count >= 2, !privateSuffixes.contains(String(last)), !host.hasSuffix("home.arpa") else {
            return privateNetwork
        }
        return nil
    }

    private static let privateNetwork = "the address is on this machine or in a private network"
    private static let metadataNames: Set<String> = ["metadata.google.internal", "metadata", "instance-data"]
    /// RFC 6761, RFC 6762, and what is customary inside networks.
    private static let privateSuffixes: Set<String> = [
        "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "test",
        "invalid",
        "onion", "arpa",
    ]

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// IPv4 in every spelling that resolvers take: `127.1`, `0x7f.0.0.1`, `0177.0.0.1`, `2130706433`.
private enum IPv4 {
    static func parse(_ labels: [Substring]) -> UInt32? {
        guard (1...4).contains(labels.count) else { return nil }
        let numbers = labels.compactMap { number($0) }
        guard numbers.count == labels.count, let last = numbers.last else { return nil }
        var address: UInt64 = 0
        for (index, number) in numbers.dropLast().enumerated() {
            guard number <= 255 else { return nil }
            address |= number << UInt64(24 - 8 * index)
        }
        // The last number fills what the others leave.
        guard last < 1 << UInt64(8 * (5 - numbers.count)) else { return nil }
        return UInt32(truncatingIfNeeded: address | last)
    }

    /// Decimal, octal with a leading 0, hexadecimal with 0x.
    static func number(_ label: Substring) -> UInt64? {
        if label.hasPrefix("0x") { return label.count == 2 ? 0 : UInt64(label.dropFirst(2), radix: 16) }
        guard label.utf8.allSatisfy({ (0x30...0x39).contains($0) }), !label.isEmpty else { return nil }
        return label.count > 1 && label.hasPrefix("0") ? UInt64(label, radix: 8) : UInt64(label)
    }

    static func isAllowed(_ address: UInt32, allowsPrivate: Bool) -> Bool {
        if refusedAlways.contains(where: { $0.contains(address) }) { return false }
        return allowsPrivate || !refused.contains { $0.contains(address) }
    }

    private struct Block {
        let base: UInt32
        let bits: UInt32

        init(_ one: UInt32, _ two: UInt32, _ three: UInt32, _ four: UInt32, _ bits: UInt32) {
            base = one << 24 | two << 16 | three << 8 | four
            self.bits = bits
        }

        func contains(_ address: UInt32) -> Bool { (address ^ base) >> (32 - bits) == 0 }
    }

    /// Link-local with the metadata services, and those of Azure, Alibaba and Oracle.
    private static let refusedAlways = [
        Block(169, 254, 0, 0, 16), Block(168, 63, 129, 16, 32), Block(100, 100, 100, 200, 32), Block(192, 0, 0, 0, 24),
        Block(224, 0, 0, 0, 4), Block(255, 255, 255, 255, 32),
    ]

    /// IANA IPv4 Special-Purpose Address Registry (RFC 6890).
    private static let refused = [
        Block(0, 0, 0, 0, 8), Block(10, 0, 0, 0, 8), Block(100, 64, 0, 0, 10), Block(127, 0, 0, 0, 8),
        Block(172, 16, 0, 0, 12), Block(192, 0, 2, 0, 24), Block(192, 88, 99, 0, 24), Block(192, 168, 0, 0, 16),
        Block(198, 18, 0, 0, 15), Block(198, 51, 100, 0, 24), Block(203, 0, 113, 0, 24), Block(240, 0, 0, 0, 4),
    ]
}

/// IPv6 as in RFC 4291 §2.2, without zone ids.
private enum IPv6 {
    static func parse(_ text: Substring) -> [UInt16]? {
        guard text.utf8.count <= 45 else { return nil }
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        guard let head = halves.first.flatMap({ words(in: $0) }) else { return nil }
        if halves.count == 1 { return head.count == 8 ? head : nil }
        guard halves.count == 2, let tail = words(in: halves[1]), head.count + tail.count <= 7 else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    private static func words(in text: Substring) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        var words: [UInt16] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, part.contains(".") {
                let labels = part.split(separator: ".", omittingEmptySubsequences: false)
                guard labels.count == 4, let address = IPv4.parse(labels) else { return nil }
                words += [UInt16(truncatingIfNeeded: address >> 16), UInt16(truncatingIfNeeded: address)]
            } else {
                let isHexadecimal = part.utf8.allSatisfy { Hex.value(of: $0) != nil }
                guard (1...4).contains(part.utf8.count), isHexadecimal, let word = UInt16(part, radix: 16) else {
                    return nil
                }
                words.append(word)
            }
        }
        return words.count <= 8 ? words : nil
    }

    /// Global unicast (2000::/3) without the blocks that embed or document other addresses; everything else, the
    /// IPv4-mapped, NAT64, 6to4 and Teredo forms among it, is a detour that no shop needs.
    static func isAllowed(_ words: [UInt16], allowsPrivate: Bool) -> Bool {
        guard words.count == 8 else { return false }
        let isLoopback = words.dropLast().allSatisfy { $0 == 0 } && words[7] == 1
        if isLoopback { return allowsPrivate }
        // AWS: fd00:ec2::254 and its neighbours.
        if words[0] == 0xFD00, words[1] == 0x0EC2 { return false }
        if words[0] & 0xFE00 == 0xFC00 { return allowsPrivate }
        guard words[0] & 0xE000 == 0x2000 else { return false }
        if words[0] == 0x2001 { return words[1] >= 0x0200 && words[1] != 0x0DB8 }
        return words[0] != 0x2002 && !(words[0] == 0x3FFF && words[1] < 0x1000)
    }
}
