import AgentKit
import ParleyCore

/// The few shapes in which every tool of Parley's own tells the model what came of a call.
enum ToolAnswer {
    /// Something went wrong, in words that the model may pass on: no address, no key, nothing internal.
    static func error(_ reason: String, suggestion: String) -> ToolResult {
        let content: JSON = ["error": JSON(reason), "suggestion": JSON(suggestion)]
        return ToolResult(content.description, isError: true)
    }
}

/// JSON Schema for a tool's arguments: an object of described strings.
func argumentsSchema(_ properties: KeyValuePairs<String, String>, required: [String]) -> JSON {
    let members = properties.map { name, description in
        JSONObject.Member(key: name, value: ["type": "string", "description": JSON(description)])
    }
    return [
        "type": "object",
        "properties": .object(JSONObject(members)),
        "required": .array(required.map { JSON($0) }),
        "additionalProperties": false,
    ]
}

extension JSON {
    /// A string argument, trimmed and clipped; nil when it is absent, empty or no text.
    func argument(_ name: String, atMost bytes: Int = 512) -> String? {
        guard let text = self[name]?.text?.trimmed, !text.isEmpty else { return nil }
        return text.clipped(toUTF8: bytes)
    }
}
