import ParleyCore

/// A path with `{arguments}`, each of which stays inside its own component whatever it holds.
///
/// `{name}` is percent-encoded (RFC 3986 §2.3: all but the unreserved characters), so that `/`, `?`, `#`, `%` and `&`
/// mean nothing. `{name|bare}` first drops a leading `#`, as in "order #1001". Everything else is taken literally.
struct PathTemplate {
    enum Failure: Error, Equatable {
        case missing(argument: String)
        /// `.` and `..` would climb out of their folder even when they are encoded.
        case unsuitable(argument: String)
        /// The template itself is at fault.
        case malformed
    }

    let text: String

    /// The names between the braces, in order.
    var arguments: [String] { pieces.compactMap { if case .argument(let name, _) = $0 { name } else { nil } } }

    /// Puts the arguments in; the result begins with exactly one `/`, so that it cannot name another host.
    func filled(with values: (String) -> String?) throws(Failure) -> String {
        guard text.hasPrefix("/"), !text.hasPrefix("//"), !text.contains("\\") else { throw .malformed }
        guard text.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }), !text.contains("#") else { throw .malformed }
        var path = ""
        for piece in pieces {
            switch piece {
            case .literal(let literal): path += literal
            case .argument(let name, let isBare):
                guard var value = values(name)?.trimmed else { throw .missing(argument: name) }
                if isBare { value = String(value.drop { $0 == "#" || $0.isWhitespace }) }
                guard !value.isEmpty else { throw .missing(argument: name) }
                guard value.utf8.count <= 512, value != ".", value != ".." else { throw .unsuitable(argument: name) }
                path += PathTemplate.encoded(value)
            }
        }
        return path
    }

    private enum Piece {
        case literal(String)
        case argument(String, isBare: Bool)
    }

    private var pieces: [Piece] {
        var pieces: [Piece] = []
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            pieces.append(.literal(String(rest[..<open])))
            let inside = rest[rest.index(after: open)..<close]
            let isBare = inside.hasSuffix("|bare")
            pieces.append(.argument(String(isBare ? inside.dropLast("|bare".count) : inside), isBare: isBare))
            rest = rest[rest.index(after: close)...]
        }
        pieces.append(.literal(String(rest)))
        return pieces
    }

    /// Percent-encodes all but RFC 3986's unreserved characters.
    static func encoded(_ value: String) -> String {
        var bytes: [UInt8] = []
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(contentsOf: Hex.encode(CollectionOfOne(byte)).uppercased().utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
