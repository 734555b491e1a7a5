import ParleyCore

/// A row of the catalogue.
package struct ToolRecord: Sendable, Equatable {
    package var name: String
    package var category: String
    package var description: String
    /// JSON Schema of the arguments, an object.
    package var parameters: JSON
    package var triggers: [String]
    package var kind: Kind
    package var isReadOnly: Bool

    package enum Kind: String, Sendable {
        /// Swift.
        case builtIn = "built_in"
        /// An endpoint of the business's own; the catalogue holds its name alone.
        case endpoint
    }

    package init(
        name: String,
        category: String,
        description: String,
        parameters: JSON,
        triggers: [String] = [],
        kind: Kind = .builtIn,
        isReadOnly: Bool
    ) {
        self.name = name
        self.category = category
        self.description = description
        self.parameters = parameters
        self.triggers = triggers
        self.kind = kind
        self.isReadOnly = isReadOnly
    }

    static let columns = "t.name, t.category, t.description, t.parameters, t.triggers, t.kind, t.is_read_only"

    init(_ row: SQLRow) throws {
        name = try row.text("name")
        category = try row.text("category")
        description = try row.text("description")
        parameters = try row.json("parameters")
        triggers = (try row.json("triggers").array ?? []).compactMap(\.string)
        kind = Kind(rawValue: try row.text("kind")) ?? .builtIn
        isReadOnly = try row.bool("is_read_only")
    }
}

/// A tool as a business has it.
package struct BusinessToolRecord: Sendable, Equatable {
    package let tool: ToolRecord
    package let isEnabled: Bool
    package let webhookURL: String?
    package let configuration: JSON
}
