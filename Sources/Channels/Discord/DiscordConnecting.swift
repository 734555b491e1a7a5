import ChannelKit
import ParleyCore

extension DiscordChannel {
    /// Asks Discord who the token belongs to, compares what else was given, and registers `/ask`.
    ///
    /// The endpoint is not set by API: Discord tries it at that moment, when it may not be serving yet.
    package func connect(
        _ credentials: ChannelCredentials,
        webhookURL: String?,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) -> ConnectedIdentity {
        let given = try DiscordCredentials(credentials)
        let me = try await object(of: call(.get, "/users/@me", with: given.botToken), over: transport)
        let application = try await object(of: call(.get, "/applications/@me", with: given.botToken), over: transport)
        guard let botID = me["id"]?.string, let username = me["username"]?.string else {
            throw .unreachable("Discord did not say who the bot is")
        }
        try given.compare(with: application)

        var remaining: [String] = []
        do throws(ConnectionProblem) {
            try await registerDefaultCommand(given, over: transport)
        } catch {
            remaining.append("The command /ask could not be registered (\(error)); connect again to try once more.")
        }
        remaining += Self.endpoint(webhookURL, of: application)
        remaining.append(
            "If the bot is not on your server yet, open "
                + "https://discord.com/oauth2/authorize?client_id=\(given.applicationID)"
                + "&scope=bot+applications.commands&permissions=274877910016"
        )
        return ConnectedIdentity(
            name: "@\(username)",
            settings: [
                "application_id": .string(given.applicationID), "bot_id": .string(botID),
                "bot_username": .string(username),
            ],
            remaining: remaining
        )
    }

    private static func endpoint(_ webhookURL: String?, of application: JSON) -> [String] {
        guard let webhookURL else {
            return ["Set PARLEY_PUBLIC_URL and connect again: Discord needs an address to post to."]
        }
        guard application["interactions_endpoint_url"]?.string != webhookURL else { return [] }
        return [
            "With `parley serve` running, paste \(webhookURL) as Interactions Endpoint URL under General Information on "
                + "https://discord.com/developers/applications and save: Discord tries it at once."
        ]
    }
}

// MARK: The credentials

/// What the operator gave, each field in its place.
private struct DiscordCredentials {
    let applicationID: String
    let publicKey: String
    let botToken: Secret<String>

    init(_ credentials: ChannelCredentials) throws(ConnectionProblem) {
        guard let id = credentials["application_id"]?.reveal({ $0.trimmed }), Snowflake(id) != nil else {
            throw .invalid(field: "application_id", fix: "paste the number under General Information, Application ID")
        }
        guard let key = credentials["public_key"]?.reveal({ $0.trimmed }), Hex.decode(key)?.count == 32 else {
            throw .invalid(
                field: "public_key",
                fix: "paste the 64 hexadecimal digits under General Information, Public Key"
            )
        }
        guard let token = credentials["bot_token"], !token.isEmpty,
            // It becomes a header.
            token.reveal({ $0.utf8.allSatisfy { (0x21..<0x7F).contains($0) } })
        else { throw .invalid(field: "bot_token", fix: "paste the token that Bot, Reset Token shows once") }
        applicationID = id
        publicKey = key
        botToken = token
    }

    /// A mix-up of two applications would show only when the first webhook is refused.
    func compare(with application: JSON) throws(ConnectionProblem) {
        guard let id = application["id"]?.string, let key = application["verify_key"]?.string else {
            throw .unreachable("Discord did not say which application this is")
        }
        guard id == applicationID else {
            throw .invalid(field: "application_id", fix: "the bot_token belongs to application \(id)")
        }
        guard key.lowercased() == publicKey.lowercased() else {
            throw .invalid(field: "public_key", fix: "this application's public key is \(key)")
        }
    }
}

// MARK: The calls

extension DiscordChannel {
    /// The command that every bot gets; the same stands in `channels/Discord/commands.json`.
    package static let defaultCommand: JSON = [
        "name": "ask",
        "type": 1,
        "description": "Ask a question",
        "contexts": [0, 1],
        "integration_types": [0],
        "options": [
            [
                "name": "message", "type": 3, "description": "What you would like to know", "required": true,
                "max_length": 2000,
            ]
        ],
    ]

    /// Leaves an `/ask` of the operator's own, and all other commands, as they are.
    private func registerDefaultCommand(
        _ given: DiscordCredentials,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) {
        let path = "/applications/\(given.applicationID)/commands"
        let commands = try await result(of: call(.get, path, with: given.botToken), over: transport).array ?? []
        let isThere = commands.contains { $0["name"] == Self.defaultCommand["name"] && ($0["type"]?.int ?? 1) == 1 }
        if isThere { return }
        _ = try await object(of: call(.post, path, Self.defaultCommand, with: given.botToken), over: transport)
    }

    private func object(of call: HTTPCall, over transport: any HTTPTransport) async throws(ConnectionProblem) -> JSON {
        let json = try await result(of: call, over: transport)
        guard json.object != nil else { throw .unreachable("not an answer of Discord's") }
        return json
    }

    /// What a call gave; what went wrong in Discord's words, which name no token.
    private func result(of call: HTTPCall, over transport: any HTTPTransport) async throws(ConnectionProblem) -> JSON {
        let answer: DiscordAnswer
        do {
            answer = DiscordAnswer(try await transport.send(call))
        } catch {
            throw .unreachable("no answer from Discord; check the network, and PARLEY_DISCORD_API_URL if it is set")
        }
        switch answer.status {
        case 200..<300:
            guard let json = answer.json else { throw .unreachable("not an answer of Discord's") }
            return json
        case 401:
            throw .refused("Discord does not know this bot_token; make a new one under Bot, Reset Token")
        case _ where !answer.isDiscords, 429, 500...:
            throw .unreachable("\(answer.description); try again in a moment")
        default: throw .refused(answer.description)
        }
    }
}
