import Configuration
import CoordinationRedis
import Ingress
import Logging
import ParleyCore
import SystemPackage

/// What Parley is told from outside: environment variables, or one YAML or JSON file whose nested keys are the same
/// words (`parley: { http: { port: 9000 } }` is `PARLEY_HTTP_PORT=9000`). The environment wins.
///
/// | key | default |
/// |---|---|
/// | `PARLEY_DATABASE_URL` | `sqlite:./parley-data/parley.sqlite`; or `postgres://USER:PASSWORD@HOST/NAME` |
/// | `PARLEY_MASTER_KEY` | beside SQLite generated on first start, mode 0600; with PostgreSQL it must be set |
/// | `PARLEY_OTHER_MASTER_KEYS` | none: further master keys, to read with while keys are changed; blanks or commas between |
/// | `PARLEY_REDIS_URL` | none: one node; `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS |
/// | `PARLEY_NODES` | 1: nodes that share the platforms' rates at least, while Redis is away; 1…1,000 |
/// | `PARLEY_SEND_RATES` | true: the platforms' rates are kept to before they refuse |
/// | `PARLEY_PUBLIC_URL` | none |
/// | `PARLEY_HTTP_HOST`, `PARLEY_HTTP_PORT` | `127.0.0.1`, 8080 |
/// | `PARLEY_MODEL` | `offline`; or `openai:NAME`, `ollama:NAME`, or a name at `OPENAI_BASE_URL` |
/// | `OPENAI_API_KEY`, `OPENAI_BASE_URL` | none, `https://api.openai.com/v1` |
/// | `OLLAMA_BASE_URL` | `http://127.0.0.1:11434` |
/// | `PARLEY_SLACK_API_URL`, `PARLEY_TELEGRAM_API_URL`, `PARLEY_DISCORD_API_URL`, `PARLEY_WHATSAPP_API_URL` | the platforms' own |
/// | `PARLEY_DEBOUNCE_MS` | 500; 0…60,000 |
/// | `PARLEY_TURNS_PER_BUSINESS` | 32; 1…1,024 |
/// | `PARLEY_CONTACT_LIMIT` | 30: messages of one contact that are answered in a minute; 0 for all |
/// | `PARLEY_ADDRESS_LIMIT` | 60: webhooks of one address that are refused in a minute before 429; 0 for no end |
/// | `PARLEY_TRUSTED_PROXIES` | none; addresses and networks (`10.0.0.0/8`) with commas between them |
/// | `PARLEY_LEASE_MS` | 15,000; 1,000…300,000 |
/// | `PARLEY_DRAIN_MS` | 0; 0…3,000 |
/// | `PARLEY_ALLOW_PRIVATE_ADDRESSES` | false: live data may not be on this machine or in a private network |
/// | `PARLEY_LOG_LEVEL`, `PARLEY_LOG_FORMAT` | `info`; `text` or `json` |
package struct ParleySettings: Sendable {
    /// A PostgreSQL URL holds a password.
    package var databaseURL: Secret<String>
    package var masterKey: Secret<String>?
    package var otherMasterKeys: Secret<String>?
    package var redis: RedisAddress?
    package var nodes: Int
    package var keepsSendRates: Bool
    package var publicURL: String?
    package var host: String
    package var port: Int
    package var model: String
    package var openAIKey: Secret<String>?
    package var openAIBaseURL: String
    package var ollamaBaseURL: String
    package var slackAPIURL: String
    package var telegramAPIURL: String
    package var discordAPIURL: String
    package var whatsAppAPIURL: String
    package var debounce: Duration
    package var turnsPerBusiness: Int
    /// Messages of one contact that are answered in a minute; 0 for all.
    package var contactLimit: Int
    /// Webhooks of one address that may be refused in a minute before it is told to wait; 0 for all.
    package var refusedWebhooks: Int
    package var trustedProxies: TrustedProxies
    package var lease: Duration
    package var drain: Duration
    package var allowsPrivateAddresses: Bool
    package var logLevel: Logger.Level
    package var logsJSON: Bool

    /// Reads the environment and, if `file` or `PARLEY_CONFIG` names one, a configuration file.
    package static func read(file: String? = nil) async throws(SettingsError) -> ParleySettings {
        let environment = EnvironmentVariablesProvider()
        let path = file ?? ConfigReader(provider: environment).string(forKey: "parley.config")
        guard let path else { return try ParleySettings(ConfigReader(provider: environment)) }
        do {
            let fileProvider: any ConfigProvider =
                path.hasSuffix(".json")
                ? try await FileProvider<JSONSnapshot>(filePath: FilePath(path))
                : try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))
            return try ParleySettings(ConfigReader(providers: [environment, fileProvider]))
        } catch let error as SettingsError {
            throw error
        } catch {
            throw SettingsError(key: "PARLEY_CONFIG", fix: "\(path) cannot be read as YAML or JSON")
        }
    }

    package init(_ reader: ConfigReader) throws(SettingsError) {
        databaseURL = Secret(
            reader.string(
                forKey: "parley.database.url",
                isSecret: true,
                default: "sqlite:./parley-data/parley.sqlite"
            )
        )
        masterKey = reader.string(forKey: "parley.master.key", isSecret: true).map { Secret($0) }
        otherMasterKeys = reader.string(forKey: "parley.other.master.keys", isSecret: true).map { Secret($0) }
        redis = try Self.redis(reader)
        nodes = try Self.number(reader, "parley.nodes", "PARLEY_NODES", default: 1, in: 1...1000)
        keepsSendRates = try Self.isOn(reader, "parley.send.rates", "PARLEY_SEND_RATES", default: true)
        publicURL = try Self.url(reader, "parley.public.url", "PARLEY_PUBLIC_URL")
        host = reader.string(forKey: "parley.http.host", default: "127.0.0.1")
        port = try Self.number(reader, "parley.http.port", "PARLEY_HTTP_PORT", default: 8080, in: 0...65535)
        model = reader.string(forKey: "parley.model", default: "offline")
        // An empty one in an environment file is none.
        openAIKey = reader.string(forKey: "openai.api.key", isSecret: true).flatMap { $0.isEmpty ? nil : Secret($0) }
        openAIBaseURL =
            try Self.url(reader, "openai.base.url", "OPENAI_BASE_URL") ?? "https://api.openai.com/v1"
        ollamaBaseURL =
            try Self.url(reader, "ollama.base.url", "OLLAMA_BASE_URL") ?? "http://127.0.0.1:11434"
        slackAPIURL =
            try Self.url(reader, "parley.slack.api.url", "PARLEY_SLACK_API_URL") ?? "https://slack.com/api"
        telegramAPIURL =
            try Self.url(reader, "parley.telegram.api.url", "PARLEY_TELEGRAM_API_URL") ?? "https://api.telegram.org"
        discordAPIURL =
            try Self.url(reader, "parley.discord.api.url", "PARLEY_DISCORD_API_URL")
            ?? "https://discord.com/api/v10"
        whatsAppAPIURL =
            try Self.url(reader, "parley.whatsapp.api.url", "PARLEY_WHATSAPP_API_URL")
            ?? "https://graph.facebook.com/v26.0"
        debounce = .milliseconds(
            try Self.number(
                reader,
                "parley.debounce.ms",
                "PARLEY_DEBOUNCE_MS",
                default: Int(Limits.debounce.milliseconds),
                in: 0...60_000
            )
        )
        turnsPerBusiness = try Self.number(
            reader,
            "parley.turns.per.business",
            "PARLEY_TURNS_PER_BUSINESS",
            default: Limits.turnsPerBusiness,
            in: 1...Limits.turnsAtOnce
        )
        contactLimit = try Self.number(
            reader,
            "parley.contact.limit",
            "PARLEY_CONTACT_LIMIT",
            default: Limits.contactMessages,
            in: 0...Limits.contactMessagesMaximum
        )
        refusedWebhooks = try Self.number(
            reader,
            "parley.address.limit",
            "PARLEY_ADDRESS_LIMIT",
            default: Limits.refusedWebhooks,
            in: 0...Limits.refusedWebhooksMaximum
        )
        trustedProxies = try Self.proxies(reader)
        lease = .milliseconds(
            try Self.number(
                reader,
                "parley.lease.ms",
                "PARLEY_LEASE_MS",
                default: Int(Limits.lease.milliseconds),
                in: Int(Limits.leaseRange.lowerBound.milliseconds)...Int(Limits.leaseRange.upperBound.milliseconds)
            )
        )
        drain = .milliseconds(
            try Self.number(
                reader,
                "parley.drain.ms",
                "PARLEY_DRAIN_MS",
                default: 0,
                in: 0...Int(Limits.longestDrain.milliseconds)
            )
        )
        allowsPrivateAddresses = try Self.isOn(
            reader,
            "parley.allow.private.addresses",
            "PARLEY_ALLOW_PRIVATE_ADDRESSES",
            default: false
        )
        let level = reader.string(forKey: "parley.log.level", default: "info")
        guard let logLevel = Logger.Level(rawValue: level) else {
            throw SettingsError(
                key: "PARLEY_LOG_LEVEL",
                fix: "must be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        self.logLevel = logLevel
        let format = reader.string(forKey: "parley.log.format", default: "text")
        guard ["text", "json"].contains(format) else {
            throw SettingsError(key: "PARLEY_LOG_FORMAT", fix: "must be text or json")
        }
        logsJSON = format == "json"
    }

    /// Which database it is: `sqlite:./parley-data/parley.sqlite` or `postgres://…`.
    package func database() throws(SettingsError) -> DatabaseChoice {
        let choice: DatabaseChoice? = databaseURL.reveal { url in
            if url.hasPrefix("postgres://") || url.hasPrefix("postgresql://") { return .postgres(url: databaseURL) }
            for prefix in ["sqlite://", "sqlite:"] where url.hasPrefix(prefix) && url.utf8.count > prefix.utf8.count {
                return .sqlite(path: String(url.dropFirst(prefix.count)))
            }
            return nil
        }
        guard let choice else {
            throw SettingsError(
                key: "PARLEY_DATABASE_URL",
                fix: "must look like sqlite:./parley-data/parley.sqlite or postgres://user:password@host/name"
            )
        }
        return choice
    }

    /// The folder that holds a SQLite database, the generated master key and the lock; nil with PostgreSQL.
    package func dataFolder() throws(SettingsError) -> String? {
        guard case .sqlite(let path) = try database() else { return nil }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parts.isEmpty ? "." : parts.joined(separator: "/")
    }

    private static func redis(_ reader: ConfigReader) throws(SettingsError) -> RedisAddress? {
        guard let url = reader.string(forKey: "parley.redis.url", isSecret: true), !url.isEmpty else { return nil }
        do throws(RedisAddressProblem) {
            return try RedisAddress(url)
        } catch {
            throw SettingsError(key: "PARLEY_REDIS_URL", fix: error.fix)
        }
    }

    private static func proxies(_ reader: ConfigReader) throws(SettingsError) -> TrustedProxies {
        let text = reader.string(forKey: "parley.trusted.proxies") ?? ""
        guard let proxies = TrustedProxies(text) else {
            throw SettingsError(
                key: "PARLEY_TRUSTED_PROXIES",
                fix: "must be addresses or networks with commas between them, as in 10.0.0.0/8, ::1"
            )
        }
        return proxies
    }

    private static func number(
        _ reader: ConfigReader,
        _ key: ConfigKey,
        _ variable: String,
        default fallback: Int,
        in range: ClosedRange<Int>
    ) throws(SettingsError) -> Int {
        guard let text = reader.string(forKey: key) ?? reader.int(forKey: key).map(String.init) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw SettingsError(
                key: variable,
                fix: "must be a whole number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    private static func isOn(
        _ reader: ConfigReader,
        _ key: ConfigKey,
        _ variable: String,
        default fallback: Bool
    ) throws(SettingsError) -> Bool {
        // JSON has values of its own for it.
        let given =
            reader.string(forKey: key) ?? reader.bool(forKey: key).map { "\($0)" }
            ?? reader.int(forKey: key).map(String.init)
        guard let given else { return fallback }
        switch given.trimmed.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default:
            throw SettingsError(
                key: variable,
                fix: "must be true or false (yes and no, on and off, 1 and 0 do as well)"
            )
        }
    }

    private static func url(
        _ reader: ConfigReader,
        _ key: ConfigKey,
        _ variable: String
    ) throws(SettingsError) -> String? {
        guard let text = reader.string(forKey: key), !text.isEmpty else { return nil }
        guard text.hasPrefix("https://") || text.hasPrefix("http://") else {
            throw SettingsError(key: variable, fix: "must begin with https:// or http://")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}

package enum DatabaseChoice: Sendable {
    case sqlite(path: String)
    case postgres(url: Secret<String>)
}

/// A setting that cannot be used; names it and the fix, never its value.
package struct SettingsError: Error, Sendable, Equatable, CustomStringConvertible {
    package let key: String
    package let fix: String

    package init(key: String, fix: String) {
        self.key = key
        self.fix = fix
    }

    package var description: String { "\(key): \(fix)" }
}
