import HTTPTypes
import Hummingbird
import ParleyCore
import Pipeline

/// What the platforms and the operator's monitoring see.
///
/// `/webhooks/{channel}/{channel_integration_id}` · `/healthz` · `/readyz` · `/metrics`
package struct IngressRoutes: Sendable {
    private let pipeline: Pipeline
    private let readiness: any Readiness
    private let refusals: RefusalLimit
    private let metrics: @Sendable () async -> String
    private let clock: any Clockwork

    /// - Parameter metrics: all metrics in the Prometheus text format 0.0.4.
    package init(
        pipeline: Pipeline,
        readiness: any Readiness,
        refusals: RefusalLimit,
        clock: any Clockwork,
        metrics: @escaping @Sendable () async -> String
    ) {
        self.pipeline = pipeline
        self.readiness = readiness
        self.refusals = refusals
        self.clock = clock
        self.metrics = metrics
    }

    package func add(to router: Router<GatewayContext>) {
        let webhooks = WebhookRoute(pipeline: pipeline, refusals: refusals, clock: clock)
        router.post("/webhooks/:channel/:integration") { request, context in
            await webhooks.accept(request, context)
        }
        router.get("/webhooks/:channel/:integration") { request, context in
            await webhooks.accept(request, context)
        }
        router.get("/healthz") { _, _ in Response.text("ok\n") }
        router.get("/readyz") { _, _ in
            let problems = await readiness.problems()
            guard problems.isEmpty else {
                return Response.text(problems.joined(separator: "\n") + "\n", status: .serviceUnavailable)
            }
            let losses = await readiness.losses()
            return Response.text((losses.isEmpty ? ["ready"] : ["degraded"] + losses).joined(separator: "\n") + "\n")
        }
        router.get("/metrics") { _, _ in
            Response.text(await metrics(), contentType: "text/plain; version=0.0.4; charset=utf-8")
        }
    }
}

/// Whether this process can admit and commit.
package protocol Readiness: Sendable {
    /// What is missing, a sentence each; empty when ready.
    func problems() async -> [String]

    /// What is slower than it should be, a sentence each; nothing is wrong by it.
    func losses() async -> [String]
}

extension Readiness {
    package func losses() async -> [String] { [] }
}

extension Response {
    package static func text(
        _ text: String,
        status: HTTPResponse.Status = .ok,
        contentType: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status,
            headers: [.contentType: contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }
}
