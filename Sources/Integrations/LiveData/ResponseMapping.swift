import ParleyCore

/// A small projection of one JSON value onto another, written as data. It is total: whatever the mapping and the answer
/// hold, there is a result; what is missing is null.
///
/// ```json
/// {"list": "$.products", "limit": 5,
///  "match": {"argument": "product", "field": "title"},
///  "fields": {"title": "title", "price": {"path": "variants[0].price", "format": "money", "currency": "$"}}}
/// ```
///
/// - `list`: the path of an array. The result is `{"found", "count", "items": […]}` with at most `limit` (10) items.
/// - `first`: true: only the list's first element, as `{"found": true, …fields}` or `{"found": false}`.
/// - `match`: the element whose field is what the argument asks for, as `{"found": true, "match": "exact" or "close",
///   …fields, "similar": […]}`, or `{"found": false, "asked", "similar": […]}`; see ``TitleMatch``.
/// - `object`: without `list`, the path of the value that the fields are taken from; `$` is the whole answer.
/// - `fields`: names and where their values are. Without it the values are taken as they are.
/// - A field is a path, or an object with one of `path`, `paths` (the first that is not null), `sum` with `over`
///   (the total of a number in every element of an array), or `value` (a constant); and perhaps a `format`: `money`
///   with `currency` (`"799.00"` → `"$799"`), `plain` (HTML tags dropped, clipped at 400 bytes), `words` with `words`
///   (`{"fulfilled": "shipped", "null": "not shipped yet"}`).
/// - A path is keys and indices: `$.order.items[0].name`; a leading `$.` is optional. At most 16 steps.
struct ResponseMapping {
    let mapping: JSON

    func apply(to answer: JSON, arguments: (String) -> String?) -> JSON {
        guard let list = mapping["list"]?.string else {
            return single(JSONPath(mapping["object"]?.string ?? "$").value(in: answer))
        }
        let elements = JSONPath(list).value(in: answer).array ?? []
        if let argument = mapping["match"]?["argument"]?.string, let field = mapping["match"]?["field"]?.string {
            return best(of: elements, asked: arguments(argument) ?? "", field: JSONPath(field))
        }
        if mapping["first"]?.bool == true { return single(elements.first ?? .null) }
        let items = elements.prefix(limit).map { project($0) }
        return ["found": .bool(!items.isEmpty), "count": JSON(elements.count), "items": .array(items)]
    }

    private var limit: Int { Int(clamping: min(max(mapping["limit"]?.int ?? 10, 1), 50)) }

    private func single(_ value: JSON) -> JSON {
        guard !value.isNull else { return ["found": false] }
        guard mapping["fields"]?.object != nil else { return value }
        return found(value, first: [])
    }

    private func found(_ element: JSON, first: [JSONObject.Member]) -> JSON {
        let fields = project(element).object?.members ?? []
        return .object(JSONObject([JSONObject.Member(key: "found", value: true)] + first + fields))
    }

    private func best(of elements: [JSON], asked: String, field: JSONPath) -> JSON {
        let titles = elements.map { field.value(in: $0).text ?? "" }
        let match = TitleMatch(asked: asked, among: titles)
        let similar = JSON.array(match.similar.prefix(3).map { project(elements[$0]) })
        guard let index = match.index else {
            return ["found": false, "asked": JSON(asked), "similar": similar]
        }
        var result = found(
            elements[index],
            first: [JSONObject.Member(key: "match", value: match.isExact ? "exact" : "close")]
        )
        result["similar"] = similar
        return result
    }

    private func project(_ element: JSON) -> JSON {
        guard let fields = mapping["fields"]?.object else { return element }
        return .object(
            JSONObject(
                fields.members.prefix(50).map { member in
                    JSONObject.Member(key: member.key, value: value(of: member.value, in: element))
                }
            )
        )
    }

    private func value(of field: JSON, in element: JSON) -> JSON {
        if let path = field.string { return JSONPath(path).value(in: element) }
        if let constant = field["value"] { return constant }
        var value = JSON.null
        if let path = field["path"]?.string {
            value = JSONPath(path).value(in: element)
        } else if let paths = field["paths"]?.array {
            value =
                paths.prefix(16).lazy.compactMap(\.string).map { JSONPath($0).value(in: element) }.first { !$0.isNull }
                ?? .null
        } else if let sum = field["sum"]?.string, let over = field["over"]?.string {
            value = total(of: JSONPath(sum), over: JSONPath(over).value(in: element))
        }
        return formatted(value, as: field)
    }

    /// Null when there is no number at all: unknown is not zero.
    private func total(of path: JSONPath, over array: JSON) -> JSON {
        let numbers = (array.array ?? []).compactMap { path.value(in: $0).int }
        guard !numbers.isEmpty else { return .null }
        return .integer(
            numbers.reduce(0) { sum, number in
                let (total, overflow) = sum.addingReportingOverflow(number)
                return overflow ? sum : total
            }
        )
    }

    private func formatted(_ value: JSON, as field: JSON) -> JSON {
        switch field["format"]?.string {
        case "money":
            guard let text = value.text?.trimmed, !text.isEmpty else { return .null }
            return JSON((field["currency"]?.string ?? "") + Self.withoutEmptyCents(text))
        case "plain":
            guard let text = value.text else { return value }
            return JSON(Self.withoutTags(text).clipped(toUTF8: 400))
        case "words":
            let key = value.text ?? "null"
            return field["words"]?[key] ?? value
        default: return value
        }
    }

    private static func withoutEmptyCents(_ amount: String) -> String {
        for ending in [".00", ".0"] where amount.hasSuffix(ending) { return String(amount.dropLast(ending.count)) }
        return amount
    }

    private static func withoutTags(_ html: String) -> String {
        var text = ""
        var isInTag = false
        for character in html.clippedRaw(toUTF8: 8192) {
            switch character {
            case "<":
                isInTag = true
                text.append(" ")
            case ">" where isInTag: isInTag = false
            default: if !isInTag { text.append(character) }
            }
        }
        return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

extension String {
    fileprivate func clippedRaw(toUTF8 count: Int) -> Substring {
        utf8.count <= count ? self[...] : Substring(String(decoding: utf8.prefix(count), as: UTF8.self))
    }
}

/// Keys and indices: `$.variants[0].price`.
struct JSONPath {
    private enum Step {
        case key(String)
        case index(Int)
    }

    /// nil: not a path, or too long.
    private let steps: [Step]?

    init(_ text: String) {
        var steps: [Step] = []
        var rest = Substring(text.trimmed)
        if rest.hasPrefix("$") { rest.removeFirst() }
        while !rest.isEmpty {
            if rest.hasPrefix("[") {
                guard let close = rest.firstIndex(of: "]"),
                    let index = Int(rest[rest.index(after: rest.startIndex)..<close])
                else {
                    self.steps = nil
                    return
                }
                steps.append(.index(index))
                rest = rest[rest.index(after: close)...]
                continue
            }
            if rest.hasPrefix(".") { rest.removeFirst() }
            let key = rest.prefix { $0 != "." && $0 != "[" }
            if key.isEmpty {
                self.steps = nil
                return
            }
            steps.append(.key(String(key)))
            rest = rest[key.endIndex...]
        }
        self.steps = steps.count <= 16 ? steps : nil
    }

    func value(in root: JSON) -> JSON {
        guard let steps else { return .null }
        var value = root
        for step in steps {
            switch step {
            case .key(let key): value = value[key] ?? .null
            case .index(let index): value = value[index] ?? .null
            }
        }
        return value
    }
}
