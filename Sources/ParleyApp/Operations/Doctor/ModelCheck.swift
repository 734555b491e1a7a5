import ParleyCore

/// Whether the models that are configured can be reached, and are there.
struct ModelCheck {
    private let settings: ParleySettings
    private let transport: any HTTPTransport
    private let clock: any Clockwork

    init(_ settings: ParleySettings, transport: any HTTPTransport, clock: any Clockwork = SystemClock()) {
        self.clock = clock
        self.settings = settings
        self.transport = transport
    }

    func findings(_ names: Set<String>) async -> [Doctor.Finding] {
        let names = names.sorted()
        let answers = await Crowd.answers(
            to: names.map { name in { await finding(name) } },
            atOnce: RemoteCheck.atOnce,
            within: RemoteCheck.deadline,
            on: clock
        )
        return zip(names, answers).map { name, answer in
            answer ?? .bad("model", "\(name): no answer in time", fix: "check the network and the provider's address")
        }
    }

    private func finding(_ name: String) async -> Doctor.Finding {
        if name == "offline" { return .good("model", "offline: no network, no key") }
        if name.hasPrefix("anthropic:") {
            return .bad(
                "model",
                "\(name) is not supported by this version",
                fix: "set \(settings.place(of: name)) to offline, openai:NAME or ollama:NAME"
            )
        }
        if name.hasPrefix("ollama:") {
            return await ask(
                settings.ollamaBaseURL + "/v1",
                "OLLAMA_BASE_URL",
                for: String(name.dropFirst("ollama:".count)),
                key: nil,
                absent: "ollama pull \(name.dropFirst("ollama:".count))"
            )
        }
        let plain = name.hasPrefix("openai:") ? String(name.dropFirst("openai:".count)) : name
        if settings.openAIKey == nil, settings.asksOpenAI(for: name) {
            return .bad(
                "model",
                "\(name) needs a key",
                fix: "set OPENAI_API_KEY, or \(settings.place(of: name)) to offline"
            )
        }
        return await ask(
            settings.openAIBaseURL,
            "OPENAI_BASE_URL",
            for: plain,
            key: settings.openAIKey,
            absent: "set \(settings.place(of: name)) to one that the provider lists"
        )
    }

    /// OpenAI API, "List models": `GET /models`.
    private func ask(
        _ base: String,
        _ variable: String,
        for model: String,
        key: Secret<String>?,
        absent: String
    ) async -> Doctor.Finding {
        let headers = key.map { key in [(name: "authorization", value: key.reveal { "Bearer \($0)" })] } ?? []
        let answer: HTTPAnswer
        do {
            answer = try await transport.send(HTTPCall(.get, base + "/models", headers: headers))
        } catch {
            return .bad("model", "\(model): nothing answers at \(base)", fix: "check \(variable) and the network")
        }
        switch answer.status {
        case 200..<300:
            let known = (answer.json?["data"]?.array ?? []).compactMap { $0["id"]?.string }
            let isListed = known.isEmpty || known.contains { $0 == model || $0 == "\(model):latest" }
            return isListed
                ? .good("model", "\(model) at \(base)")
                : .bad("model", "\(model) is not among the models at \(base)", fix: absent)
        case 401, 403:
            return .bad(
                "model",
                "\(base) refuses the key (HTTP \(answer.status))",
                fix: "set OPENAI_API_KEY to a valid key"
            )
        case 404, 405: return .note("model", "\(model): \(base) answers, but lists no models")
        default:
            return .bad(
                "model",
                "\(base) answers HTTP \(answer.status)",
                fix: "try again in a moment, or check \(variable)"
            )
        }
    }
}

extension ParleySettings {
    /// Where a model of this name is chosen, for whoever has to choose another.
    fileprivate func place(of name: String) -> String {
        name == model ? "PARLEY_MODEL" : "the model of the agent or flag (parley agent set, parley flag set)"
    }
}
