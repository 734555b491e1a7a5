import ChannelKit
import ParleyCore

extension SlackChannel {
    /// Slack, auth.test: who the bot is, and which scopes it was granted (header `X-OAuth-Scopes`).
    ///
    /// The signing secret can only be proven by a webhook: Slack has no call for it.
    package func connect(
        _ credentials: ChannelCredentials,
        webhookURL: String?,
        over transport: any HTTPTransport
    ) async throws(ConnectionProblem) -> ConnectedIdentity {
        let token = try SlackCredentials.checked(credentials)
        let answer: HTTPAnswer
        do {
            answer = try await transport.send(.json(.post, "\(apiURL)/auth.test", headers: [token.bearer], [:]))
        } catch {
            throw .unreachable("auth.test: \(Verdict(error).reason ?? "no answer")")
        }
        guard let json = answer.json, let isOK = json["ok"]?.bool else {
            throw .unreachable("auth.test answered HTTP \(answer.status) without JSON")
        }
        guard isOK else {
            throw .refused(SlackVerdict.explained(json["error"]?.string ?? "no error named", json))
        }
        guard let user = json["user_id"]?.string, let bot = json["bot_id"]?.string else {
            throw .invalid(field: "bot_token", fix: "this is a person's token; use the Bot User OAuth Token (xoxb-…)")
        }
        return ConnectedIdentity(
            name: "@\(json["user"]?.string ?? user)",
            settings: .object(present: [
                "bot_user_id": .string(user), "bot_id": .string(bot), "team_id": json["team_id"],
                "team": json["team"],
            ]),
            remaining: SlackSteps.remaining(webhookURL: webhookURL, scopes: answer.header("x-oauth-scopes"))
        )
    }
}

private enum SlackCredentials {
    static func checked(_ credentials: ChannelCredentials) throws(ConnectionProblem) -> Secret<String> {
        guard let token = credentials["bot_token"], !token.isEmpty else {
            throw .invalid(field: "bot_token", fix: "copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions")
        }
        if token.reveal({ $0.hasPrefix("xapp-") || $0.hasPrefix("xoxp-") }) {
            throw .invalid(field: "bot_token", fix: "it begins with xapp- or xoxp-; the bot's begins with xoxb-")
        }
        guard let secret = credentials["signing_secret"], !secret.isEmpty else {
            throw .invalid(field: "signing_secret", fix: "copy the Signing Secret from Basic Information")
        }
        if secret.reveal({ $0.hasPrefix("xox") || $0.hasPrefix("xapp-") }) {
            throw .invalid(field: "signing_secret", fix: "this is a token; the Signing Secret is in Basic Information")
        }
        return token
    }
}

private enum SlackSteps {
    /// Without these the bot cannot hear or answer in rooms and direct messages.
    static let scopes = ["chat:write", "app_mentions:read", "im:history", "channels:history", "commands"]

    static func remaining(webhookURL: String?, scopes granted: String?) -> [String] {
        var steps: [String] = []
        if let granted {
            let has = Set(granted.split(separator: ",").map { String($0).trimmed })
            let missing = scopes.filter { !has.contains($0) }
            if !missing.isEmpty {
                steps.append(
                    "OAuth & Permissions: add the bot scopes \(missing.joined(separator: ", ")) and reinstall the app."
                )
            }
        }
        if let webhookURL {
            steps.append("Event Subscriptions: set the Request URL to \(webhookURL) and wait for “Verified”.")
            steps.append("Interactivity & Shortcuts and every slash command: set the same URL.")
        } else {
            steps.append("Set PARLEY_PUBLIC_URL, then paste the webhook URL into the app's Event Subscriptions.")
        }
        steps.append("Invite the bot to each channel in which it shall answer: /invite @bot.")
        return steps
    }
}
