import ParleyCore

/// A business's configured assistant.
package struct AgentRecord: Sendable, Equatable {
    package let businessID: ID<Business>
    package let id: ID<Agent>
    package let name: String
    package let instructions: String
    /// Nil: the configured default model.
    package let model: String?
    package let temperature: Double?
    package let maximumOutputTokens: Int?
    /// Nil: the configured debounce.
    package let debounceMilliseconds: Int?
    package let limits: JSON
    package let isDefault: Bool
    /// The tools that it may call: its own, as far as the business has them enabled. Sorted by name.
    package let tools: [String]

    static let columns = """
        business_id, id, name, instructions, model, temperature, maximum_output_tokens, debounce_milliseconds, limits, \
        is_default
        """

    init(_ row: SQLRow, tools: [String]) throws {
        businessID = try row.id("business_id")
        id = try row.id("id")
        name = try row.text("name")
        instructions = try row.text("instructions")
        model = row.optionalText("model")
        temperature = row.optionalReal("temperature")
        maximumOutputTokens = row.optionalInt("maximum_output_tokens").map { Int(clamping: $0) }
        debounceMilliseconds = row.optionalInt("debounce_milliseconds").map { Int(clamping: $0) }
        limits = try row.json("limits")
        isDefault = try row.bool("is_default")
        self.tools = tools
    }
}

/// What to change of an agent; nil leaves a field as it is.
package struct AgentChanges: Sendable, Equatable {
    package var name: String?
    package var instructions: String?
    /// An empty string goes back to the configured default model.
    package var model: String?
    /// 0…60,000
    package var debounceMilliseconds: Int?

    package init(
        name: String? = nil,
        instructions: String? = nil,
        model: String? = nil,
        debounceMilliseconds: Int? = nil
    ) {
        self.name = name
        self.instructions = instructions
        self.model = model
        self.debounceMilliseconds = debounceMilliseconds
    }
}
