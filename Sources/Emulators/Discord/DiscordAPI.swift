import ParleyCore

extension WorldState {
    /// `/api/v10/…`, with the manners that Discord wants: a User-Agent, JSON, `Authorization: Bot`.
    mutating func discordAnswer(_ call: APICall) -> APIAnswer {
        guard call.path.first == "api", call.path.count > 2, call.path[1] == "v10" else {
            return discordError(404, 0, "404: Not Found")
        }
        guard call.headers["user-agent"]?.hasPrefix("DiscordBot (") == true else {
            return discordError(403, 40333, "internal network error")
        }
        let path = Array(call.path.dropFirst(2))
        let hasBody = ["POST", "PUT", "PATCH"].contains(call.method) && !call.body.isEmpty
        var body: JSON = .object(JSONObject())
        if hasBody {
            guard call.mediaType == "application/json" else {
                var answer = discordError(400, 50035, "Invalid Form Body")
                answer.body?["errors"] = [
                    "_errors": [
                        [
                            "code": "CONTENT_TYPE_INVALID",
                            "message": "Expected \"Content-Type\" header to be application/json",
                        ]
                    ]
                ]
                return answer
            }
            guard let parsed = try? JSON(parsing: call.body) else {
                return discordError(400, 50109, "The request body contains invalid JSON.")
            }
            body = parsed
        }
        if path.first == "webhooks" { return discordWebhook(path, body, call) }
        if path.first == "interactions" { return discordCallback(path, body, call) }
        guard let token = call.authorization("Bot"),
            let bot = bots.first(where: { $0.channel == "discord" && $0["bot_token"] == token })
        else { return discordError(401, 0, "401: Unauthorized") }
        var answer = discordWithToken(bot, path, body, call)
        answer.bot = bot.id
        return answer
    }

    private mutating func discordWithToken(
        _ bot: EmulatedBot,
        _ path: [String],
        _ body: JSON,
        _ call: APICall
    ) -> APIAnswer {
        var answer: APIAnswer
        switch (call.method, path.count, path[0]) {
        case ("GET", 2, "users") where path[1] == "@me":
            answer = APIAnswer(200, discordUser(bot))
        case ("GET", 2, "applications") where path[1] == "@me":
            answer = APIAnswer(200, discordApplicationJSON(bot))
        case ("PATCH", 2, "applications") where path[1] == "@me":
            answer = discordSetEndpoint(bot, body, call)
        case (_, 3, "applications") where path[2] == "commands":
            answer = discordCommands(bot, path[1], body, call)
        case ("POST", 3, "channels") where path[2] == "messages":
            answer = discordSend(bot, path[1], body, call)
        case ("GET", 3, "channels") where path[2] == "messages":
            answer = discordList(bot, path[1], call)
        case ("POST", 3, "channels") where path[2] == "typing":
            answer = discordTyping(bot, path[1], call)
        default: return discordError(404, 0, "404: Not Found")
        }
        answer.operation = "\(call.method) \(path.count == 3 ? "\(path[0])/\(path[2])" : path.joined(separator: "/"))"
        return answer
    }

    // MARK: Channels

    private mutating func discordSend(
        _ bot: EmulatedBot,
        _ channel: String,
        _ body: JSON,
        _ call: APICall
    ) -> APIAnswer {
        guard Shape.isDigits(channel), let messages = discord[bot.id]?.channels[channel] else {
            return discordError(404, 10003, "Unknown Channel").about(channel)
        }
        let limit = discordLimit("channels/\(channel)/messages", bot, call, seconds: 5)
        guard limit.answer.isAdmitted else { return discordTooMany(limit).about(channel) }
        if let refusal = discordRefusal(body) { return limit.mark(refusal).about(channel) }
        let nonce = body["nonce"]?.text
        if body["enforce_nonce"]?.bool == true, let nonce,
            let known = messages.last(where: { $0.nonce == nonce && call.now.since($0.at) < .seconds(300) })
        {
            var answer = APIAnswer(200, discordMessage(known.id, known.content, channel, bot, nonce: nonce, call.now))
            answer.outcome = "same_nonce"
            return limit.mark(answer).about(channel)
        }
        let id = nextSnowflake(call.now)
        let content = body["content"]?.string ?? DiscordText.embeds(body)
        discord[bot.id]?.channels[channel]?.append(.init(id: id, content: content, nonce: nonce, at: call.now))
        if messages.count > 2000 { discord[bot.id]?.channels[channel]?.removeFirst(500) }
        note(
            .outbound,
            bot: bot,
            conversation: channel,
            thread: body["message_reference"]?["message_id"]?.string,
            user: bot["application_id"],
            text: content,
            format: "markdown",
            messageID: id,
            deliveryID: nonce,
            flag: discordFlag(body),
            now: call.now
        )
        let answer = APIAnswer(200, discordMessage(id, content, channel, bot, nonce: nonce, call.now))
        return limit.mark(answer).about(channel)
    }

