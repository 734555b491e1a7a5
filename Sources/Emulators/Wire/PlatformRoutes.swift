import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore
import Synchronization

extension EmulatedWorld {
    /// Mounts the four platforms below `/slack`, `/telegram`, `/discord` and `/whatsapp`, and the control API below
    /// `/emulator`.
    package func addRoutes(to router: Router<BasicRequestContext>) {
        for platform in EmulatedPlatform.allCases {
            for method: HTTPRequest.Method in [.get, .post, .put, .patch, .delete] {
                router.on("/\(platform.rawValue)/**", method: method) { request, _ in
                    await self.serve(platform, request)
                }
            }
        }
        addControlRoutes(to: router)
    }

    private func serve(_ platform: EmulatedPlatform, _ request: Request) async -> Response {
        guard let buffer = try? await request.body.collect(upTo: 4 << 20) else {
            return Response(status: .contentTooLarge)
        }
        let injected = throwDice(for: platform)
        if injected.slow > .zero { try? await clock.sleep(for: injected.slow) }
        let call = APICall(platform, request, body: Array(buffer.readableBytesView), now: clock.now, injected: injected)
        if platform == .discord { await waitForAcknowledgement(of: call) }
        let answer = carryOut(call, on: platform)
        return response(to: answer, isCutShort: injected.dropResponse)
    }

    /// Carries a call out, writes it down, and lets the webhooks that follow from it go.
    func carryOut(_ call: APICall, on platform: EmulatedPlatform) -> APIAnswer {
        let answer = state.withLock { state in
            let answer =
                call.injected.serverError
                ? state.brokenAnswer(platform, call)
                : state.answer(call, on: platform)
            state.exchanges.append {
                ExchangeEntry(
                    sequence: $0,
                    at: call.now,
                    kind: .api,
                    channel: platform.channel,
                    bot: answer.bot,
                    method: answer.operation.isEmpty ? "\(call.method) \(call.path.last ?? "")" : answer.operation,
                    conversation: answer.conversation,
                    eventID: nil,
                    attempt: 1,
                    status: answer.status,
                    outcome: answer.outcome,
                    fault: call.injected.rateLimit && answer.status < 400 ? nil : call.injected.name,
                    isEarlySend: answer.isEarlySend
                )
            }
            return answer
        }
        changes.raise()
        for job in answer.webhooks { webhooks.add(job) }
        if answer.operation.lowercased() == "setwebhook" { webhooks.wake() }
        return answer
    }

    private func throwDice(for platform: EmulatedPlatform) -> InjectedFault {
        state.withLock { state in
            let faults = state.faults(of: platform.channel)
            let thrown = state.roll(4, channel: platform.channel, purpose: "api")
            var injected = InjectedFault()
            injected.rateLimit = thrown[0] < faults.rateLimit
            injected.serverError = !injected.rateLimit && thrown[1] < faults.serverError
            injected.dropResponse = !injected.rateLimit && !injected.serverError && thrown[2] < faults.dropResponse
            injected.slow = .microseconds(Int64(Double(faults.slow.microseconds) * thrown[3]))
            return injected
        }
    }

    private func response(to answer: APIAnswer, isCutShort: Bool) -> Response {
        var headers = HTTPFields()
        for header in answer.headers {
            if let name = HTTPField.Name(header.name) { headers[name] = header.value }
        }
        let status = HTTPResponse.Status(code: answer.status)
        if isCutShort {
            // The client sees the head and a connection that ends before the body does.
            return Response(
                status: status,
                headers: headers,
                body: ResponseBody(contentLength: 64) { _ in throw AnswerCutShort() }
            )
        }
        guard let body = answer.body else { return Response(status: status, headers: headers) }
        if headers[.contentType] == nil { headers[.contentType] = "application/json; charset=utf-8" }
        return Response(
            status: status,
            headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.encoded()))
        )
    }
}

private struct AnswerCutShort: Error {}

extension APICall {
    fileprivate init(
        _ platform: EmulatedPlatform,
        _ request: Request,
        body: [UInt8],
        now: Timestamp,
        injected: InjectedFault
    ) {
        var headers: [String: String] = [:]
        for field in request.headers { headers[field.name.canonicalName] = field.value }
        self.init(
            method: request.method.rawValue,
            path: request.uri.path.split(separator: "/").dropFirst().map { Form.percentDecoded($0) },
            query: request.uri.query.map { Form.decode($0) } ?? [],
            headers: headers,
            body: body,
            now: now,
            injected: injected
        )
    }
}

extension WorldState {
    mutating func answer(_ call: APICall, on platform: EmulatedPlatform) -> APIAnswer {
        switch platform {
        case .slack: slackAnswer(call)
        case .telegram: telegramAnswer(call)
        case .discord: discordAnswer(call)
        case .whatsapp: whatsAppAnswer(call)
        }
    }

    /// A failure of the platform's own: nothing was done.
    fileprivate mutating func brokenAnswer(_ platform: EmulatedPlatform, _ call: APICall) -> APIAnswer {
        let operation = platform == .telegram ? call.path.last ?? "" : "\(call.method) \(call.path.last ?? "")"
        var answer: APIAnswer
        switch platform {
        case .slack:
            answer = APIAnswer(503, ["ok": false, "error": "service_unavailable"], outcome: "service_unavailable")
        case .telegram:
            answer = APIAnswer(502, "<html><body>502 Bad Gateway</body></html>", outcome: "bad_gateway")
        case .discord:
            answer = APIAnswer(500, ["message": "500: Internal Server Error", "code": 0], outcome: "internal_error")
        case .whatsapp:
            answer = whatsAppError(500, 131_000, "Something went wrong", details: "Message failed to send.")
        }
        answer.operation = operation
        return answer
    }
}
