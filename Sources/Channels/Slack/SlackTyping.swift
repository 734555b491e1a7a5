import ChannelKit
import ParleyCore

extension SlackChannel {
    /// Slack, assistant.threads.setStatus: the status clears by itself after two minutes, or with the reply.
    package var typingInterval: Duration { .seconds(60) }

    /// Slack shows a status in threads alone; there is no other typing indicator for bots.
    package func showTyping(
        at address: JSON,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async {
        guard let channel = address["channel"], let thread = address["thread_ts"],
            let token = integration.credentials["bot_token"], !token.isEmpty
        else { return }
        let body: JSON = ["channel_id": channel, "thread_ts": thread, "status": "is thinking…"]
        _ = try? await transport.send(
            .json(.post, "\(apiURL)/assistant.threads.setStatus", headers: [token.bearer], body, timeout: .seconds(5))
        )
    }
}