    private func discordList(_ bot: EmulatedBot, _ channel: String, _ call: APICall) -> APIAnswer {
        guard let messages = discord[bot.id]?.channels[channel] else {
            return discordError(404, 10003, "Unknown Channel").about(channel)
        }
        let limit = min(max(call.query("limit").flatMap { Int($0) } ?? 50, 1), 100)
        return APIAnswer(
            200,
            .array(
                messages.suffix(limit).reversed().map {
                    discordMessage($0.id, $0.content, channel, bot, nonce: $0.nonce, $0.at)
                }
            )
        ).about(channel)
    }

    private mutating func discordTyping(_ bot: EmulatedBot, _ channel: String, _ call: APICall) -> APIAnswer {
        guard discord[bot.id]?.channels[channel] != nil else {
            return discordError(404, 10003, "Unknown Channel").about(channel)
        }
        let limit = discordLimit("channels/\(channel)/typing", bot, call, seconds: 5)
        guard limit.answer.isAdmitted else { return discordTooMany(limit).about(channel) }
        note(.typing, bot: bot, conversation: channel, user: bot["application_id"], text: "typing", now: call.now)
        return limit.mark(APIAnswer(204, nil)).about(channel)
    }

    // MARK: Interactions

    /// `POST webhooks/{app}/{token}` and `GET|PATCH|DELETE …/messages/@original`.
    private mutating func discordWebhook(_ path: [String], _ body: JSON, _ call: APICall) -> APIAnswer {
        guard path.count >= 3,
            let bot = bots.first(where: { $0.channel == "discord" && $0["application_id"] == path[1] })
        else { return discordError(404, 10015, "Unknown Webhook") }
        var answer = discordFollowUp(bot, path, body, call)
        answer.bot = bot.id
        answer.operation = "\(call.method) webhooks" + (path.count > 3 ? "/messages/@original" : "")
        answer.conversation = answer.conversation ?? discord[bot.id]?.interactions[path[2]]?.channel
        return answer
    }

    private mutating func discordFollowUp(
        _ bot: EmulatedBot,
        _ path: [String],
        _ body: JSON,
        _ call: APICall
    ) -> APIAnswer {
        guard let interaction = discord[bot.id]?.interactions[path[2]], interaction.state != .failed,
            interaction.state != .waiting
        else { return discordError(404, 10015, "Unknown Webhook") }
        guard call.now.since(interaction.at) < .seconds(900) else {
            return discordError(401, 50027, "Invalid Webhook Token")
        }
        let isOriginal = path.count == 5 && path[3] == "messages" && path[4] == "@original"
        switch call.method {
        case "GET" where isOriginal:
            return APIAnswer(
                200,
                discordMessage(
                    interaction.original,
                    interaction.content,
                    interaction.channel,
                    bot,
                    nonce: nil,
                    call.now
                )
            )
        case "PATCH" where isOriginal: break
        case "POST" where path.count == 3: break
        default: return discordError(404, 0, "404: Not Found")
        }
        let limit = discordLimit("webhooks/\(path[2])", bot, call, seconds: 5)
        guard limit.answer.isAdmitted else { return discordTooMany(limit) }
        if let refusal = discordRefusal(body) { return limit.mark(refusal) }
        // The first follow-up of a deferred answer takes the place of "thinking…".
        let isEdit = call.method == "PATCH" || interaction.state == .deferred
        let id = isEdit ? interaction.original : nextSnowflake(call.now)
        let content = body["content"]?.string ?? DiscordText.embeds(body)
        discord[bot.id]?.interactions[path[2]]?.state = .answered
        if isEdit { discord[bot.id]?.interactions[path[2]]?.content = content }
        note(
            .outbound,
            bot: bot,
            conversation: interaction.channel,
            user: bot["application_id"],
            text: content,
            format: "markdown",
            messageID: id,
            deliveryID: body["nonce"]?.text,
            isEdit: isEdit,
            flag: discordFlag(body),
            now: call.now
        )
        let message = discordMessage(id, content, interaction.channel, bot, nonce: nil, call.now)
        return limit.mark(APIAnswer(200, message))
    }

    /// `POST interactions/{id}/{token}/callback`, after the webhook was answered with 202.
    private mutating func discordCallback(_ path: [String], _ body: JSON, _ call: APICall) -> APIAnswer {
        guard path.count == 4, path[3] == "callback", call.method == "POST",
            let bot = bots.first(where: { discord[$0.id]?.interactions[path[2]] != nil }),
            let interaction = discord[bot.id]?.interactions[path[2]], interaction.id == path[1],
            interaction.state != .failed, call.now.since(interaction.at) < .seconds(3) || interaction.state != .waiting
        else { return discordError(404, 10062, "Unknown interaction") }
        var answer: APIAnswer
        if interaction.state != .waiting {
            answer = discordError(400, 40060, "Interaction has already been acknowledged.")
        } else if discordRespond(body, to: interaction, bot: bot, now: call.now) {
            answer = APIAnswer(204, nil)
        } else {
            answer = discordError(400, 50035, "Invalid Form Body")
        }
        answer.bot = bot.id
        answer.operation = "POST interactions/callback"
        return answer.about(interaction.channel)
    }

