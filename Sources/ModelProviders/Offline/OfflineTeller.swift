import AgentKit
import ParleyCore

/// Tells what came of the tools.
struct OfflineTeller {
    let moment: OfflineMoment

    func move() -> OfflineMove {
        let told = moment.results.map {
            Told(
                $0.content,
                of: $0.tool,
                isOnlyOne: moment.results.filter(\.isLookup).count <= 1,
                threshold: moment.knowledgeThreshold
            )
        }
        let answers = told.compactMap { if case .answer(let text) = $0 { text } else { nil } }
        let notices = told.compactMap { if case .notice(let text) = $0 { text } else { nil } }
        let absences = told.compactMap { if case .absent(let text) = $0 { text } else { nil } }
        let failure = told.lazy.compactMap { if case .failed(let text) = $0 { text } else { nil } }.first

        if answers.isEmpty, let hit = moment.knowledge, failure == nil {
            return .say((notices + [hit.answer]).joined(separator: "\n\n"))
        }
        // Nothing of that name in the shop: it may be no product at all ("do you have parking?").
        if answers.isEmpty, notices.isEmpty, !absences.isEmpty, moment.has(OfflineNames.searchKnowledge),
            !moment.hasCalled(OfflineNames.searchKnowledge)
        {
            return .call([.searchingKnowledge(moment.question)])
        }
        let hasKnowledge = moment.results.contains { $0.tool == OfflineNames.searchKnowledge } && !answers.isEmpty
        var sentences = notices + answers + (hasKnowledge ? [] : absences.filter { !$0.isEmpty })
        if let failure {
            sentences.append(
                failure
                    + moment.offering(
                        " I can have someone get back to you: ",
                        otherwise: " Please try again in a little while."
                    )
            )
        }
        return sentences.isEmpty ? moment.askingBack : .say(sentences.joined(separator: "\n\n"))
    }
}

extension OfflineMoment.Result {
    fileprivate var isLookup: Bool { tool != OfflineNames.captureLead && tool != OfflineNames.handOver }
}

/// One tool's result in words. It goes by the shape of the result, not by the tool: a shop of another kind is told alike.
private enum Told {
    case answer(String)
    /// Something was done: a lead kept, a person called.
    case notice(String)
    /// Nothing was found; empty when there is nothing to say of it either.
    case absent(String)
    /// It could not be asked.
    case failed(String)

    init(_ content: String, of tool: String, isOnlyOne: Bool, threshold: Double) {
        guard let json = try? JSON(parsing: content), json.object != nil else {
            let text = content.trimmed
            if text.isEmpty {
                self = .absent("")
            } else {
                self =
                    text.lowercased().hasPrefix("error")
                    ? .failed("I can't look that up right now.")
                    : .answer(text.clipped(toUTF8: 2000))
            }
            return
        }
        if let reason = json["error"]?.text {
            self = Told.failure(reason, json["suggestion"]?.string ?? "", of: tool)
        } else if json["handed_over"]?.bool == true {
            self = .notice("I've asked a person to take over. They will reply to you here.")
        } else if let captured = json["captured"] {
            self = .notice(Told.thanks(for: captured))
        } else if let entries = json["entries"]?.array {
            let sure = entries.first { ($0["score"]?.double ?? 1) >= threshold }
            self = sure?["answer"]?.string.map { .answer($0) } ?? .absent("")
        } else if let time = json["as_of"]?.string, let result = json["result"] {
            self = LiveAnswer(result: result, time: time, tool: tool, isOnlyOne: isOnlyOne).told
        } else {
            self = LiveAnswer(result: json, time: nil, tool: tool, isOnlyOne: isOnlyOne).told
        }
    }

    private static func failure(_ reason: String, _ suggestion: String, of tool: String) -> Told {
        let asking = "ask the customer for the "
        if suggestion.hasPrefix(asking) {
            return .notice(OfflineNames.asking(for: String(suggestion.dropFirst(asking.count))))
        }
        if tool == OfflineNames.captureLead {
            return .notice(
                "I couldn't read your contact details. Could you send your e-mail address or phone number again?"
            )
        }
        if reason.contains("knows nothing") { return .absent("I couldn't find that.") }
        return .failed(
            reason.contains("shop")
                ? "I can't reach the shop right now, so I can't look that up."
                : "I can't look that up right now."
        )
    }

    private static func thanks(for captured: JSON) -> String {
        let name = captured["name"]?.string.map { ", \($0)" } ?? ""
        let ways = [captured["email"]?.string, captured["phone"]?.string].compactMap(\.self)
        guard !ways.isEmpty else {
            return "Thanks\(name), I've noted that. How can we reach you: by e-mail or by phone?"
        }
        return "Thanks\(name), I've noted \(ways.joined(separator: " and ")) so that we can get back to you."
    }
}

/// An answer of a shop or a service, in words, with the time of its fetching.
private struct LiveAnswer {
    let result: JSON
    let time: String?
    let tool: String
    let isOnlyOne: Bool

