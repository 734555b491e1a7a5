import AgentKit
import ParleyCore

/// Puts tool calls together from the fragments of a stream.
///
/// OpenAI keys fragments by `index`; compatible servers send index 0 for all (Ollama), none (Gemini), empty or repeated
/// ids, or a name or the arguments twice. So an id decides first, then the index, then what was opened last.
struct ToolCallAssembly: Sendable {
    private struct Draft {
        /// As the server gave it; empty when it gave none.
        var id: String
        var index: Int64?
        var name = ""
        var arguments = ""
        var lastFragment = ""
        var extra = JSONObject()

        /// Whether the arguments could be all there is.
        var isComplete: Bool { arguments.isJSONObject }
    }

    private var drafts: [Draft] = []
    private var byID: [String: Int] = [:]
    private var byIndex: [Int64: Int] = [:]

    var isEmpty: Bool { drafts.isEmpty }

    /// Takes one element of `delta.tool_calls`, or of a whole message's `tool_calls`.
    mutating func absorb(_ fragment: JSON) throws(ModelError) {
        guard let members = fragment.object else { throw .malformed(reason: "tool_call") }
        let function = fragment["function"]
        let name = function?["name"]?.string ?? ""
        let arguments = Self.text(of: function?["arguments"])
        let position = try position(
            id: fragment["id"]?.text ?? "",
            index: fragment["index"]?.int,
            name: name,
            arguments: arguments
        )
        guard drafts.indices.contains(position) else { return }

        if drafts[position].name.isEmpty {
            drafts[position].name = name
        } else if drafts[position].arguments.isEmpty, !name.isEmpty, name != drafts[position].name {
            // A name in pieces, or told again and longer.
            drafts[position].name = name.hasPrefix(drafts[position].name) ? name : drafts[position].name + name
        }
        if !arguments.isEmpty {
            drafts[position].arguments += arguments
            drafts[position].lastFragment = arguments
        }
        for member in members.members where !["id", "index", "type", "function"].contains(member.key) {
            drafts[position].extra[member.key] = member.value
        }
    }

    /// The calls in the order in which they were opened. One without an id gets one; one without a name is none.
    func finished() -> [ToolCall] {
        var taken: Set<String> = []
        return drafts.compactMap { draft in
            guard !draft.name.isEmpty else { return nil }
            var id = draft.id
            if id.isEmpty || taken.contains(id) { id = Self.inventedID() }
            taken.insert(id)
            return ToolCall(
                id: id,
                name: draft.name,
                arguments: Self.settled(draft.arguments, last: draft.lastFragment),
                extra: draft.extra.isEmpty ? nil : .object(draft.extra)
            )
        }
    }

    /// Which call a fragment belongs to; opens a new one where it belongs to none.
    private mutating func position(
        id: String,
        index: Int64?,
        name: String,
        arguments: String
    ) throws(ModelError) -> Int {
        let known: Int? =
            if !id.isEmpty {
                // Servers that make up an id for each fragment are known by the missing name.
                byID[id] ?? (name.isEmpty ? index.flatMap { byIndex[$0] } : nil)
            } else if let index {
                byIndex[index] ?? (name.isEmpty ? drafts.indices.last : nil)
            } else {
                drafts.indices.last
            }
        if let known, !startsAnother(known, index: index, name: name, arguments: arguments) { return known }
        return try open(id: id, index: index)
    }

    /// Whether a fragment that by its id or index belongs to a call is the head of another one.
    private func startsAnother(_ known: Int, index: Int64?, name: String, arguments: String) -> Bool {
        guard drafts.indices.contains(known), !name.isEmpty, !drafts[known].name.isEmpty else { return false }
        let draft = drafts[known]
        if let index, let own = draft.index, index != own { return true }
        guard name == draft.name else { return draft.isComplete || (index == nil && draft.arguments.isEmpty) }
        return draft.arguments != "{}" && draft.arguments != arguments && draft.isComplete && arguments.isJSONObject
    }

    private mutating func open(id: String, index: Int64?) throws(ModelError) -> Int {
        guard drafts.count < Limits.toolCallsPerAnswer else { throw .malformed(reason: "too_many_tool_calls") }
        drafts.append(Draft(id: id, index: index))
        if !id.isEmpty { byID[id] = drafts.count - 1 }
        if let index { byIndex[index] = drafts.count - 1 }
        return drafts.count - 1
    }

    /// The fragments joined; or what is meant when a server sent `{}` ahead or the whole again.
    private static func settled(_ joined: String, last: String) -> String {
        if joined.trimmed.isEmpty { return "{}" }
        if joined.isJSONObject { return joined }
        if joined.hasPrefix("{}"), String(joined.dropFirst(2)).isJSONObject { return String(joined.dropFirst(2)) }
        return last.isJSONObject ? last : joined
    }

    /// Arguments are a string; native Ollama style has an object.
    private static func text(of arguments: JSON?) -> String {
        switch arguments {
        case .string(let text): text
        case .object: arguments.map(\.description) ?? ""
        default: ""
        }
    }

    private static func inventedID() -> String {
        var random = SystemRandomNumberGenerator()
        return "call_" + Hex.encode((0..<12).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }
}

extension String {
    fileprivate var isJSONObject: Bool {
        // The cheap look first: this is asked of every fragment that has a name.
        guard utf8.last(where: { $0 > 0x20 }) == UInt8(ascii: "}") else { return false }
        return (try? JSON(parsing: self))?.object != nil
    }
}
