import ChannelKit
import ChannelManifests
import ParleyCore

extension TelegramChannel {
    /// Asks Telegram who the token belongs to and, when there is a public URL, points the bot's webhook at it.
    package func connect(
        _ credentials: ChannelCredentials,
        webhookURL: String?,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) -> ConnectedIdentity {
        let token = try Self.token(in: credentials)
        let given = try Self.webhookSecret(in: credentials)
        let me = try await result(of: call("getMe", [:], with: token), over: transport)
        guard let id = me["id"]?.int, let username = me["username"]?.string else {
            throw .unreachable("getMe did not say who the bot is")
        }

        let secret = given ?? Self.newSecret()
        var remaining: [String] = []
        if let webhookURL {
            try await setWebhook(webhookURL, secret: secret, token: token, over: transport)
        } else {
            remaining.append("Set PARLEY_PUBLIC_URL and connect again: Telegram needs an address to post to.")
        }
        let readsGroups = me["can_read_all_group_messages"]?.bool ?? false
        if !readsGroups {
            remaining.append(
                "In groups the bot sees commands and replies to it; to let it see mentions as well, send /setprivacy to "
                    + "@BotFather, choose Disable, and add the bot to the group again."
            )
        }
        return ConnectedIdentity(
            name: "@\(username)",
            settings: [
                "bot_id": .integer(id), "bot_username": .string(username),
                "can_read_all_group_messages": .bool(readsGroups),
            ],
            generated: ChannelCredentials(given == nil ? ["webhook_secret": secret] : [:]),
            remaining: remaining
        )
    }
}

// MARK: The credentials

extension TelegramChannel {
    /// The token goes into a URL, so that nothing else than a token may be in it.
    private static func token(in credentials: ChannelCredentials) throws(ConnectionProblem) -> Secret<String> {
        guard let token = credentials["bot_token"], !token.isEmpty else {
            throw .invalid(field: "bot_token", fix: "paste the token that @BotFather gave for the bot")
        }
        let isToken = token.reveal { text in
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            return parts.count == 2 && !parts[0].isEmpty && !parts[1].isEmpty
                && parts[0].utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                && parts[1].utf8.allSatisfy(isTokenCharacter)
        }
        guard isToken else {
            throw .invalid(field: "bot_token", fix: "it looks like 123456789:AAE…; copy it whole from @BotFather")
        }
        return token
    }

    private static func webhookSecret(
        in credentials: ChannelCredentials
    ) throws(ConnectionProblem) -> Secret<String>? {
        guard let secret = credentials["webhook_secret"], !secret.isEmpty else { return nil }
        guard secret.reveal({ $0.utf8.count <= 256 && $0.utf8.allSatisfy(isTokenCharacter) }) else {
            throw .invalid(field: "webhook_secret", fix: "use 1 to 256 of A-Z a-z 0-9 _ - or leave it out")
        }
        return secret
    }

    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// 256 random bits as 64 hex digits.
    private static func newSecret() -> Secret<String> {
        var random = SystemRandomNumberGenerator()
        return Secret(Hex.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }))
    }
}

// MARK: The calls

extension TelegramChannel {
    private func setWebhook(
        _ url: String,
        secret: Secret<String>,
        token: Secret<String>,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) {
        let body = secret.reveal { secret in
            JSON.object([
                "url": .string(url),
                "secret_token": .string(secret),
                // Said every time: Telegram keeps what an earlier deployment asked for.
                "allowed_updates": ["message", "callback_query"],
                "max_connections": JSON(manifest.limit("webhook_connections", or: 100)),
            ])
        }
        _ = try await result(of: call("setWebhook", body, with: token), over: transport)
    }

    /// The `result` of a call; what went wrong in Telegram's words, which name neither token nor URL.
    private func result(
        of call: HTTPCall,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) -> JSON {
        let answer: TelegramAnswer
        do {
            answer = TelegramAnswer(try await transport.send(call))
        } catch {
            throw .unreachable(
                "no answer from the Bot API; check the network, and PARLEY_TELEGRAM_API_URL if it is set"
            )
        }
        if let result = answer.result { return result }
        guard answer.isTelegrams else { throw .unreachable("HTTP \(answer.status), not an answer of the Bot API") }
        switch answer.status {
        case 401, 404:
            throw .refused("Telegram does not know this bot_token; copy it again from @BotFather (/mybots, API Token)")
        case 429, 500...: throw .unreachable("\(answer.description); try again in a moment")
        default: throw .refused(answer.description)
        }
    }
}
