import ChannelKit
import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore
import Pipeline

/// Reads a webhook's raw bytes within the limits, and answers what the pipeline says.
///
/// Every webhook may come this way; the ordinary ones are taken off the connection by ``WebhookShortcut`` before.
struct WebhookRoute: Sendable {
    let pipeline: Pipeline
    let refusals: RefusalLimit
    let clock: any Clockwork

    func accept(_ request: Request, _ context: GatewayContext) async -> Response {
        let receivedAt = clock.now
        let channel = context.parameters.get("channel") ?? ""
        let reply = await answer(request, context, channel: channel, at: receivedAt)
        let label = pipeline.speaks(ChannelID(channel)) ? channel : "unknown"
        WebhookMetrics.count(label, status: reply.status.code, after: clock.now.since(receivedAt))
        return Response(
            status: reply.status,
            headers: reply.headers,
            body: reply.body.readableBytes == 0 ? ResponseBody() : ResponseBody(byteBuffer: reply.body)
        )
    }

    private func answer(
        _ request: Request,
        _ context: GatewayContext,
        channel: String,
        at receivedAt: Timestamp
    ) async -> WebhookReply {
        guard let id = context.parameters.get("integration").flatMap({ ID<Integration>($0) }) else {
            return await refused(.unknownIntegration, nil, request, context, at: receivedAt)
        }
        guard request.headers[.contentEncoding] == nil else {
            return WebhookReply(415, code: "content_encoding", message: "webhooks are accepted uncompressed only")
        }
        var request = request
        let body: ByteBuffer
        do {
            body = try await request.collectBody(upTo: Limits.webhookBodyBytes)
        } catch {
            return WebhookReply(
                413,
                code: "body_too_large",
                message: "the body is larger than \(Limits.webhookBodyBytes) bytes, or was not sent to its end"
            )
        }
        do throws(AcceptRefusal) {
            let webhook = webhook(request, body, at: receivedAt)
            return WebhookReply(.success(try await pipeline.accept(webhook, on: ChannelID(channel), for: id)))
        } catch {
            return await refused(error, id, request, context, at: receivedAt)
        }
    }

    private func refused(
        _ refusal: AcceptRefusal,
        _ integration: ID<Integration>?,
        _ request: Request,
        _ context: GatewayContext,
        at now: Timestamp
    ) async -> WebhookReply {
        await refusals.tooMany(refusal, of: integration, request.headers, context, at: now)
            ?? WebhookReply(.failure(refusal))
    }

    private func webhook(_ request: Request, _ body: ByteBuffer, at receivedAt: Timestamp) -> WebhookRequest {
        WebhookRequest(
            method: request.method == .get ? .get : .post,
            headers: WebhookHeaders(request.headers),
            query: request.uri.queryParameters.map { (String($0.key), String($0.value)) },
            body: Array(body.readableBytesView),
            receivedAt: receivedAt
        )
    }
}

extension WebhookHeaders {
    init(_ fields: HTTPFields) { self.init(fields.map { ($0.name.canonicalName, $0.value) }) }
}
