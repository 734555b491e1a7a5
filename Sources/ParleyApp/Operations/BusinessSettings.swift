import CoordinationKit
import ParleyCore
import Storage

/// What `parley business set` changes; nil leaves a thing as it is.
package struct BusinessChanges: Sendable {
    /// Dollars, or `none`.
    package var monthlyCostLimit: String?
    /// A number, or `none`.
    package var monthlyMessageLimit: String?
    package var billingDay: Int?
    /// A number, `none` or `default`.
    package var contactLimit: String?
    /// `messages=14`, or `messages=default`.
    package var keep: [String]

    package init(
        monthlyCostLimit: String? = nil,
        monthlyMessageLimit: String? = nil,
        billingDay: Int? = nil,
        contactLimit: String? = nil,
        keep: [String] = []
    ) {
        self.monthlyCostLimit = monthlyCostLimit
        self.monthlyMessageLimit = monthlyMessageLimit
        self.billingDay = billingDay
        self.contactLimit = contactLimit
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
        if let text = changes.contactLimit {
            members.append((ContactLimit.key, try ContactLimit.setting(text)))
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
        return Report(settingsJSON(of: business), [.fields(settingsFields(of: business))])
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

// MARK: - Telling

extension Operations {
    func settingsJSON(of business: BusinessRecord) -> JSON {
        let policy = RetentionPolicy(settings: business.settings)
        let days = Retained.allCases.compactMap { retained in
            retained.setting.map { JSONObject.Member(key: $0, value: JSON(policy[retained])) }
        }
        var json = UsageLimits(settings: business.settings).json
        json[ContactLimit.key] = contactLimit(of: business).map { JSON($0.count) } ?? .null
        json["retention"] = .object(JSONObject(days))
        return json
    }

    func settingsFields(of business: BusinessRecord) -> [(String, String)] {
        let policy = RetentionPolicy(settings: business.settings)
        let limits = UsageLimits(settings: business.settings)
        return [
            ("cost limit", Operations.limit(limits.monthlyCostMicros.map { "\(Dollars.text($0)) a month" })),
            ("message limit", Operations.limit(limits.monthlyMessages.map { "\($0) a month" })),
            ("billing day", "\(limits.billingDay)"),
            ("contact limit", Operations.limit(contactLimit(of: business).map { "\($0.count) messages a minute" })),
            (
                "keeps",
                Retained.allCases.filter { $0.setting != nil }.map { "\($0.word) \(policy[$0])" }
                    .joined(separator: ", ") + " days"
            ),
        ]
    }

    private func contactLimit(of business: BusinessRecord) -> RequestLimit? {
        ContactLimit.of(business.settings, orElse: workbench.settings.contactLimit)
    }
}

/// How many messages of one contact are answered in a minute: the business's own, or the house's.
enum ContactLimit {
    static let key = "contact_limit_per_minute"

    /// Nil for no limit.
    static func of(_ settings: JSON, orElse house: Int) -> RequestLimit? {
        let count = settings[key]?.int.map { Int(clamping: $0) } ?? house
        return RequestLimit(min(count, Limits.contactMessagesMaximum), per: Limits.requestWindow)
    }

    /// What `--contact-limit` means: nil takes the business's own away, 0 is none.
    static func setting(_ text: String) throws -> JSON? {
        if text == "default" { return nil }
        if text == "none" { return 0 }
        guard let count = Int(text), (1...Limits.contactMessagesMaximum).contains(count) else {
            throw OperationError(
                "--contact-limit “\(text)” is not a number from 1 to \(Limits.contactMessagesMaximum)",
                fix: "give one, none, or default"
            )
        }
        return JSON(count)
    }
}
