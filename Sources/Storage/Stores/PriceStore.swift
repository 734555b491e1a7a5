import ParleyCore

/// What the models cost. One list for the house: the provider's bill is its own, whichever business asked.
package struct PriceStore: Sendable {
    private let database: any SQLDatabase
    private let clock: any Clockwork

    package init(_ database: any SQLDatabase, clock: any Clockwork = SystemClock()) {
        self.database = database
        self.clock = clock
    }

    /// Writes what the binary knows, run at every start. A price that is there already stays as it is: it may have been used.
    package func register(_ prices: [ModelPrice]) async throws {
        try await add(prices, orElse: "NOTHING")
    }

    /// Sets a price; one of the same model, origin and moment is replaced.
    package func set(_ price: ModelPrice) async throws {
        try await add(
            [price],
            orElse: """
                UPDATE SET input_micros = excluded.input_micros, output_micros = excluded.output_micros,
                    cached_micros = excluded.cached_micros, note = excluded.note
                """
        )
    }

    /// Every price, also those that others have taken the place of, by model and age.
    package func list() async throws -> PriceList {
        PriceList(
            try await database.read(.house) { connection in
                try await connection.query(
                    """
                    SELECT model, origin, valid_from, input_micros, output_micros, cached_micros, note
                    FROM model_prices ORDER BY model, origin, valid_from
                    """
                ).map { try ModelPrice($0) }
            }
        )
    }

    private func add(_ prices: [ModelPrice], orElse conflict: StaticString) async throws {
        let now = clock.now
        try await database.transaction(.house) { connection in
            _ = try await connection.batch(
                """
                INSERT INTO model_prices (
                    model, origin, valid_from, input_micros, output_micros, cached_micros, note, created_at
                ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                ON CONFLICT (model, origin, valid_from) DO \(conflict)
                """,
                prices.map {
                    [
                        .text($0.model), .text($0.origin.rawValue), .timestamp($0.validFrom), .integer($0.input),
                        .integer($0.output), .integer($0.cached), .text($0.note), .timestamp(now),
                    ]
                }
            )
        }
    }
}
