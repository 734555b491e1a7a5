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

    init(tooManyFor wait: Duration) {
        self.init(
            429,
            code: "too_many_refused",
            message: "too many webhooks from this address were refused; see to their signature and path, and wait",
            retryAfter: wait
        )
    }

    /// The shape of every refusal: `{"error": {"code": "…", "message": "…"}}`.
    init(_ status: Int, code: String, message: String, retryAfter: Duration? = nil) {
        self.status = HTTPResponse.Status(code: status)
        // Telegram honours it; the others have schedules of their own.
        let retryAfter = retryAfter ?? (status == 503 ? .seconds(1) : nil)
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.retryAfter] = retryAfter.map { "\(max(1, ($0.milliseconds + 999) / 1000))" }
        self.headers = headers
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
