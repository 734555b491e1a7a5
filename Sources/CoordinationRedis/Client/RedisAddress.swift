import ParleyCore

/// Where Redis is and how to be let in: `redis://[user:password@]host[:port][/database]`.
///
/// `rediss://` is the same over TLS; `?ca=/path/ca.pem` names the authority that a private certificate is checked with.
package struct RedisAddress: Sendable {
    package var host: String
    package var port: Int
    package var user: String?
    package var password: Secret<String>?
    package var database: Int
    package var usesTLS: Bool
    /// A PEM file; nil for the system's authorities.
    package var authorityFile: String?

    package init(_ url: String) throws(RedisAddressProblem) {
        let (scheme, rest) = try Self.split(url)
        usesTLS = scheme == "rediss"
        let (beforeQuery, query) = rest.cut(at: "?")
        let (authority, path) = beforeQuery.cut(at: "/")
        var place = authority
        if let at = authority.lastIndex(of: "@") {
            place = authority[authority.index(after: at)...]
            let (user, password) = authority[..<at].cut(at: ":")
            guard let user = user.percentDecoded else { throw RedisAddressProblem(fix: Self.shape) }
            self.user = user.isEmpty ? nil : user
            if let password {
                guard let password = password.percentDecoded else { throw RedisAddressProblem(fix: Self.shape) }
                self.password = password.isEmpty ? nil : Secret(password)
            }
        }
        (host, port) = try Self.hostAndPort(place)
        database = 0
        if let path, !path.isEmpty {
            guard let number = Int(path), (0...65_535).contains(number) else {
                throw RedisAddressProblem(fix: "after the / stands the number of the database, such as /0")
            }
            database = number
        }
        if let query, !query.isEmpty {
            let (name, value) = query.cut(at: "=")
            guard name == "ca", let file = value?.percentDecoded, !file.isEmpty, usesTLS else {
                throw RedisAddressProblem(fix: "the only parameter is ?ca=/path/to/ca.pem, with rediss://")
            }
            authorityFile = file
        }
    }

    private static let shape = "must look like redis://user:password@host:6379/0; use %XX for : / @ ? in a password"

    private static func split(_ url: String) throws(RedisAddressProblem) -> (scheme: Substring, rest: Substring) {
        for scheme in ["redis", "rediss"] where url.hasPrefix("\(scheme)://") {
            return (Substring(scheme), url.dropFirst(scheme.count + 3))
        }
        throw RedisAddressProblem(fix: "must begin with redis:// or rediss://")
    }

    private static func hostAndPort(_ text: Substring) throws(RedisAddressProblem) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            let (address, after) = text.dropFirst().cut(at: "]")
            guard let after, after.isEmpty || after.hasPrefix(":") else { throw RedisAddressProblem(fix: shape) }
            host = address
            port = after.isEmpty ? nil : after.dropFirst()
        } else {
            (host, port) = text.cut(at: ":")
        }
        guard !host.isEmpty else { throw RedisAddressProblem(fix: shape) }
        guard let port else { return (String(host), 6379) }
        guard let number = Int(port), (1...65_535).contains(number) else { throw RedisAddressProblem(fix: shape) }
        return (String(host), number)
    }
}

extension RedisAddress: CustomStringConvertible {
    /// Without the name and the password.
    package var description: String {
        let place = host.contains(":") ? "[\(host)]" : host
        return "\(usesTLS ? "rediss" : "redis")://\(place):\(port)/\(database)"
    }
}

/// Why an address cannot be used; says how it must look, never what it was.
package struct RedisAddressProblem: Error, Sendable, Equatable, CustomStringConvertible {
    package let fix: String
    package var description: String { fix }
}

extension Substring {
    fileprivate func cut(at separator: Character) -> (Substring, Substring?) {
        guard let index = firstIndex(of: separator) else { return (self, nil) }
        return (self[..<index], self[self.index(after: index)...])
    }

    /// Nil when a `%` is not followed by two hexadecimal digits, or the bytes are not UTF-8.
    fileprivate var percentDecoded: String? {
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