    // MARK: Checks

    private func discordRefusal(_ body: JSON) -> APIAnswer? {
        guard body.object != nil else { return discordError(400, 50035, "Invalid Form Body") }
        func invalid(_ field: String, _ code: String, _ message: String) -> APIAnswer {
            var answer = discordError(400, 50035, "Invalid Form Body")
            answer.body?["errors"] = .object(
                JSONObject([
                    .init(key: field, value: ["_errors": [["code": JSON(code), "message": JSON(message)]]])
                ])
            )
            return answer
        }
        if let content = body["content"], !content.isNull {
            guard let text = content.string else {
                return invalid("content", "STRING_TYPE_CONVERT", "Could not interpret \"\(content)\" as string.")
            }
            guard text.utf16.count <= 2000 else {
                return invalid("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
            }
        }
        if let nonce = body["nonce"] {
            guard let text = nonce.text else {
                return invalid("nonce", "NONCE_TYPE_INVALID", "Nonce must be a string or a number.")
            }
            guard text.utf16.count <= 25 else {
                return invalid("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
            }
        }
        if let allowed = body["allowed_mentions"], allowed.object == nil, !allowed.isNull {
            return invalid("allowed_mentions", "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        }
        let embeds = body["embeds"]?.array ?? []
        guard embeds.count <= 10 else {
            return invalid("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
        }
        let isEmpty = (body["content"]?.string ?? "").trimmed.isEmpty && embeds.isEmpty
        return isEmpty ? discordError(400, 50006, "Cannot send an empty message") : nil
    }

    // MARK: Limits

    private mutating func discordLimit(
        _ route: String,
        _ bot: EmulatedBot,
        _ call: APICall,
        seconds: Double
    ) -> DiscordLimit {
        let faults = faults(of: "discord")
        let answer = windows.admit(
            "\(bot.id)/\(route)",
            limit: max(1, Int(5 * max(faults.rateFactor, 0.001))),
            seconds: seconds,
            isEnforced: faults.rateLimits,
            isForced: call.injected.rateLimit,
            now: call.now
        )
        let bucket = Hex.encode((0..<8).map { UInt8(truncatingIfNeeded: SeededRandom.hash(route) >> ($0 * 8)) })
        return DiscordLimit(answer: answer, bucket: bucket, now: call.now)
    }

    private func discordTooMany(_ limit: DiscordLimit) -> APIAnswer {
        let wait = (limit.answer.resetAfter * 1000).rounded(.up) / 1000
        var answer = APIAnswer(
            429,
            ["message": "You are being rate limited.", "retry_after": .number(wait), "global": false],
            outcome: "rate_limited"
        )
        answer.isEarlySend = limit.answer.isEarly
        answer = limit.mark(answer)
        answer.headers += [
            ("Retry-After", String(Int(wait.rounded(.up)))), ("X-RateLimit-Global", "false"),
            ("X-RateLimit-Scope", "user"),
        ]
        return answer
    }
}

/// A route's budget, told with every answer.
struct DiscordLimit {
    let answer: RateWindows.Answer
    let bucket: String
    let now: Timestamp

    func mark(_ unmarked: APIAnswer) -> APIAnswer {
        var marked = unmarked
        let reset = Double(now.microseconds) / 1_000_000 + answer.resetAfter
        marked.headers += [
            ("X-RateLimit-Limit", String(answer.limit)), ("X-RateLimit-Remaining", String(answer.remaining)),
            ("X-RateLimit-Reset", DiscordText.thousandths(reset)),
            ("X-RateLimit-Reset-After", DiscordText.thousandths(answer.resetAfter)), ("X-RateLimit-Bucket", bucket),
        ]
        return marked
    }
}

enum DiscordText {
    static func thousandths(_ seconds: Double) -> String {
        let count = Int64((seconds * 1000).rounded(.up))
        let rest = String(count % 1000)
        return "\(count / 1000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }

    static func embeds(_ body: JSON) -> String {
        (body["embeds"]?.array ?? [])
            .compactMap { [$0["title"]?.string, $0["description"]?.string].compactMap { $0 }.joined(separator: "\n") }
            .joined(separator: "\n")
    }
}

func discordError(_ status: Int, _ code: Int, _ message: String) -> APIAnswer {
    APIAnswer(
        status,
        ["message": JSON(message), "code": JSON(code)],
        outcome: code == 0 ? String(status) : String(code)
    )
}
