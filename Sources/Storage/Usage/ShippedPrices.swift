import ParleyCore

/// Examples, so that a new installation shows costs of a likely size. What a provider bills is between the two of you: set
/// your own with `parley usage prices set`, and they win.
package enum ShippedPrices {
    private static let source = "example: OpenAI's public list for standard processing, as reported in June 2026"

    package static var all: [ModelPrice] {
        [
            // Dollars per million tokens: prompt, cached prompt, answer.
            openAI("gpt-4o", "2.50", "1.25", "10"),
            openAI("gpt-4o-mini", "0.15", "0.075", "0.60"),
            openAI("gpt-4.1", "2", "0.50", "8"),
            openAI("gpt-4.1-mini", "0.40", "0.10", "1.60"),
            openAI("gpt-4.1-nano", "0.10", "0.025", "0.40"),
            openAI("gpt-5", "1.25", "0.125", "10"),
            openAI("gpt-5-mini", "0.25", "0.025", "2"),
            openAI("gpt-5-nano", "0.05", "0.005", "0.40"),
            openAI("o3", "2", "0.50", "8"),
            openAI("o4-mini", "1.10", "0.275", "4.40"),
            ModelPrice(
                model: "offline",
                input: 0,
                output: 0,
                validFrom: beginning,
                origin: .shipped,
                note: "answers on this machine"
            ),
        ].compactMap(\.self)
    }

    private static var beginning: Timestamp { Timestamp(seconds: 0) }

    private static func openAI(_ model: String, _ input: String, _ cached: String, _ output: String) -> ModelPrice? {
        guard let input = Dollars.micros(input), let cached = Dollars.micros(cached),
            let output = Dollars.micros(output)
        else { return nil }
        return ModelPrice(
            model: model,
            input: input,
            output: output,
            cached: cached,
            validFrom: beginning,
            origin: .shipped,
            note: source
        )
    }
}

/// Amounts of money as whole millionths of a US dollar.
package enum Dollars {
    /// Reads `12`, `0.075` or `.5` exactly; nil for anything else, for more than six decimals, and beyond a billion.
    package static func micros(_ text: some StringProtocol) -> Int64? {
        let parts = String(text).split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count == 2 ? parts[1] : ""
        guard let whole = parts.first, !(whole.isEmpty && decimals.isEmpty), whole.utf8.count <= 9,
            decimals.utf8.count <= 6, "\(whole)\(decimals)".utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        let fraction = decimals + String(repeating: "0", count: 6 - decimals.utf8.count)
        return Int64(whole.isEmpty ? "0\(fraction)" : "\(whole)\(fraction)")
    }

    /// `$12.50`, `$0.000075`: at least two decimals, no more than are needed.
    package static func text(_ micros: Int64) -> String {
        let magnitude = String(micros.magnitude)
        let padded = String(repeating: "0", count: max(0, 7 - magnitude.utf8.count)) + magnitude
        var decimals = padded.suffix(6)
        while decimals.utf8.count > 2, decimals.hasSuffix("0") { decimals.removeLast() }
        return "\(micros < 0 ? "-" : "")$\(padded.dropLast(6)).\(decimals)"
    }
}
