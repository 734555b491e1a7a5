import ParleyCore

/// Reads the arguments that a model wrote, and holds them against the tool's schema.
///
/// Of JSON Schema it knows `type`, `required`, `enum`, `properties` and `items`: what models get wrong.
enum ToolArguments {
    /// Told to the model, so that it may correct itself.
    struct Fault: Error, CustomStringConvertible {
        let reason: String
        var description: String { "Error: \(reason). Correct the arguments and call the tool again." }
    }

    static func read(_ text: String, schema: JSON) -> Result<JSON, Fault> {
        let text = text.trimmed
        if text.isEmpty { return check([:], schema) }
        do {
            return check(try JSON(parsing: text), schema)
        } catch {
            return .failure(Fault(reason: "the arguments are \(error)"))
        }
    }

    private static func check(_ arguments: JSON, _ schema: JSON) -> Result<JSON, Fault> {
        guard arguments.object != nil else {
            return .failure(Fault(reason: "the arguments must be a JSON object"))
        }
        if let reason = fault(in: arguments, schema, at: "") { return .failure(Fault(reason: reason)) }
        return .success(arguments)
    }

    // The depth of both is bounded: the arguments were parsed within ``Limits/jsonDepth``.
    private static func fault(in value: JSON, _ schema: JSON, at path: String) -> String? {
        let types = schema["type"]?.array?.compactMap(\.string) ?? schema["type"]?.string.map { [$0] } ?? []
        if !types.isEmpty, !types.contains(where: { value.has(type: $0) }) {
            return "\(name(path)) must be \(types.joined(separator: " or "))"
        }
        if let allowed = schema["enum"]?.array, !allowed.contains(where: { $0.equals(value) }) {
            return "\(name(path)) must be one of \(allowed.map(\.description).joined(separator: ", "))"
        }
        if let object = value.object {
            let required = schema["required"]?.array?.compactMap(\.string) ?? []
            if let missing = required.first(where: { object[$0] == nil }) {
                return "\(name(join(path, missing))) is required"
            }
            for member in schema["properties"]?.object?.members ?? [] {
                guard let inner = object[member.key] else { continue }
                // Models write null for what they leave out.
                if inner.isNull, !required.contains(member.key) { continue }
                if let reason = fault(in: inner, member.value, at: join(path, member.key)) { return reason }
            }
        }
        if let items = schema["items"], let elements = value.array {
            for (index, element) in elements.enumerated() {
                if let reason = fault(in: element, items, at: "\(path)[\(index)]") { return reason }
            }
        }
        return nil
    }

    private static func name(_ path: String) -> String { path.isEmpty ? "the value" : "'\(path)'" }
    private static func join(_ path: String, _ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}

extension JSON {
    fileprivate func has(type: String) -> Bool {
        switch type {
        case "string": string != nil
        case "integer": int != nil
        case "number": double != nil
        case "boolean": bool != nil
        case "array": array != nil
        case "object": object != nil
        case "null": isNull
        // A type that JSON Schema does not have is the operator's mistake, not the model's.
        default: true
        }
    }

    /// 1 and 1.0 are one number (JSON Schema, 4.2.2).
    fileprivate func equals(_ other: JSON) -> Bool {
        if let left = double, let right = other.double { return left == right }
        return self == other
    }
}
