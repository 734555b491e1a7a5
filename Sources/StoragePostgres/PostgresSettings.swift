import CLibPQ
import ParleyCore

/// What a `postgres://…` URL asks for: libpq's own parameters, and ours, which libpq must not see.
///
/// | ours | meaning | default |
/// |---|---|---|
/// | `pool` | connections at most | 10 |
/// | `pool_timeout` | seconds that a transaction waits for a connection | 5 |
/// | `statement_timeout` | seconds that a statement may take | 10 |
/// | `connection_lifetime` | seconds after which a connection is replaced, give or take a tenth | 1800 |
/// | `prepared_statements` | `on`, `off`, or `auto`: off behind a pooler | auto |
///
/// `connect_timeout` is libpq's (seconds); without one it is 5.
package struct PostgresSettings: Sendable {
    enum Preparing: String, Sendable {
        case on, off, auto
    }

    package private(set) var connections = 10
    package private(set) var poolTimeout: Duration = .seconds(5)
    package private(set) var statementTimeout: Duration = .seconds(10)
    package private(set) var connectionLifetime: Duration = .seconds(1800)
    private(set) var connectTimeout: Duration = .seconds(5)
    private(set) var preparing = Preparing.auto
    /// libpq's parameters; the password among them.
    private let parameters: Secret<[Parameter]>

    struct Parameter: Sendable, Equatable {
        let name: String
        var value: String
    }

    /// Throws ``PostgresURLError``, which tells nothing of what the URL holds.
    package init(url: Secret<String>) throws(PostgresURLError) {
        let (libpq, ours) = url.reveal { Self.split($0) }
        for (name, value) in ours {
            switch name {
            case "pool": connections = try Self.whole(value, name, 1...1000)
            case "pool_timeout": poolTimeout = .seconds(try Self.whole(value, name, 1...300))
            case "statement_timeout": statementTimeout = .seconds(try Self.whole(value, name, 1...3600))
            case "connection_lifetime": connectionLifetime = .seconds(try Self.whole(value, name, 1...86_400))
            case "prepared_statements":
                guard let preparing = Preparing(rawValue: value) else {
                    throw PostgresURLError(problem: "prepared_statements must be on, off or auto")
                }
                self.preparing = preparing
            default: break
            }
        }
        var parameters = try Self.parse(libpq)
        if let given = parameters.first(where: { $0.name == "connect_timeout" }), let seconds = Int(given.value) {
            connectTimeout = .seconds(min(max(seconds, 1), 60))
        }
        for (name, value) in Self.defaults where !parameters.contains(where: { $0.name == name }) {
            parameters.append(Parameter(name: name, value: value))
        }
        // Texts arrive and leave as UTF-8, whatever the machine's locale is.
        parameters.removeAll { $0.name == "client_encoding" }
        parameters.append(Parameter(name: "client_encoding", value: "UTF8"))
        self.parameters = Secret(parameters)
    }

    /// Lends libpq's parameters.
    func reveal<Result>(_ body: ([Parameter]) -> Result) -> Result { parameters.reveal { body($0) } }

    /// What an operator may see: host, port, database and user.
    package var description: String {
        parameters.reveal { parameters in
            let shown = ["host", "hostaddr", "port", "dbname", "user", "sslmode"]
            return parameters.filter { shown.contains($0.name) }.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        }
    }

    /// Replaces the secrets of the URL in a text of libpq's by bullets.
    func withoutSecrets(_ text: String) -> String {
        parameters.reveal { parameters in
            parameters.reduce(text) { text, parameter in
                guard ["password", "sslpassword"].contains(parameter.name), !parameter.value.isEmpty else {
                    return text
                }
                return text.split(separator: parameter.value, omittingEmptySubsequences: false).joined(separator: "•••")
            }
        }
    }

    private static let defaults = [
        ("fallback_application_name", "parley"),
        // A peer that vanished is noticed while a connection is idle, and while an answer is awaited.
        ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
        // Asking for Kerberos costs a round trip and may look up names.
        ("gssencmode", "disable"),
    ]
}