    var told: Told {
        if result["found"]?.bool == false { return .absent(nothingFound) }
        if let items = result["items"]?.array { return .answer(list(items)) }
        if let order = result["order"]?.text { return .answer(orderStatus(order)) }
        if let title = result["title"]?.text {
            let isAboutStock = tool.contains("inventory") || tool.contains("stock")
            return .answer(isAboutStock ? inventory(title) : product(title))
        }
        let facts = facts(of: result)
        return facts.isEmpty ? .absent("") : .answer(facts + asOf(" (", ")") + ".")
    }

    // MARK: Products

    private func inventory(_ title: String) -> String {
        let price = result["price"]?.text
        guard let stock else {
            return
                "We have \(title)\(price.map { " at \($0)" } ?? ""), but I can't see how many are in stock\(asOf(" (", ")"))."
        }
        guard stock != .none else {
            return "Sorry, \(title) is out of stock at the moment\(asOf(" (", ")"))." + alternatives
        }
        let isClear = isOnlyOne && result["match"]?.string != "close"
        return "Yes, \(isClear ? "" : "\(title): ")\(stock.words)\(price.map { " at \($0)" } ?? "")\(asOf(", "))."
    }

    private func product(_ title: String) -> String {
        let price = result["price"]?.text
        let stock = stock.map { $0 == .none ? "out of stock" : $0.words }
        var sentence = price.map { "\(title) costs \($0)" } ?? "We have \(title)"
        if let stock { sentence += " (\(stock))" }
        sentence += asOf(", ") + "."
        if let description = result["description"]?.text, !description.isEmpty { sentence += " " + description }
        return sentence
    }

    /// Others of the kind that are there.
    private var alternatives: String {
        let available = (result["similar"]?.array ?? []).filter { ($0["stock"]?.int ?? 0) > 0 }.prefix(2)
        let names = available.compactMap { item in
            item["title"]?.text.map { $0 + (item["price"]?.text.map { " (\($0))" } ?? "") }
        }
        return names.isEmpty ? "" : " In stock instead: \(names.joined(separator: ", "))."
    }

    private enum Stock: Equatable {
        case none
        case count(Int64)
        case some

        var words: String {
            switch self {
            case .none: "none in stock"
            case .count(let count): "\(count) in stock"
            case .some: "in stock"
            }
        }
    }

    /// nil: not said.
    private var stock: Stock? {
        if let count = result["stock"]?.int { return count > 0 ? .count(count) : Stock.none }
        return result["available"]?.bool.map { $0 ? .some : Stock.none }
    }

    private func list(_ items: [JSON]) -> String {
        let lines = items.prefix(10).map { item -> String in
            guard let title = item["title"]?.text ?? item["name"]?.text else { return "- " + facts(of: item) }
            var parts: [String] = []
            if let price = item["price"]?.text { parts.append(price) }
            if let stock = item["stock"]?.int { parts.append(stock > 0 ? "\(stock) in stock" : "out of stock") }
            return "- \(title)" + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
        }
        return "Here is what I found\(asOf(", ")):\n" + lines.joined(separator: "\n")
    }

    // MARK: Orders

    private func orderStatus(_ order: String) -> String {
        var sentence = "Your order \(order) "
        switch result["fulfillment"]?.text {
        case "shipped"?: sentence += "has been shipped"
        case "partly shipped"?: sentence += "has been partly shipped"
        case "not shipped yet"?: sentence += "has not been shipped yet"
        case let status?: sentence += "is \(status)"
        case nil: sentence += "is known, but not how far it has come"
        }
        if let shipment = result["shipment"]?.text { sentence += " (\(shipment))" }
        sentence += asOf(", ") + "."
        if let payment = result["payment"]?.text, payment != "paid" { sentence += " Payment: \(payment)." }
        let company = result["tracking_company"]?.text
        if let number = result["tracking_number"]?.text, !number.isEmpty {
            sentence += " Tracking: " + [company, number].compactMap(\.self).joined(separator: " ")
            sentence += result["tracking_url"]?.text.map { " (\($0))." } ?? "."
        }
        return sentence
    }

    // MARK: The rest

    private var nothingFound: String {
        if tool.contains("order") {
            return "I couldn't find that order\(asOf(" (", ")")). Could you check the order number?"
        }
        let titles = (result["similar"]?.array ?? []).compactMap { $0["title"]?.text }
        let asked = result["asked"]?.text.map { "“\($0)”" } ?? "anything like that"
        let suggestion = titles.isEmpty ? "" : " Did you mean \(titles.joined(separator: " or "))?"
        return "I couldn't find \(asked) in the shop\(asOf(" (", ")")).\(suggestion)"
    }

    /// "price: $5, colour: red"; what is nested or null is left out.
    private func facts(of object: JSON) -> String {
        let members = object.object?.members ?? []
        return members.filter { $0.key != "found" && $0.key != "match" }.prefix(12).compactMap { member in
            member.value.text.map { "\(String(member.key.map { $0 == "_" ? " " : $0 })): \($0)" }
        }.joined(separator: ", ")
    }

    private func asOf(_ before: String, _ after: String = "") -> String {
        time.map { "\(before)as of \($0)\(after)" } ?? ""
    }
}
