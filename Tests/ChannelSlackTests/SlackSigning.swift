import ChannelKit
import ParleyCore
import ParleyTesting

/// Slack's side of the proof.
enum SlackSigning {
    static func signed(_ request: WebhookRequest, under secret: String) -> WebhookRequest {
        let timestamp = String(request.receivedAt.seconds)
        var headers = request.headers
        headers["x-slack-request-timestamp"] = timestamp
        let message = Array("v0:\(timestamp):".utf8) + request.body
        headers["x-slack-signature"] = "v0=" + ReferenceHMAC.sha256Hex(of: message, under: secret)
        return request.with(headers: headers)
    }
}
