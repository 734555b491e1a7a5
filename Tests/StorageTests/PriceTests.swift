import ParleyCore
import Storage
import Testing

@Suite struct PriceTests {
    private static let now = Timestamp(seconds: 1_790_000_000)

    private static func price(
        _ model: String,
        _ input: Int64 = 0,
        origin: ModelPrice.Origin = .shipped,
        from: Timestamp = Timestamp(seconds: 0)
    ) -> ModelPrice {
        ModelPrice(model: model, input: input, output: 0, validFrom: from, origin: origin)
    }

    @Test func `tokens cost what the price says, to the nearest millionth`() {
        let price = ModelPrice(
            model: "m",
            input: 2_500_000,
            output: 10_000_000,
            cached: 1_250_000,
            validFrom: Self.now,
            origin: .set
        )
        #expect(price.cost(input: 1_000_000, cached: 0, output: 0) == 2_500_000)
        #expect(price.cost(input: 1_000, cached: 400, output: 50) == 600 * 5 / 2 + 500 + 500)
        #expect(price.cost(input: 1, cached: 0, output: 0) == 3)
        #expect(price.cost(input: 0, cached: 0, output: 0) == 0)
        // Nonsense of a provider costs no more than all of it, and traps nothing.
        #expect(price.cost(input: 10, cached: 4_000, output: -5) == 13)
        let dearest = ModelPrice(model: "m", input: .max, output: .max, validFrom: Self.now, origin: .set)
        #expect(dearest.cost(input: .max, cached: .min, output: .max) == 2_000_000_000_000_000_000)
    }

    @Test(arguments: [
        ("gpt-4o", "gpt-4o"), ("gpt-4o-2024-08-06", "gpt-4o"), ("gpt-4o-20240806", "gpt-4o"),
        ("gpt-4o-latest", "gpt-4o"), ("gpt-4o-mini", "gpt-4o-mini"), ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4o-audio-preview", nil), ("llama3.2:3b", "llama3*"), ("xgpt-4o", nil), ("", nil),
    ])
    func `a model has the price of the closest name`(_ model: String, _ expected: String?) {
        let list = PriceList([
            Self.price("gpt-4o"), Self.price("gpt-4o-mini"), Self.price("llama*"), Self.price("llama3*"),
        ])
        #expect(list.price(of: model, at: Self.now)?.model == expected)
    }

    @Test func `the operator's price wins, and the latest that has begun`() {
        let list = PriceList([
            Self.price("m", 1), Self.price("m", 2, from: Self.now), Self.price("*", 3, origin: .set),
            Self.price("m", 4, origin: .set, from: Self.now.advanced(by: .seconds(-5))),
            Self.price("m", 5, origin: .set, from: Self.now.advanced(by: .seconds(5))),
        ])
        #expect(list.price(of: "m", at: Self.now)?.input == 4)
        #expect(list.price(of: "m", at: Self.now.advanced(by: .seconds(5)))?.input == 5)
        #expect(list.price(of: "m", at: Self.now.advanced(by: .seconds(-60)))?.input == 3)
        #expect(
            PriceList([Self.price("m", 1), Self.price("m", 2, from: Self.now)]).price(of: "m", at: Self.now)?.input == 2
        )
    }

    @Test func `without a price the cost is unknown, and without tokens it is nothing`() {
        #expect(PriceList([]).cost(of: "m", input: 1, cached: 0, output: 0, at: Self.now) == nil)
        #expect(PriceList([]).cost(of: "m", input: 0, cached: 0, output: 0, at: Self.now) == 0)
    }

    @Test func `every shipped price can be read, and says where it is from`() {
        #expect(ShippedPrices.all.count == 11)
        for price in ShippedPrices.all {
            #expect(!price.note.isEmpty && price.origin == .shipped)
            #expect(price.cached <= price.input && price.input <= price.output)
        }
        #expect(PriceList(ShippedPrices.all).price(of: "gpt-4o-mini", at: Self.now)?.cached == 75_000)
    }

    @Test(arguments: [
        ("0", 0), ("12", 12_000_000), ("0.15", 150_000), (".5", 500_000), ("3.", 3_000_000), ("0.000001", 1),
        ("999999999.999999", 999_999_999_999_999),
    ])
    func `dollars are read exactly`(_ text: String, _ micros: Int64) {
        #expect(Dollars.micros(text) == micros)
    }

    @Test(arguments: ["", ".", "1.0000001", "-1", "1e3", "1,50", "$1", "1000000000", "٣", "1.2.3"])
    func `what is no amount is refused`(_ text: String) {
        #expect(Dollars.micros(text) == nil)
    }

    @Test(arguments: [
        (Int64(0), "$0.00"), (1, "$0.000001"), (75_000, "$0.075"), (12_500_000, "$12.50"), (-1_000_000, "-$1.00"),
        (.max, "$9223372036854.775807"),
    ])
    func `dollars are written with the decimals that they need`(_ micros: Int64, _ text: String) {
        #expect(Dollars.text(micros) == text)
    }

    @Test(arguments: [
        ("2026-11-21", 1, "2026-11-01 to 2026-11-30"), ("2026-11-14", 15, "2026-10-15 to 2026-11-14"),
        ("2026-11-15", 15, "2026-11-15 to 2026-12-14"), ("2026-12-31", 15, "2026-12-15 to 2027-01-14"),
        ("2027-01-01", 15, "2026-12-15 to 2027-01-14"), ("2026-02-27", 31, "2026-01-31 to 2026-02-27"),
        ("2026-02-28", 31, "2026-02-28 to 2026-03-30"), ("2028-02-29", 30, "2028-02-29 to 2028-03-29"),
        ("2026-11-21", 0, "2026-11-01 to 2026-11-30"), ("2026-11-21", 99, "2026-10-31 to 2026-11-29"),
    ])
    func `a billing period goes from its day to the day before the next`(
        _ day: String,
        _ billingDay: Int,
        _ period: String
    ) throws {
        let moment = try #require(CalendarDay(day)).start
        #expect(BillingPeriod(containing: moment, billingDay: billingDay).description == period)
    }

    @Test func `no day is in two periods or in none`() {
        for billingDay in [1, 15, 28, 29, 30, 31] {
            var last: BillingPeriod?
            for number in Int64(20_000)..<20_800 {
                let day = CalendarDay(number: number)
                let period = BillingPeriod(containing: day.start, billingDay: billingDay)
                #expect(period.first <= day && day <= period.last)
                if let last, last != period { #expect(period.first == last.last.advanced(by: 1)) }
                last = period
            }
        }
    }
}
