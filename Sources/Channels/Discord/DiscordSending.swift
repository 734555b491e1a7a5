import ChannelKit
import ChannelManifests
import ParleyCore

extension DiscordChannel {
    /// One message for every part. Nobody is ever pinged by what a model wrote.
    package func render(
        _ reply: ReplyDocument,
        to address: JSON,
        for integration: ChannelIntegration
    ) -> [OutgoingCall] {
        // Room for the mark that a resend may need.
        let limit = manifest.limit("content", or: 2000) - Self.repeatPrefix.utf16.count
        let parts = ReplySplitter.split(reply, as: DiscordMarkup(), limit: limit)
        return parts.enumerated().map { index, part in
            let plain = PlainMarkup().render(part)
            return OutgoingCall(
                payload: [
                    "part": JSON(index),
                    "body": ["content": .string(DiscordMarkup().render(part)), "allowed_mentions": ["parse": []]],
                    "plain": [
                        "content": .string(plain.clipped(toUTF16: limit)), "allowed_mentions": ["parse": []],
                    ],
                ],
                text: plain
            )
        }
    }

    /// By the interaction's token while it lives; by the bot's own when it has run out, or Discord says that it has.
    package func send(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Verdict {
        guard let route = DiscordRoute(delivery) else { return .dead(reason: "no channel_id", scope: .delivery) }
        switch await attempt(delivery, by: route, as: integration, over: transport) {
        case .verdict(let verdict): return verdict
        case .tokenIsOver(let reason):
            guard let channel = DiscordRoute.channel(of: delivery) else {
                return .dead(reason: reason, scope: .delivery)
            }
            guard case .verdict(let verdict) = await attempt(delivery, by: channel, as: integration, over: transport)
            else { return .dead(reason: reason, scope: .delivery) }
            return verdict
        }
    }

    /// Whether sending a delivery again could show it twice. Discord has no lookup by our own ids.
    package func reconcile(
        _ delivery: OutgoingDelivery,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> Reconciliation {
        switch DiscordRoute(delivery) {
        case .original: .didNotArrive
        case .channel where delivery.isWithinDiscordNonce: .didNotArrive
        default: .unknowable
        }
    }
}

extension DiscordChannel {
    static let repeatPrefix = OutgoingDelivery.repeatMark + "\n"

    /// Discord asks every bot to say what it is in this form (Discord docs, API Reference, User Agent).
    static let userAgent = (name: "user-agent", value: "DiscordBot (https://parley.invalid, 1.0)")

    private func attempt(
        _ delivery: OutgoingDelivery,
        by route: DiscordRoute,
        as integration: ChannelIntegration,
        over transport: any HTTPTransport
    ) async -> DiscordOutcome {
        guard let body = Self.body(of: delivery, by: route) else {
            return .verdict(.dead(reason: "the delivery has no content", scope: .delivery))
        }
        guard let call = call(body, by: route, as: integration) else {
            return .verdict(.dead(reason: "bot_token is missing", scope: .integration))
        }
        do {
            return DiscordOutcome(try await transport.send(call), by: route, delivery)
        } catch {
            let verdict = Verdict(error)
            guard case .uncertain(let reason) = verdict, route.isRepeatable else { return .verdict(verdict) }
            return .verdict(.retry(after: nil, scope: .conversation, reason: reason))
        }
    }

    private static func body(of delivery: OutgoingDelivery, by route: DiscordRoute) -> JSON? {
        let form = delivery.usesPlainText ? delivery.payload["plain"] : delivery.payload["body"]
        guard var body = form, let content = body["content"]?.string else { return nil }
        if route.mayRepeat(delivery) { body["content"] = .string(repeatPrefix + content) }
        if case .channel = route {
            body["nonce"] = .string(delivery.discordNonce)
            body["enforce_nonce"] = true
        }
        return body
    }

    /// Nil when the bot's token is needed and missing.
    private func call(_ body: JSON, by route: DiscordRoute, as integration: ChannelIntegration) -> HTTPCall? {
        switch route {
        case .original(let token):
            token.secret.reveal {
                .json(
                    .patch,
                    "\(apiURL)/webhooks/\(token.applicationID)/\($0)/messages/@original",
                    headers: [Self.userAgent],
                    body
                )
            }
        case .followUp(let token):
            token.secret.reveal {
                .json(
                    .post,
                    "\(apiURL)/webhooks/\(token.applicationID)/\($0)?wait=true",
                    headers: [Self.userAgent],
                    body
                )
            }
        case .channel(let id):
            integration.credentials["bot_token"].flatMap { token in
                token.isEmpty ? nil : call(.post, "/channels/\(id)/messages", body, with: token)
            }
        }
    }

    /// A call in the bot's own name.
    func call(_ method: HTTPCall.Method, _ path: String, _ body: JSON? = nil, with token: Secret<String>) -> HTTPCall {
        let headers = [Self.userAgent, (name: "authorization", value: token.reveal { "Bot \($0)" })]
        return body.map { .json(method, apiURL + path, headers: headers, $0) }
            ?? HTTPCall(method, apiURL + path, headers: headers)
    }
}
