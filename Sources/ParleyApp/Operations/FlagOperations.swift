import ChannelKit
import ParleyCore
import Pipeline
import Storage

/// What `parley flag set` was given, as it was written.
package struct FlagDraft: Sendable {
    package var name: String
    package var business: ID<Business>?
    package var channel: String?
    /// What holds for everybody who has no variant; nil for nothing.
    package var value: String?
    /// `brief=10:openai:gpt-4o-mini`
    package var variants: [String]
    package var owner: String
    /// The last day on which it holds.
    package var through: String?

    package init(
        _ name: String,
        business: ID<Business>? = nil,
        channel: String? = nil,
        value: String? = nil,
        variants: [String] = [],
        owner: String,
        through: String? = nil
    ) {
        self.name = name
        self.business = business
        self.channel = channel
        self.value = value
        self.variants = variants
        self.owner = owner
        self.through = through
    }
}

// parley flag
extension Operations {
    /// - Parameter business: only what holds for it, the house's flags among it; nil lists all.
    package func listFlags(for business: ID<Business>?) async throws -> Report {
        if let business { _ = try await self.business(business) }
        let now = workbench.clock.now
        let flags = try await stores.flags.list().filter { flag in
            guard let business, case .business(let id) = flag.scope else { return true }
            return id == business
        }
        return Report(
            flags.map { $0.json(at: now) },
            ["FLAG", "FOR", "VALUE", "VARIANTS", "OWNER", "THROUGH"],
            flags.map { flag in
                [
                    flag.name, flag.scope.words, flag.value.brief,
                    flag.variants.map { "\($0.name) \($0.percent) %: \($0.value.brief)" }.joined(separator: "; "),
                    flag.owner, flag.lastDay + (flag.hasExpired(at: now) ? ", expired" : ""),
                ]
            },
            whenEmpty: "There is no flag. Set one with: parley flag set NAME --value VALUE --owner NAME"
        )
    }

    package func setFlag(_ draft: FlagDraft) async throws -> Report {
        let (flag, scope) = (try Self.flag(draft.name), try await scope(draft.business, draft.channel))
        guard draft.value != nil || !draft.variants.isEmpty else {
            throw OperationError("--value is missing", fix: "give --value, or --variant for a share of the contacts")
        }
        let owner = draft.owner.trimmed
        guard (1...200).contains(owner.unicodeScalars.count) else {
            throw OperationError("--owner must have 1 to 200 characters", fix: "name who is asked about the flag")
        }
        let existing = try await stores.flags.list()
        let isNew = !existing.contains { $0.name == flag.rawValue && $0.scope == scope }
        guard !isNew || existing.count < Limits.featureFlags else {
            throw OperationError(
                "there are \(Limits.featureFlags) flags, which is all that there may be",
                fix: "remove what is over with: parley flag unset; what holds for good is a setting of the agent"
            )
        }
        let made = FeatureFlag(
            flag.rawValue,
            scope,
            value: try await value(draft.value, of: flag, for: draft.business, option: "--value"),
            variants: try await variants(draft.variants, of: flag, for: draft.business),
            owner: owner,
            expiresAt: try draft.through.map { try expiry($0) }
        )
        try await stores.flags.set(made)
        let doubts = try made.models.compactMap { try check(model: $0, "--value") }
        return Report(
            made.json(at: workbench.clock.now),
            [
                .line(
                    "\(flag.rawValue) is set for \(scope.words). A running gateway heeds it within a few seconds, and parley why tells of it."
                )
            ] + doubts
        )
    }

    package func unsetFlag(_ name: String, business: ID<Business>?, channel: String?) async throws -> Report {
        let scope = try await scope(business, channel)
        guard try await stores.flags.unset(name, scope) else {
            throw OperationError(
                "there is no flag “\(name)” for \(scope.words)",
                fix: "see what there is with: parley flag list; --business or --channel says whose it is"
            )
        }
        return Report(["name": JSON(name), "is_set": false], "\(name) is no longer set for \(scope.words).")
    }
}

// MARK: - Reading

extension Operations {
    private static func flag(_ name: String) throws -> Flag {
        guard let flag = Flag(rawValue: name) else {
            let known = Flag.allCases.map { "\($0.rawValue) (\($0.expectation))" }.joined(separator: ", ")
            throw OperationError("nothing heeds a flag “\(name)”", fix: "it is one of \(known)")
        }
        return flag
    }

    private func scope(_ business: ID<Business>?, _ channel: String?) async throws -> FeatureFlag.Scope {
        switch (business, channel) {
        case (nil, nil): return .global
        case (let id?, nil): return .business(try await self.business(id).id)
        case (nil, let name?):
            guard workbench.channels[ChannelID(name)] != nil else {
                let known = workbench.channels.all.map(\.id.name).joined(separator: ", ")
                throw OperationError("--channel “\(name)” is not spoken", fix: "it is one of \(known)")
            }
            return .channel(ChannelID(name))
        case (_?, _?):
            throw OperationError(
                "--business and --channel cannot both be given",
                fix: "a flag is for a business, for a channel, or with neither for all"
            )
        }
    }

    private func expiry(_ text: String) throws -> Timestamp {
        guard let day = CalendarDay(text) else {
            throw OperationError(
                "--through “\(text)” is not a day",
                fix: "write it as YYYY-MM-DD: the last day, in UTC"
            )
        }
        let end = day.advanced(by: 1).start
        guard end > workbench.clock.now else {
            throw OperationError("--through \(text) is over", fix: "give today or a later day, in UTC")
        }
        return end
    }

