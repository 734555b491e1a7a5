import ParleyCore

/// What a model's tokens cost from a day on, in millionths of a US dollar for each million of tokens.
package struct ModelPrice: Sendable, Equatable {
    package enum Origin: String, Sendable {
        /// An example that came with Parley.
        case shipped
        /// Set by the operator: wins over every shipped one.
        case set
    }

    /// A model's name, which also stands for its dated editions (`gpt-4o` for `gpt-4o-2024-08-06`), or the beginning of
    /// names with a star (`llama3*`).
    package var model: String
    package var input: Int64
    package var output: Int64
    /// Prompt tokens that the provider found in its cache.
    package var cached: Int64
    package var validFrom: Timestamp
    package var origin: Origin
    /// Where the figures are from.
    package var note: String

    /// The dearest that is believed: a dollar a token.
    package static let maximum: Int64 = 1_000_000_000_000

    package init(
        model: String,
        input: Int64,
        output: Int64,
        cached: Int64? = nil,
        validFrom: Timestamp,
        origin: Origin,
        note: String = ""
    ) {
        self.model = model
        self.input = min(max(0, input), Self.maximum)
        self.output = min(max(0, output), Self.maximum)
        self.cached = min(max(0, cached ?? input), Self.maximum)
        self.validFrom = validFrom
        self.origin = origin
        self.note = note
    }

    init(_ row: SQLRow) throws {
        self.init(
            model: try row.text("model"),
            input: try row.int("input_micros"),
            output: try row.int("output_micros"),
            cached: try row.int("cached_micros"),
            validFrom: try row.timestamp("valid_from"),
            origin: try row.text("origin") == Origin.set.rawValue ? .set : .shipped,
            note: try row.text("note")
        )
    }

    /// What so many tokens cost, in millionths of a US dollar, to the nearest.
    ///
    /// - Parameter cached: of `input`, how many were in the provider's cache.
    package func cost(input tokensIn: Int, cached tokensCached: Int, output tokensOut: Int) -> Int64 {
        func bounded(_ tokens: Int) -> Int128 { Int128(min(max(0, tokens), 1_000_000_000_000)) }
        let known = min(bounded(tokensCached), bounded(tokensIn))
        let sum =
            (bounded(tokensIn) - known) * Int128(input) + known * Int128(cached) + bounded(tokensOut) * Int128(output)
        return Int64(clamping: (sum + 500_000) / 1_000_000)
    }

    func isFor(_ name: String) -> Bool {
        if model.hasSuffix("*") { return name.hasPrefix(model.dropLast()) }
        guard name.hasPrefix(model) else { return false }
        let edition = name.dropFirst(model.count)
        // `-2024-08-06`, `-20250514` or `-latest`.
        return edition.isEmpty || edition == "-latest"
            || edition.hasPrefix("-20") && edition.utf8.allSatisfy { $0 == UInt8(ascii: "-") || (48...57).contains($0) }
    }
}

/// All prices that are known.
package struct PriceList: Sendable, Equatable {
    package let prices: [ModelPrice]

    package init(_ prices: [ModelPrice]) { self.prices = prices }

    /// The price of a model at a moment: the operator's before a shipped one, then the closest name, then the latest.
    package func price(of model: String, at now: Timestamp) -> ModelPrice? {
        prices.filter { $0.validFrom <= now && $0.isFor(model) }.max { rank($0) < rank($1) }
    }

    /// What a turn cost, in millionths of a US dollar; nil when its model has no price. What used no token cost nothing.
    package func cost(
        of model: String,
        input: Int,
        cached: Int,
        output: Int,
        at now: Timestamp
    ) -> Int64? {
        if input <= 0, output <= 0 { return 0 }
        return price(of: model, at: now)?.cost(input: input, cached: cached, output: output)
    }

    private func rank(_ price: ModelPrice) -> (Int, Int, Int, Timestamp) {
        (
            price.origin == .set ? 1 : 0, price.model.hasSuffix("*") ? 0 : 1, price.model.utf8.count, price.validFrom
        )
    }
}
