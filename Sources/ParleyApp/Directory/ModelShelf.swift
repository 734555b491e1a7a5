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
}
