import ChannelKit
import HTTPTypes
import NIOCore
import ParleyCore
import Pipeline

/// What the poster of a webhook is told.
struct WebhookReply {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    /// Empty when there is none.
    let body: ByteBuffer

    init(_ outcome: Result<WebhookAnswer, AcceptRefusal>) {
        switch outcome {
        case .success(let answer): self.init(answer)
        case .failure(let refusal): self.init(refusal.status, code: refusal.reason, message: refusal.message)
        }
    }

    private init(_ answer: WebhookAnswer) {
        status = HTTPResponse.Status(code: answer.status)
        headers = answer.contentType.map { [.contentType: $0] } ?? [:]
        body = answer.body.isEmpty ? ByteBuffer() : ByteBuffer(bytes: answer.body)
    }

    /// The shape of every refusal: `{"error": {"code": "…", "message": "…"}}`.
    init(_ status: Int, code: String, message: String) {
        self.status = HTTPResponse.Status(code: status)
        // Telegram honours it; the others have schedules of their own.
        headers =
            status == 503
            ? [.contentType: "application/json", .retryAfter: "1"] : [.contentType: "application/json"]
        let json: JSON = ["error": ["code": .string(code), "message": .string(message)]]
        body = ByteBuffer(bytes: json.encoded())
    }
}

extension AcceptRefusal {
    /// What the poster is told; holds nothing that it did not know.
    fileprivate var message: String {
        switch self {
        case .unknownIntegration: "there is no such channel integration; see: parley channel list"
        case .refused(let refusal): refusal.description
        case .cannotKeep: "the events could not be stored; post them again"
        }
    }
}
