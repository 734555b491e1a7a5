import ChannelKit
import ParleyCore

/// One request from Slack: told apart by its media type, proven over its raw bytes, then read.
struct SlackWebhook {
    let request: WebhookRequest
    let integration: ChannelIntegration
    let apiURL: String

    func read() throws(WebhookRefusal) -> WebhookReading {
        guard request.method == .post else { throw .methodNotAllowed }
        switch request.mediaType {
        case "application/json":
            try prove()
            return try readJSON()
        case "application/x-www-form-urlencoded":
            // Slack probes command URLs without a signature; whatever else such a request says goes nowhere.
            if isSSLCheck { return WebhookReading(ignored: ["ssl_check"]) }
            try prove()
            return try readForm()
        default:
            throw .unsupportedMediaType("application/json or application/x-www-form-urlencoded")
        }
    }

    /// Slack, Verifying requests: `v0=` and the HMAC-SHA256 of `v0:<timestamp>:<raw body>` under the signing secret.
    private func prove() throws(WebhookRefusal) {
        let keys = integration.credentials.signingKeys("signing_secret")
        guard !keys.isEmpty else { throw .unproven("this integration has no signing secret") }
        guard let timestamp = request.header("x-slack-request-timestamp"), !timestamp.isEmpty,
            let signature = request.header("x-slack-signature")
        else { throw .unproven("x-slack-request-timestamp or x-slack-signature is missing") }
        guard signature.hasPrefix("v0="),
            Signature.isHMAC(signature.dropFirst(3), of: request.body, after: "v0:\(timestamp):", underAnyOf: keys)
        else { throw .unproven("the signature does not match") }
        guard Signature.isFresh(timestamp, at: request.receivedAt) else { throw .stale }
    }

    private func readJSON() throws(WebhookRefusal) -> WebhookReading {
        let json: JSON
        do { json = try JSON(parsing: request.body) } catch { throw .malformed("the body: \(error)") }
        guard json.object != nil else { throw .malformed("the body is not an object") }
        switch json["type"]?.string {
        case "url_verification":
            guard let challenge = json["challenge"]?.string else { throw .malformed("challenge is missing") }
            return WebhookReading(ignored: ["url_verification"], answer: .text(challenge))
        case "event_callback":
            return try SlackEvents(envelope: json, workspace: workspace).read()
        case let other:
            return WebhookReading(ignored: [SlackText.label(other)])
        }
    }

    private func readForm() throws(WebhookRefusal) -> WebhookReading {
        guard let form = SlackForm(request.body) else { throw .malformed("the body is not a form in UTF-8") }
        if let payload = form["payload"] {
            let json: JSON
            do { json = try JSON(parsing: payload) } catch { throw .malformed("payload: \(error)") }
            guard json.object != nil else { throw .malformed("payload is not an object") }
            return SlackActions(payload: json, workspace: workspace).read()
        }
        guard form["command"] != nil else { throw .malformed("neither payload nor command is there") }
        return try SlackCommands(form: form, workspace: workspace, receivedAt: request.receivedAt, apiURL: apiURL)
            .read()
    }

    private var isSSLCheck: Bool { SlackForm(request.body)?["ssl_check"] == "1" }

    private var workspace: SlackWorkspace { SlackWorkspace(settings: integration.settings) }
}

/// What connecting found out of the workspace and our bot in it. All nil for an integration that was never tried.
struct SlackWorkspace {
    let teamID: String?
    var botUserID: String?
    let botID: String?

    init(settings: JSON) {
        teamID = settings["team_id"]?.string
        botUserID = settings["bot_user_id"]?.string
        botID = settings["bot_id"]?.string
    }

    /// One app may be installed in several workspaces and has one URL: another workspace's events are not ours.
    func isOther(_ team: String?) -> Bool {
        guard let teamID, let team else { return false }
        return team != teamID
    }
}
