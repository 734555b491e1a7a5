import ParleyCore
import Storage

// parley usage
extension Operations {
    /// What a business spent in a billing period; without `month` in the present one.
    package func showUsage(of id: ID<Business>, month: String?) async throws -> Report {
        let business = try await business(id)
        let limits = UsageLimits(settings: business.settings)
        let period = try Self.period(month, billingDay: limits.billingDay, now: workbench.clock.now)
        let standing = UsageStanding(
            period: period,
            limits: limits,
            totals: try await stores.usage.totals(of: id, in: period)
        )
        let models = Self.byModel(
            try await stores.usage.usage(
                of: id,
                from: period.first.description,
                through: period.last.description
            )
        )
        var json = standing.json
        json["business_id"] = JSON(id.description)
        json["models"] = .array(models.map { model, totals in (["model": JSON(model)] as JSON).with(totals) })
        return Report(
            json,
            [
                .fields([
                    ("business", business.name),
                    ("period", period.description),
                    ("cost", Self.cost(standing.totals)),
                    ("cost limit", Self.limit(limits.monthlyCostMicros.map(Dollars.text))),
                    ("messages", "\(standing.totals.messages)"),
                    ("message limit", Self.limit(limits.monthlyMessages.map { "\($0)" })),
                ])
            ]
                + (standing.reached.map {
                    [.check(.note, "The limit \($0.rule) is reached: \($0.value)", fix: Self.raise(id))]
                }
                    ?? [])
                + (models.isEmpty ? [.line("Nothing was spent in it.")] : [Self.table(models)])
        )
    }

    /// The businesses that spent most in a calendar month, or from one day to another.
    package func topUsage(
        by order: UsageOrder,
        month: String?,
        from: String?,
        through: String?,
        upTo count: Int
    )
        async throws -> Report
    {
        let month = try Self.period(month, billingDay: 1, now: workbench.clock.now)
        let first = try from.map { try Self.day($0) } ?? month.first
        let last = try through.map { try Self.day($0) } ?? (from == nil ? month.last : CalendarDay(workbench.clock.now))
        guard first <= last else {
            throw OperationError("\(first) is after \(last)", fix: "give the earlier day with --from")
        }
        let top = try await stores.usage.top(
            by: order == .cost ? .cost : .messages,
            from: first.description,
            through: last.description,
            upTo: count
        )
        return Report(
            top.map { (["business_id": JSON($0.id.description), "name": JSON($0.name)] as JSON).with($0.totals) },
            ["BUSINESS", "NAME", "MESSAGES", "TOKENS IN", "TOKENS OUT", "COST"],
            top.map {
                [
                    $0.id.description, $0.name, "\($0.totals.messages)", "\($0.totals.tokensIn)",
                    "\($0.totals.tokensOut)",
                    Dollars.text($0.totals.costMicros) + ($0.totals.unpricedMessages > 0 ? " and more" : ""),
                ]
            },
            whenEmpty: "Nobody spent anything from \(first) to \(last)."
        )
    }

    package func listPrices() async throws -> Report {
        let prices = try await stores.prices.list().prices
        return Report(
            prices.map(\.json),
            ["MODEL", "PROMPT", "CACHED", "ANSWER", "FROM", "ORIGIN", "NOTE"],
            prices.map {
                [
                    $0.model, Dollars.text($0.input), Dollars.text($0.cached), Dollars.text($0.output),
                    $0.validFrom.seconds == 0 ? "always" : $0.validFrom.day, $0.origin.rawValue, $0.note,
                ]
            },
            whenEmpty: "There is no price. Set one with: parley usage prices set MODEL --input DOLLARS --output DOLLARS"
        )
    }

    /// Prices in dollars per million tokens.
    package func setPrice(
        of model: String,
        input: String,
        output: String,
        cached: String?,
        from: String?,
        note: String
    ) async throws -> Report {
        let model = model.trimmed
        guard (1...200).contains(model.utf8.count), model.dropLast().allSatisfy({ $0 != "*" }) else {
            throw OperationError(
                "“\(model)” is not a model's name",
                fix: "give the name that the provider answers with, or the beginning of names with a star at the end"
            )
        }
        let price = ModelPrice(
            model: model,
            input: try Self.dollars(input, "--input"),
            output: try Self.dollars(output, "--output"),
            cached: try cached.map { try Self.dollars($0, "--cached") },
            validFrom: try from.map { try Self.day($0).start } ?? workbench.clock.now,
            origin: .set,
            note: note
        )
        try await stores.prices.set(price)
        return Report(
            price.json,
            "\(model) costs \(Dollars.text(price.input)) for a million prompt tokens (\(Dollars.text(price.cached)) cached) "
                + "and \(Dollars.text(price.output)) for a million of the answer, for turns from \(price.validFrom.dayAndTime) on. "
                + "What is recorded already stays as it is."
        )
    }
}

