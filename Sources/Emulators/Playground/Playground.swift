import HTTPTypes
import Hummingbird
import ParleyCore
import ServiceLifecycle

/// The newcomer's first minute: a page with four chat windows beside the journey of each message, and its JSON API.
///
/// Mounts `/playground` and `/playground/api/…`. The page shows what the emulated world shows; it never speaks to the
/// gateway, which sees webhooks and calls as from real platforms.
package struct Playground: Sendable {
    /// The journey of a message, by channel and the platform's message id: an array of
    /// `{step, verdict, rule, value, milliseconds, at}`, `at` in milliseconds since 1970, oldest first.
    package typealias Journey = @Sendable (_ channel: String, _ messageID: String) async -> JSON

    private let world: EmulatedWorld
    private let baseURL: String
    private let model: String
    private let journey: Journey

    /// `baseURL` and `model` are shown on the page.
    package init(world: EmulatedWorld, baseURL: String, model: String, journey: @escaping Journey) {
        self.world = world
        self.baseURL = baseURL
        self.model = model
        self.journey = journey
    }

    package func addRoutes(to router: Router<some RequestContext>) {
        PlaygroundPage.addRoutes(to: router)
        router.get("/playground/api/state") { _, _ in reply(state) }
        router.get("/playground/api/transcript") { request, _ in await transcript(request) }
        router.post("/playground/api/messages") { request, _ in try await say(request) }
        router.get("/playground/api/journey") { request, _ in await showJourney(request) }
        router.get("/playground/api/faults") { _, _ in reply(faults) }
        router.put("/playground/api/faults") { request, _ in try await setFaults(request) }
    }
}

// MARK: Reading

extension Playground {
    private var state: JSON {
        let windows = world.bots.map { bot -> JSON in
            [
                "channel": JSON(bot.channel.name), "bot": JSON(bot.id), "name": JSON(bot.name),
                "is_connected": .bool(bot.webhookURL != nil),
            ]
        }
        return ["base_url": JSON(baseURL), "model": JSON(model), "windows": .array(windows)]
    }

    private func transcript(_ request: Request) async -> Response {
        let after = number(request, "after") ?? 0
        let wait = Duration.milliseconds(min(max(number(request, "wait_ms") ?? 0, 0), 25_000))
        let world = world
        // A page that waits must not hold up a shutdown.
        let entries = await cancelWhenGracefulShutdown { await world.transcript(after: after, waitingUpTo: wait) }
        return reply([
            "entries": .array(entries.map(\.json)),
            "last": JSON(entries.last?.sequence ?? after),
        ])
    }

    private func showJourney(_ request: Request) async -> Response {
        let parameters = request.uri.queryParameters
        guard let channel = parameters["channel"], let message = parameters["message_id"] else {
            return reply(["error": "channel and message_id must be given."], status: 400)
        }
        return reply(await journey(String(channel), String(message)))
    }

    private var faults: JSON {
        ["preset": PlaygroundFaults(world.faults()).map { JSON($0.rawValue) } ?? .null]
    }

    private func number(_ request: Request, _ name: String) -> Int? {
        request.uri.queryParameters[Substring(name)].flatMap { Int($0) }
    }
}

// MARK: Acting

extension Playground {
    /// The person who writes from the page, the same on every channel.
    private static let visitor = EmulatedUser(id: "ann", name: "Ann")

    private func say(_ request: Request) async throws -> Response {
        guard let json = try await body(request) else { return notJSON }
        let text = json["text"]?.string ?? ""
        guard let channel = json["channel"]?.string, text.contains(where: { !$0.isWhitespace }),
            text.utf8.count <= 16_384
        else { return reply(["error": "channel and text must be given, the text up to 16 KiB."], status: 400) }
        do {
            let post = try await world.say(
                EmulatedUserMessage(
                    channel: ChannelID(channel),
                    user: Playground.visitor,
                    text: text,
                    conversation: json["conversation"]?.string
                )
            )
            return reply(post.json, status: 201)
        } catch let error as EmulatorError {
            return reply(["error": JSON(error.description)], status: 400)
        }
    }

    private func setFaults(_ request: Request) async throws -> Response {
        guard let json = try await body(request) else { return notJSON }
        guard let preset = json["preset"]?.string.flatMap(PlaygroundFaults.init(rawValue:)) else {
            let names = PlaygroundFaults.allCases.map(\.rawValue).joined(separator: ", ")
            return reply(["error": JSON("preset is one of \(names).")], status: 400)
        }
        world.setFaults(preset.faults)
        return reply(faults)
    }

    private var notJSON: Response { reply(["error": "The body must be JSON, sent as application/json."], status: 415) }

    /// Nil unless it is JSON and says so: a foreign page cannot send that type without asking first.
    private func body(_ request: Request) async throws -> JSON? {
        guard request.headers[.contentType]?.lowercased().hasPrefix("application/json") == true else { return nil }
        return try? JSON(parsing: try await JSONReply.body(of: request))
    }

    private func reply(_ json: JSON, status: Int = 200) -> Response {
        JSONReply.make(
            json,
            status: status,
            headers: [
                "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
                "Content-Security-Policy": "default-src 'none'",
            ]
        )
    }
}
