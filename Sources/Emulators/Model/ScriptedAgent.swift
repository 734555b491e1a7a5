import ParleyCore

/// The default behaviour: no intelligence, but enough of a script to drive real tools the way a model would.
struct ScriptedAgent: Sendable {
    var request: ChatRequest

    /// Calls tools for a question, quotes what they returned, and repeats anything else: all that was said since the
    /// last answer, so that an onlooker can tell which messages a reply answers.
    func answer() -> ModelStep {
        let results = request.messages.reversed().prefix { $0.role == "tool" }.reversed()
        if !results.isEmpty {
            let quoted = results.map { String($0.text.prefix(1500)) }.joined(separator: "\n\n")
            return .text("Here is what I found: \(quoted)")
        }
        let unanswered = request.messages.reversed().prefix { $0.role != "assistant" }.reversed()
        let text = unanswered.filter { $0.role == "user" }.map(\.text).joined(separator: "\n")
        var calls: [ModelStep.ToolCall] = []
        for question in questions(in: text) {
            if let call = call(for: question), !calls.contains(call) { calls.append(call) }
        }
        return calls.isEmpty ? .text("You said: \(text)") : .toolCalls(calls)
    }

    /// One call with plausible arguments, for the steps that must call something.
    func anyCall() -> ModelStep.ToolCall? {
        guard let tool = request.tools.first else { return nil }
        return call(tool, preferring: [], with: "iPhone 15")
    }

    private func call(for question: String) -> ModelStep.ToolCall? {
        let lower = question.lowercased()
        if let email = question.split(whereSeparator: { " ,;:\n".contains($0) }).first(where: { isEmail($0) }),
            let tool = tool(["lead", "contact"])
        {
            return call(tool, preferring: ["email"], with: trimmed(email))
        }
        if let number = orderNumber(in: lower), let tool = tool(["order"]) {
            return call(tool, preferring: ["order_number", "order", "number"], with: number)
        }
        let asksForStock = ["stock", "inventory", "available", "do you have", "how many", "how much", "price"]
        if asksForStock.contains(where: { lower.contains($0) }), let tool = tool(["inventory", "stock", "product"]) {
            let product = product(in: question)
            if !product.isEmpty { return call(tool, preferring: ["product", "product_name", "query"], with: product) }
        }
        guard let tool = tool(["knowledge", "faq"]) else { return nil }
        return call(tool, preferring: ["query", "question"], with: question)
    }

    private func tool(_ words: [String]) -> ChatRequest.Tool? {
        for word in words {
            if let tool = request.tools.first(where: { $0.name.lowercased().contains(word) }) { return tool }
        }
        return nil
    }

    private func call(_ tool: ChatRequest.Tool, preferring names: [String], with value: String) -> ModelStep.ToolCall {
        let parameter =
            names.lazy.compactMap { name in tool.parameters.first { $0.name == name } }.first ?? tool.parameters.first
        guard let parameter else { return ModelStep.ToolCall(name: tool.name, arguments: "{}") }
        let number = parameter.type == "integer" || parameter.type == "number" ? Int64(value) : nil
        let argument: JSON = number.map { .integer($0) } ?? .string(value)
        let arguments = JSON.object(JSONObject([.init(key: parameter.name, value: argument)]))
        return ModelStep.ToolCall(name: tool.name, arguments: arguments.description)
    }
}

// MARK: Reading a question

extension ScriptedAgent {
    /// "Do you have X? And where is order #1001?" is two questions.
    private func questions(in text: String) -> [String] {
        text.split(whereSeparator: { $0 == "?" || $0 == "\n" }).map { trimmed($0) }.filter { !$0.isEmpty }
    }

    /// The digits after `#`, or those after the word "order".
    private func orderNumber(in lower: String) -> String? {
        let tail: Substring
        if let hash = lower.firstIndex(of: "#") {
            tail = lower[hash...].dropFirst()
        } else if let order = lower.split(separator: "order", maxSplits: 1).dropFirst().first {
            tail = order.drop { !$0.isNumber }
        } else {
            return nil
        }
        let digits = tail.prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty || digits.count > 18 ? nil : String(digits)
    }

    private func product(in question: String) -> String {
        let noise: Set<String> = [
            "do", "you", "have", "any", "in", "stock", "is", "the", "a", "an", "are", "there", "of", "still",
            "available",
            "how", "many", "much", "inventory", "check", "please", "got", "we", "your", "sell", "left", "and", "also",
            "what", "whats", "price", "for", "does", "cost", "hi", "hello", "hey", "me", "tell", "i", "buy", "can",
        ]
        let words = question.split { !($0.isLetter || $0.isNumber || $0 == "-") }
        return words.filter { !noise.contains($0.lowercased()) }.joined(separator: " ")
    }

    private func isEmail(_ word: Substring) -> Bool {
        guard let at = word.firstIndex(of: "@"), at != word.startIndex else { return false }
        return word[at...].dropFirst().contains(".")
    }

    private func trimmed(_ text: Substring) -> String {
        var rest = text.drop { $0.isWhitespace }
        while let last = rest.last, last.isWhitespace || ".,!".contains(last) { rest.removeLast() }
        return String(rest)
    }
}
