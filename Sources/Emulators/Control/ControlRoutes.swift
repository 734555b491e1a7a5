import HTTPTypes
import Hummingbird
import NIOCore
import ParleyCore
import ServiceLifecycle

extension EmulatedWorld {
    /// The control API for programs outside: bots, messages, transcript, exchanges, faults.
    func addControlRoutes(to router: Router<BasicRequestContext>) {
        router.get("/emulator/bots") { _, _ in
            ControlAnswer(200, ["bots": .array(self.bots.map(\.json))])
        }
        router.post("/emulator/bots") { request, _ in
            await self.control(request) { try self.register($0) }
        }
        router.put("/emulator/bots/{bot}") { request, context in
            let bot = context.parameters.get("bot") ?? ""
            return await self.control(request) { try self.change(bot, $0) }
        }
        router.post("/emulator/messages") { request, _ in
            await self.control(request) { ControlAnswer(201, try await self.say($0).json) }
        }
        router.get("/emulator/transcript") { request, _ in
            let (after, wait) = ControlAnswer.position(request)
            let entries = await cancelWhenGracefulShutdown {
                await self.transcript(after: after, waitingUpTo: wait)
            }
            return ControlAnswer.page(entries.prefix(5000).map { ($0.sequence, $0.json) }, after: after)
        }
        router.get("/emulator/requests") { request, _ in
            let (after, wait) = ControlAnswer.position(request)
            let entries = await cancelWhenGracefulShutdown { await self.exchanges(after: after, waitingUpTo: wait) }
            return ControlAnswer.page(entries.prefix(5000).map { ($0.sequence, $0.json) }, after: after)
        }
        router.get("/emulator/faults") { _, _ in ControlAnswer(200, self.faultsJSON) }
        router.put("/emulator/faults") { request, _ in
            await self.control(request) { body in
                try self.mergeFaults(body)
                return ControlAnswer(200, self.faultsJSON)
            }
        }
        router.delete("/emulator") { _, _ in
            self.reset()
            return ControlAnswer(200, ["ok": true])
        }
    }

    private func control(
        _ request: Request,
        _ body: (JSON) async throws -> ControlAnswer
    ) async -> ControlAnswer {
        do {
            let bytes = try await request.body.collect(upTo: 1 << 20)
            return try await body(bytes.readableBytes == 0 ? [:] : JSON(parsing: bytes.readableBytesView))
        } catch let error as EmulatorError {
            return ControlAnswer(400, ["error": JSON(error.description)])
        } catch let error as JSONError {
            return ControlAnswer(400, ["error": JSON(error.description)])
        } catch {
            return ControlAnswer(413, ["error": "the body is too large"])
        }
    }

    private func register(_ body: JSON) throws -> ControlAnswer {
        guard let channel = body["channel"]?.string else { throw EmulatorError.invalid("channel is missing") }
        var credentials: [String: String] = [:]
        for member in body["credentials"]?.object?.members ?? [] {
            guard let value = member.value.string else {
                throw EmulatorError.invalid("credentials.\(member.key) is a string")
            }
            credentials[member.key] = value
        }
        let bot = try makeBot(
            channel: ChannelID(channel),
            name: body["name"]?.string ?? "",
            credentials: credentials
        )
        if let url = body["webhook_url"]?.string {
            try setWebhook(bot: bot.id, url: url, handshake: body["handshake"]?.bool ?? true)
        }
        return ControlAnswer(201, self.bot(bot.id)?.json ?? bot.json)
    }

    private func change(_ bot: String, _ body: JSON) throws -> ControlAnswer {
        guard let url = body["webhook_url"], url.isNull || url.string != nil else {
            throw EmulatorError.invalid("webhook_url is a string or null")
        }
        try setWebhook(bot: bot, url: url.string, handshake: body["handshake"]?.bool ?? true)
        return ControlAnswer(200, self.bot(bot)?.json ?? [:])
    }

    private func say(_ body: JSON) async throws -> EmulatedPost {
        guard let channel = body["channel"]?.string, let text = body["text"]?.string else {
            throw EmulatorError.invalid("channel and text are strings")
        }
        guard let user = body["user"]?["id"]?.text ?? body["user"]?.string else {
            throw EmulatorError.invalid("user is {\"id\", \"name\"} or an id")
        }
        return try await say(
            EmulatedUserMessage(
                channel: ChannelID(channel),
                bot: body["bot"]?.string,
                user: EmulatedUser(id: user, name: body["user"]?["name"]?.string ?? user),
                text: text,
                conversation: body["conversation"]?.text,
                isRoom: body["is_room"]?.bool ?? false,
                mention: body["mention"]?.bool ?? false,
                threadOf: body["thread_of"]?.text
            )
        )
    }
}

/// A JSON answer of the control API.
private struct ControlAnswer: ResponseGenerator {
    let status: Int
    let body: JSON

    init(_ status: Int, _ body: JSON) {
        self.status = status
        self.body = body
    }

    static func page(_ entries: [(sequence: Int, json: JSON)], after: Int) -> ControlAnswer {
        ControlAnswer(
            200,
            ["entries": .array(entries.map(\.json)), "last": JSON(entries.last?.sequence ?? after)]
        )
    }

    /// `after` and `wait_ms` of the query; at most a minute.
    static func position(_ request: Request) -> (after: Int, wait: Duration) {
        let after = request.uri.queryParameters["after"].flatMap { Int($0) } ?? 0
        let wait = request.uri.queryParameters["wait_ms"].flatMap { Int($0) } ?? 0
        return (max(0, after), .milliseconds(min(max(0, wait), 60_000)))
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        Response(
            status: .init(code: status),
            headers: [.contentType: "application/json; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.encoded()))
        )
    }
}
