import ChannelKit
import ChannelManifests
import ParleyCore

extension SlackChannel {
    package func render(_ reply: ReplyDocument, to address: JSON, for integration: ChannelIntegration) -> [OutgoingCall]
    {
        let parts = ReplySplitter.split(reply, as: SlackMarkup(), limit: manifest.limit("reply_text", or: 3500))
        return parts.enumerated().map { index, part in
            let plain = PlainMarkup().render(part)
            let toCommand = address["response_url"] != nil && index < SlackResponseURL.posts
            return OutgoingCall(
                payload: [
                    "method": .string(toCommand ? SlackMethod.responseURL : SlackMethod.postMessage),
                    "body": message(SlackMarkup().render(part), formatted: true, to: address),
                    "plain": message(SlackText.escaped(plain), formatted: false, to: address),
                ],
                text: plain
            )
        }
    }

    private func message(_ text: String, formatted: Bool, to address: JSON) -> JSON {
        .object(present: [
            "channel": address["channel"],
            "thread_ts": address["thread_ts"],
            "text": .string(text),
            "mrkdwn": .bool(formatted),
            // A bot's links exploding into previews bury what it said.
            "unfurl_links": false,
            "unfurl_media": false,
        ])
    }
}

/// How a delivery is made; kept in the payload.
enum SlackMethod {
    static let postMessage = "chat.postMessage"
    /// The address that came with a command; where it has run out, the same message is posted to the channel.
    static let responseURL = "response_url"
}
