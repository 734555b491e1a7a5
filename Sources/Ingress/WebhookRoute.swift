import ChannelKit
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore
import Pipeline

/// Reads a webhook's raw bytes within the limits, and answers what the pipeline says.
struct WebhookRoute: Sendable {
    let pipeline: Pipeline
    let clock: any Clockwork

    func accept(_ request: Request, _ context: BasicRequestContext) async -> Response {
        let receivedAt = clock.now
        let channel = context.parameters.get("channel") ?? ""
        let response = await answer(request, context, channel: channel, at: receivedAt)
        // The channel comes from outside: only one that is spoken may become a label.
        let label = pipeline.speaks(ChannelID(channel)) ? channel : "unknown"
        WebhookMetrics.answers.increment(ChannelStatus(channel: label, status: response.status.code))
        WebhookMetrics.seconds.record(clock.now.since(receivedAt), label)
        return response
    }

    private func answer(
        _ request: Request,
        _ context: BasicRequestContext,
        channel: String,
        at receivedAt: Timestamp
    ) async -> Response {
        guard let id = context.parameters.get("integration").flatMap({ ID<Integration>($0) }) else {
            return .refusal(404, code: "unknown_integration", message: AcceptRefusal.unknownIntegration.message)
        }
        guard request.headers[.contentEncoding] == nil else {
            return .refusal(415, code: "content_encoding", message: "webhooks are accepted uncompressed only")
        }
        var request = request
        let body: ByteBuffer
        do {
            body = try await request.collectBody(upTo: Limits.webhookBodyBytes)
        } catch {
            return .refusal(
                413,
                code: "body_too_large",
                message: "the body is larger than \(Limits.webhookBodyBytes) bytes, or was not sent to its end"
            )
        }
        do throws(AcceptRefusal) {
            let answer = try await pipeline.accept(
                webhook(request, body, at: receivedAt),
                on: ChannelID(channel),
                for: id
            )
            return Response(answer)
        } catch {
            return .refusal(error.status, code: error.reason, message: error.message)
        }
    }

    private func webhook(_ request: Request, _ body: ByteBuffer, at receivedAt: Timestamp) -> WebhookRequest {
        var headers: [String: String] = [:]
        headers.reserveCapacity(request.headers.count)
        for field in request.headers where headers[field.name.canonicalName] == nil {
            headers[field.name.canonicalName] = field.value
        }
        return WebhookRequest(
            method: request.method == .get ? .get : .post,
            headers: headers,
            query: request.uri.queryParameters.map { (String($0.key), String($0.value)) },
            body: Array(body.readableBytesView),
            receivedAt: receivedAt
        )
    }
}

private struct ChannelStatus: Hashable {
    let channel: String
    let status: Int
}

private enum WebhookMetrics {
    static let answers = CounterFamily<ChannelStatus>("parley_webhooks_total") {
        [("channel", $0.channel), ("status", String($0.status))]
    }

    static let seconds = TimerFamily<String>("parley_webhook_seconds") { [("channel", $0)] }
}

extension Response {
    fileprivate init(_ answer: WebhookAnswer) {
        var headers = HTTPFields()
        if let contentType = answer.contentType { headers[.contentType] = contentType }
        self.init(
            status: HTTPResponse.Status(code: answer.status),
            headers: headers,
            body: answer.body.isEmpty ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: answer.body))
        )
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
