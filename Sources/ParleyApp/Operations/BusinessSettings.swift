import ParleyCore
import Storage

/// What `parley business set` changes; nil leaves a thing as it is.
package struct BusinessChanges: Sendable {
    /// Dollars, or `none`.
    package var monthlyCostLimit: String?
    /// A number, or `none`.
    package var monthlyMessageLimit: String?
    package var billingDay: Int?
    /// `messages=14`, or `messages=default`.
    package var keep: [String]

    package init(
        monthlyCostLimit: String? = nil,
        monthlyMessageLimit: String? = nil,
        billingDay: Int? = nil,
        keep: [String] = []
    ) {
        self.monthlyCostLimit = monthlyCostLimit
        self.monthlyMessageLimit = monthlyMessageLimit
        self.billingDay = billingDay
        self.keep = keep
    }
}

// parley business set
extension Operations {
    package func setBusiness(_ id: ID<Business>, _ changes: BusinessChanges) async throws -> Report {
        _ = try await business(id)
        var members: [(String, JSON?)] = []
        if let text = changes.monthlyCostLimit {
            let limit = try text == "none" ? nil : Self.dollars(text, "--monthly-cost-limit")
            members.append((UsageLimits.Key.cost, limit.map { .integer($0) }))
        }
        if let text = changes.monthlyMessageLimit {
            guard text == "none" || (Int64(text) ?? -1) >= 0 else {
                throw OperationError("--monthly-message-limit “\(text)” is not a number", fix: "give a number, or none")
            }
            members.append((UsageLimits.Key.messages, Int64(text).map { .integer($0) }))
        }
        if let day = changes.billingDay {
            guard (1...31).contains(day) else {
                throw OperationError(
                    "--billing-day must be from 1 to 31",
                    fix: "a shorter month begins on its last day"
                )
            }
            members.append((UsageLimits.Key.billingDay, JSON(day)))
        }
        let (changed, kept) = (members, try changes.keep.map { try Self.retention($0) })
        _ = try await stores.businesses.changeSettings(of: id) { settings in
            if settings.object == nil { settings = [:] }
            for (key, value) in changed { settings[key] = value }
            for (key, value) in kept {
                var retention = settings[RetentionPolicy.key] ?? [:]
                if retention.object == nil { retention = [:] }
                retention[key] = value
                settings[RetentionPolicy.key] = retention
            }
        }
        let business = try await business(id)
        return Report(business.settingsJSON, [.fields(business.settingsFields)])
    }

    private static func retention(_ text: String) throws -> (String, JSON?) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false)
        let known = Retained.allCases.filter { $0.setting != nil }
        guard parts.count == 2, let retained = known.first(where: { $0.word == parts[0] }), let key = retained.setting
        else {
            throw OperationError(
                "--keep “\(text)” is not understood",
                fix: "write WHAT=DAYS, where WHAT is one of \(known.map(\.word).joined(separator: ", "))"
            )
        }
        if parts[1] == "default" { return (key, nil) }
        guard let days = Int(parts[1]), (retained.minimum...Limits.retentionDaysMaximum).contains(days) else {
            throw OperationError(
                "--keep “\(text)”: the days must be from \(retained.minimum) to \(Limits.retentionDaysMaximum)",
                fix: "or write \(parts[0])=default"
            )
        }
        return (key, JSON(days))
    }
}

extension Retained {
    /// What people call it: `tool-executions`.
    package var word: String {
        switch self {
        case .turnTexts: "turn-texts"
        case .messages: "messages"
        case .toolExecutions: "tool-executions"
        case .turns: "turns"
        case .journey: "journey"
        case .inbox: "inbox"
        case .deliveries: "deliveries"
        case .deadLetters: "dead-letters"
        case .analytics: "analytics"
        }
    }
}

extension BusinessRecord {
    private var limits: UsageLimits { UsageLimits(settings: settings) }

    var settingsJSON: JSON {
        let policy = RetentionPolicy(settings: settings)
        let days = Retained.allCases.compactMap { retained in
            retained.setting.map { JSONObject.Member(key: $0, value: JSON(policy[retained])) }
        }
        var json = limits.json
        json["retention"] = .object(JSONObject(days))
        return json
    }

    var settingsFields: [(String, String)] {
        let policy = RetentionPolicy(settings: settings)
        return [
            ("cost limit", Operations.limit(limits.monthlyCostMicros.map { "\(Dollars.text($0)) a month" })),
            ("message limit", Operations.limit(limits.monthlyMessages.map { "\($0) a month" })),
            ("billing day", "\(limits.billingDay)"),
            (
                "keeps",
                Retained.allCases.filter { $0.setting != nil }.map { "\($0.word) \(policy[$0])" }
                    .joined(separator: ", ") + " days"
            ),
        ]
    }
}