/// Why a database URL cannot be used. It quotes nothing: the URL holds a password.
package struct PostgresURLError: Error, Sendable, Equatable, CustomStringConvertible {
    let problem: String
    package var description: String { "the database URL cannot be used: \(problem)" }
}

// MARK: - Reading the URL

extension PostgresSettings {
    private static let ours: Set = [
        "pool", "pool_timeout", "statement_timeout", "connection_lifetime", "prepared_statements",
    ]

    /// The URL without our parameters, and those.
    private static func split(_ url: String) -> (libpq: String, ours: [(String, String)]) {
        // A password may hold a question mark: the query begins after the host.
        let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        let authority = url[start...].prefix { $0 != "/" }
        guard let mark = url[(authority.lastIndex(of: "@") ?? start)...].firstIndex(of: "?") else { return (url, []) }
        var kept: [Substring] = []
        var taken: [(String, String)] = []
        for pair in url[url.index(after: mark)...].split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if let name = parts.first, ours.contains(String(name)) {
                taken.append((String(name), parts.count > 1 ? String(parts[1]) : ""))
            } else {
                kept.append(pair)
            }
        }
        let query = kept.isEmpty ? "" : "?" + kept.joined(separator: "&")
        return (url[..<mark] + query, taken)
    }

    /// The first parameter that libpq does not know, and that cannot be part of a password: no `@` comes after it.
    private static func unknown(in url: String) -> String? {
        guard let mark = url.lastIndex(of: "?"), !url[mark...].contains("@") else { return nil }
        // `ssl=true` is JDBC's, and libpq takes it.
        let known = Set(parameters().map(\.name) + ["ssl"])
        return url[url.index(after: mark)...].split(separator: "&").compactMap { pair in
            pair.wholeMatch(of: /([A-Za-z_]{1,40})=.*/).map { String($0.1) }
        }.first { !known.contains($0) }
    }

    /// What libpq takes.
    private static func parameters() -> [(name: String, isForDevelopers: Bool)] {
        guard let options = PQconndefaults() else { return [] }
        defer { PQconninfoFree(options) }
        var parameters: [(name: String, isForDevelopers: Bool)] = []
        var option = options
        while let name = option.pointee.keyword {
            let display = option.pointee.dispchar.map { String(cString: $0) }
            parameters.append((name: String(cString: name), isForDevelopers: display == "D"))
            option += 1
        }
        return parameters
    }

    private static func whole(
        _ text: String,
        _ name: String,
        _ range: ClosedRange<Int>
    ) throws(PostgresURLError) -> Int {
        guard let value = Int(text), range.contains(value) else {
            throw PostgresURLError(
                problem: "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return value
    }

    private static func parse(_ url: String) throws(PostgresURLError) -> [Parameter] {
        guard url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") else {
            throw PostgresURLError(problem: "it must begin with postgres://")
        }
        // What libpq says of a faulty URL quotes it.
        guard let options = PQconninfoParse(url, nil) else {
            if let name = unknown(in: url) {
                throw PostgresURLError(
                    problem: """
                        there is no parameter “\(name)”; Parley's own are \(ours.sorted().joined(separator: ", ")), and libpq's \
                        are \(parameters().filter { !$0.isForDevelopers }.map(\.name).sorted().joined(separator: ", "))
                        """
                )
            }
            throw PostgresURLError(
                problem: "libpq cannot read it (are special characters of the password written as %xx?)"
            )
        }
        defer { PQconninfoFree(options) }
        var parameters: [Parameter] = []
        var option = options
        while let name = option.pointee.keyword {
            if let value = option.pointee.val {
                parameters.append(Parameter(name: String(cString: name), value: String(cString: value)))
            }
            option += 1
        }
        return parameters
    }
}
