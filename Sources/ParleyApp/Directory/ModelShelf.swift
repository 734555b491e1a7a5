import AgentKit
import ModelProviders
import ParleyCore

/// The language models by the names that settings and agents use.
package struct ModelShelf: Sendable {
    private let settings: ParleySettings
    private let transport: any HTTPTransport
    private let clock: any Clockwork
    private let openAI: OpenAICompatibleModel
    private let ollama: OpenAICompatibleModel

    package init(_ settings: ParleySettings, transport: any HTTPTransport, clock: any Clockwork) {
        self.settings = settings
        self.transport = transport
        self.clock = clock
        openAI = OpenAICompatibleModel(
            baseURL: settings.openAIBaseURL,
            apiKey: settings.openAIKey,
            transport: transport,
            clock: clock
        )
        ollama = OpenAICompatibleModel(
            baseURL: settings.ollamaBaseURL + "/v1",
            apiKey: nil,
            transport: transport,
            clock: clock
        )
    }

    /// The model of a name, and what its provider calls it: `offline`, `openai:NAME`, `ollama:NAME`, or a plain name,
    /// which is one at `OPENAI_BASE_URL`. Throws ``SettingsError`` for a provider that is not spoken.
    package func model(named name: String) throws(SettingsError) -> (model: any LanguageModel, name: String) {
        guard !["", "openai:", "ollama:"].contains(name) else {
            throw SettingsError(key: "PARLEY_MODEL", fix: "names no model; write offline, openai:NAME or ollama:NAME")
        }
        if name == OfflineModel.name { return (OfflineModel(), name) }
        if name.hasPrefix("openai:") { return (openAI, String(name.dropFirst("openai:".count))) }
        if name.hasPrefix("ollama:") { return (ollama, String(name.dropFirst("ollama:".count))) }
        if name.hasPrefix("anthropic:") {
            throw SettingsError(
                key: "PARLEY_MODEL",
                fix: "anthropic: is not supported by this version yet; use offline, openai:NAME or ollama:NAME"
            )
        }
        return (openAI, name)
    }

    /// What speaks against a model that somebody is about to choose, for which only what is known here is looked at: the
    /// provider is not asked. Nil when nothing does.
    ///
    /// A plain name is meant for a server of one's own. At OpenAI's own address it is most likely a slip of the pen.
    func doubt(about name: String) throws(SettingsError) -> String? {
        _ = try model(named: name)
        guard settings.asksOpenAI(for: name) else { return nil }
        guard name.hasPrefix("openai:") else {
            throw SettingsError(
                key: "PARLEY_MODEL",
                fix:
                    "“\(name)” is not offline, openai:NAME or ollama:NAME; a plain name is one at your own OPENAI_BASE_URL"
            )
        }
        return settings.openAIKey == nil ? "\(name) needs a key, and OPENAI_API_KEY is not set here" : nil
    }
}

extension ParleySettings {
    /// Whether a model of this name is asked for at OpenAI itself, which answers nobody without a key.
    func asksOpenAI(for name: String) -> Bool {
        name != OfflineModel.name && !name.hasPrefix("ollama:") && openAIBaseURL.contains("api.openai.com")
    }
}