package enum UsageOrder: String, Sendable, CaseIterable { case cost, messages }

// MARK: - Reading and telling

extension Operations {
    private static func period(_ month: String?, billingDay: Int, now: Timestamp) throws -> BillingPeriod {
        guard let month else { return BillingPeriod(containing: now, billingDay: billingDay) }
        guard let period = BillingPeriod(month: month, billingDay: billingDay) else {
            throw OperationError("“\(month)” is not a month", fix: "write it as YYYY-MM: the period that begins in it")
        }
        return period
    }

    private static func day(_ text: String) throws -> CalendarDay {
        guard let day = CalendarDay(text) else {
            throw OperationError("“\(text)” is not a day", fix: "write it as YYYY-MM-DD")
        }
        return day
    }

    static func dollars(_ text: String, _ option: String) throws -> Int64 {
        let text = text.hasPrefix("$") ? String(text.dropFirst()) : text
        guard let micros = Dollars.micros(text), micros <= ModelPrice.maximum else {
            throw OperationError(
                "\(option) “\(text)” is not an amount of dollars",
                fix: "write it as 0.15: at most six decimals, at most a million"
            )
        }
        return micros
    }

    private static func byModel(_ records: [UsageRecord]) -> [(String, UsageTotals)] {
        var totals: [String: UsageTotals] = [:]
        for record in records { totals[record.model, default: UsageTotals()].add(record) }
        return totals.sorted { ($1.value.costMicros, $0.key) < ($0.value.costMicros, $1.key) }
    }

    private static func table(_ models: [(String, UsageTotals)]) -> Report.Block {
        .table(
            ["MODEL", "MESSAGES", "TOKENS IN", "CACHED", "TOKENS OUT", "TOOL CALLS", "COST"],
            models.map { model, totals in
                [
                    model, "\(totals.messages)", "\(totals.tokensIn)", "\(totals.tokensCached)", "\(totals.tokensOut)",
                    "\(totals.toolCalls)", cost(totals),
                ]
            }
        )
    }

    private static func cost(_ totals: UsageTotals) -> String {
        switch totals.unpricedMessages {
        case 0: Dollars.text(totals.costMicros)
        case totals.messages: "unknown: no price"
        case let count: "\(Dollars.text(totals.costMicros)), and \(count) messages without a price"
        }
    }

    static func limit(_ text: String?) -> String { text ?? "none" }

    private static func raise(_ id: ID<Business>) -> String {
        "raise it with: parley business set \(id) --monthly-cost-limit DOLLARS --monthly-message-limit N"
    }
}

extension UsageTotals {
    mutating func add(_ record: UsageRecord) {
        func sum(_ total: inout Int64, _ more: Int64) {
            let (value, overflow) = total.addingReportingOverflow(more)
            total = overflow ? .max : value
        }
        sum(&messages, Int64(record.messages))
        sum(&tokensIn, Int64(record.tokensIn))
        sum(&tokensOut, Int64(record.tokensOut))
        sum(&tokensCached, Int64(record.tokensCached))
        sum(&toolCalls, Int64(record.toolCalls))
        sum(&costMicros, record.costMicros)
        sum(&unpricedMessages, Int64(record.unpricedMessages))
    }

    var json: JSON {
        [
            "messages": .integer(messages), "tokens_in": .integer(tokensIn), "tokens_out": .integer(tokensOut),
            "tokens_cached": .integer(tokensCached), "tool_calls": .integer(toolCalls),
            "cost_micros": .integer(costMicros), "unpriced_messages": .integer(unpricedMessages),
        ]
    }
}

extension JSON {
    /// With the sums of what it is about.
    fileprivate func with(_ totals: UsageTotals) -> JSON {
        .object(JSONObject((object?.members ?? []) + (totals.json.object?.members ?? [])))
    }
}

extension UsageLimits {
    var json: JSON {
        [
            Key.cost: monthlyCostMicros.map { .integer($0) } ?? .null,
            Key.messages: monthlyMessages.map { .integer($0) } ?? .null,
            Key.billingDay: JSON(billingDay),
        ]
    }
}

extension UsageStanding {
    fileprivate var json: JSON {
        [
            "period": ["first": JSON(period.first.description), "last": JSON(period.last.description)],
            "totals": totals.json,
            "limits": limits.json,
            "reached": reached.map { JSON($0.rule) } ?? .null,
        ]
    }
}

extension ModelPrice {
    fileprivate var json: JSON {
        [
            "model": JSON(model), "origin": JSON(origin.rawValue), "valid_from": JSON(validFrom.description),
            "input_micros": .integer(input), "cached_micros": .integer(cached), "output_micros": .integer(output),
            "note": JSON(note),
        ]
    }
}
