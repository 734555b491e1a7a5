import ParleyCore

// What a Discord application asks and tells about itself.
extension WorldState {
    func discordUser(_ bot: EmulatedBot) -> JSON {
        [
            "id": JSON(bot["application_id"]), "username": JSON(bot.name), "discriminator": "0", "global_name": nil,
            "avatar": nil, "bot": true,
        ]
    }

    func discordApplicationJSON(_ bot: EmulatedBot) -> JSON {
        [
            "id": JSON(bot["application_id"]), "name": JSON(bot.name), "verify_key": JSON(bot["public_key"]),
            "flags": 565_248, "interactions_endpoint_url": bot.webhookURL.map { JSON($0) } ?? .null,
            "bot": discordUser(bot),
        ]
    }

    /// `PATCH applications/@me {"interactions_endpoint_url"}`; the ping that follows is in the log.
    mutating func discordSetEndpoint(_ bot: EmulatedBot, _ body: JSON, _ call: APICall) -> APIAnswer {
        guard let index = bots.firstIndex(where: { $0.id == bot.id }) else {
            return discordError(404, 0, "404: Not Found")
        }
        guard let url = body["interactions_endpoint_url"] else { return APIAnswer(200, discordApplicationJSON(bot)) }
        bots[index].webhookURL = url.string
        var answer = APIAnswer(200, discordApplicationJSON(bots[index]))
        if url.string != nil { answer.webhooks = [discordHandshake(bots[index], now: call.now)] }
        return answer
    }

    mutating func discordCommands(
        _ bot: EmulatedBot,
        _ application: String,
        _ body: JSON,
        _ call: APICall
    ) -> APIAnswer {
        guard application == bot["application_id"] else {
            return discordError(403, 20012, "You are not authorized to perform this action on this application")
        }
        let given: [JSON]
        switch call.method {
        case "GET": return APIAnswer(200, .array(discord[bot.id]?.commands ?? []))
        case "PUT":
            guard let list = body.array else { return discordError(400, 50035, "Invalid Form Body") }
            given = list
        case "POST": given = [body]
        default: return discordError(405, 0, "405: Method Not Allowed")
        }
        for (index, command) in given.enumerated() {
            if let problem = discordProblem(with: command) {
                var answer = discordError(400, 50035, "Invalid Form Body")
                answer.body?["errors"] = .object(
                    JSONObject([
                        .init(
                            key: String(index),
                            value: .object(
                                JSONObject([
                                    .init(
                                        key: problem,
                                        value: [
                                            "_errors": [["code": "BASE_TYPE_BAD_LENGTH", "message": "Invalid value."]]
                                        ]
                                    )
                                ])
                            )
                        )
                    ])
                )
                return answer
            }
        }
        let made = given.map { command in
            var command = command
            command["id"] = JSON(command["name"] == "ask" ? bot["command_id"] : nextSnowflake(call.now))
            command["application_id"] = JSON(bot["application_id"])
            command["version"] = JSON(nextSnowflake(call.now))
            return command
        }
        if call.method == "PUT" {
            discord[bot.id]?.commands = made
            return APIAnswer(200, .array(made))
        }
        discord[bot.id]?.commands.removeAll { $0["name"] == made.first?["name"] }
        discord[bot.id]?.commands += made
        return APIAnswer(201, made.first)
    }

    /// The first field that Discord would refuse.
    private func discordProblem(with command: JSON) -> String? {
        guard let name = command["name"]?.string, (1...32).contains(name.count), name == name.lowercased(),
            !name.contains(" ")
        else { return "name" }
        if (command["type"]?.int ?? 1) == 1 {
            guard let text = command["description"]?.string, (1...100).contains(text.count) else {
                return "description"
            }
        }
        let options = command["options"]?.array ?? []
        guard options.count <= 25 else { return "options" }
        let areRight = options.allSatisfy { option in
            let isNamed = option["name"]?.string.map { (1...32).contains($0.count) } ?? false
            let isDescribed = option["description"]?.string.map { (1...100).contains($0.count) } ?? false
            return isNamed && isDescribed && option["type"]?.int != nil
        }
        return areRight ? nil : "options"
    }

    func discordMessage(
        _ id: String,
        _ content: String,
        _ channel: String,
        _ bot: EmulatedBot,
        nonce: String?,
        _ at: Timestamp
    ) -> JSON {
        .object(present: [
            "id": JSON(id), "channel_id": JSON(channel), "type": 0, "content": JSON(content),
            "author": discordUser(bot), "timestamp": JSON(at.description), "edited_timestamp": .null,
            "attachments": [], "embeds": [], "mentions": [], "mention_roles": [], "mention_everyone": false,
            "pinned": false, "tts": false, "flags": 0, "nonce": nonce.map { JSON($0) },
        ])
    }
}