    /// - Parameter text: `@FILE` reads a file; `none` is null.
    private func value(
        _ text: String?,
        of flag: Flag,
        for business: ID<Business>?,
        option: String
    ) async throws -> JSON {
        guard var text, text != "none" else { return .null }
        if flag == .instructions, text.hasPrefix("@") {
            text = try InputFile(String(text.dropFirst())).text(upTo: Limits.featureFlagBytes)
        }
        text = text.trimmed
        guard text.utf8.count <= Limits.featureFlagBytes else {
            throw OperationError("\(option) is longer than \(Limits.featureFlagBytes >> 10) KiB", fix: "shorten it")
        }
        let value: JSON? =
            switch flag {
            case .model, .instructions: .string(text)
            case .withoutTools: .array(text.split(separator: ",").map { .string(String($0).trimmed) })
            case .typing: ["on": true, "true": true, "off": false, "false": false][text].map { .bool($0) }
            }
        guard let value, flag.problem(with: value) == nil else {
            throw OperationError("\(option) “\(text.clipped(toUTF8: 60))” is not \(flag.expectation)", fix: "")
        }
        if flag == .model { _ = try check(model: text, option) }
        if flag == .withoutTools { try await check(tools: value.array?.compactMap(\.string) ?? [], business, option) }
        return value
    }

    private func check(tools names: [String], _ business: ID<Business>?, _ option: String) async throws {
        let known: Set<String>
        let problem: String
        let fix: String
        if let business {
            known = Set(try await stores.tools.list(of: business).map(\.tool.name))
            (problem, fix) = (
                "this business has no tool", "see its tools with: parley tool list --business \(business)"
            )
        } else {
            known = Catalogue.names(at: workbench.clock.now)
            (problem, fix) = ("there is no tool", "it is one of \(known.sorted().joined(separator: ", "))")
        }
        for name in names where !known.contains(name) {
            throw OperationError("\(option): \(problem) “\(name.clipped(toUTF8: 60))”", fix: fix)
        }
    }

    /// `brief=10:VALUE` each.
    private func variants(
        _ texts: [String],
        of flag: Flag,
        for business: ID<Business>?
    ) async throws -> [FeatureFlag.Variant] {
        var variants: [FeatureFlag.Variant] = []
        for text in texts {
            let option = "--variant “\(text.clipped(toUTF8: 60))”"
            guard let match = text.wholeMatch(of: #/([A-Za-z0-9_-]{1,32})=([0-9]{1,3}):(.+)/#.dotMatchesNewlines()),
                let percent = Int(match.2), (1...100).contains(percent)
            else {
                throw OperationError(
                    "\(option) is not understood",
                    fix: "write NAME=PERCENT:VALUE, as in brief=10:openai:gpt-4o-mini; a percent is from 1 to 100"
                )
            }
            guard !variants.contains(where: { $0.name == match.1 }) else {
                throw OperationError("two variants are called “\(match.1)”", fix: "give each a name of its own")
            }
            let value = try await value(String(match.3), of: flag, for: business, option: option)
            variants.append(FeatureFlag.Variant(String(match.1), value, percent: percent))
        }
        guard variants.reduce(0, { $0 + $1.percent }) <= 100 else {
            throw OperationError(
                "the variants have more than 100 percent together",
                fix: "what they leave over has --value"
            )
        }
        return variants
    }
}

// MARK: - Telling

extension FeatureFlag {
    func hasExpired(at now: Timestamp) -> Bool { expiresAt.map { $0 <= now } ?? false }

    /// The names of models that it gives to anybody; none, unless it is about models.
    var models: Set<String> {
        guard name == Flag.model.rawValue else { return [] }
        return Set(([value] + variants.map(\.value)).compactMap(\.string))
    }

    fileprivate var lastDay: String {
        expiresAt.map { CalendarDay($0.advanced(by: .microseconds(-1))).description } ?? "for good"
    }

    func json(at now: Timestamp) -> JSON {
        [
            "name": JSON(name), "scope": JSON(scope.word), "channel": scope.channel.map { JSON($0.name) } ?? .null,
            "business_id": scope.business.map { JSON($0.description) } ?? .null, "value": value,
            "variants": .array(
                variants.map { ["name": JSON($0.name), "percent": JSON($0.percent), "value": $0.value] }
            ),
            "owner": JSON(owner), "expires_at": expiresAt.map { JSON($0.description) } ?? .null,
            "has_expired": .bool(hasExpired(at: now)),
        ]
    }
}

extension FeatureFlag.Scope {
    fileprivate var word: String {
        switch self {
        case .global: "global"
        case .channel: "channel"
        case .business: "business"
        }
    }

    fileprivate var words: String {
        switch self {
        case .global: "all"
        case .channel(let channel): "the channel \(channel)"
        case .business(let id): "the business \(id)"
        }
    }

    fileprivate var channel: ChannelID? { if case .channel(let id) = self { id } else { nil } }
    fileprivate var business: ID<Business>? { if case .business(let id) = self { id } else { nil } }
}

extension JSON {
    /// For a column of a table.
    fileprivate var brief: String {
        if let bool { return bool ? "on" : "off" }
        return isNull
            ? "as without it" : (array?.compactMap(\.text).joined(separator: ", ") ?? text ?? "").clipped(toUTF8: 40)
    }
}
