import AgentKit
import ParleyCore

/// Reads a question, and decides what to do about it.
struct OfflineReader {
    let moment: OfflineMoment

    func move() -> OfflineMove {
        if let move = answerToOurOwnQuestion() { return move }

        let details = ContactDetails.find(in: moment.question)
        let hasDetails = (details.email ?? details.phone) != nil && moment.has(OfflineNames.captureLead)
        let finds = TriggerSearch(moment.request.tools).finds(in: hasDetails ? withoutDetails : moment.question)
        var calls = calls(for: finds)
        if hasDetails { calls = capturing(details, with: calls) }

        // What the owner wrote as the answer to just this beats a vague phrase such as "do you have …".
        let isVague = !hasDetails && (finds.map(\.strength).max() ?? 0) <= 3
        if isVague, let hit = moment.exactKnowledge { return .say(hit.answer) }
        if !calls.isEmpty { return .call(calls) }

        if let reply = SmallTalk.reply(to: moment.question) { return .say(reply) }
        if let missing = finds.compactMap(\.missing).first, moment.knowledge == nil {
            return .say(OfflineNames.asking(for: missing))
        }
        if let hit = moment.knowledge { return .say(hit.answer) }
        if moment.has(OfflineNames.searchKnowledge), !Phrase(moment.question).words.isEmpty {
            return .call([search])
        }
        return moment.askingBack
    }

    private var search: OfflineMove.Call { .searchingKnowledge(moment.question) }

    // MARK: When the last word was a question of ours

    private func answerToOurOwnQuestion() -> OfflineMove? {
        let last = moment.lastAnswer
        let words = Phrase(moment.question).words.map(\.plain)
        if last.contains(OfflineNames.offer) {
            if SmallTalk.isYes(words), moment.has(OfflineNames.handOver) {
                let reason = moment.earlierQuestions.first.map { "Asked: \($0.clipped(toUTF8: 300))" }
                return .call([
                    OfflineMove.Call(
                        tool: OfflineNames.handOver,
                        arguments: ["reason": JSON(reason ?? "The customer asked for a person.")]
                    )
                ])
            }
            if SmallTalk.isNo(words) { return .say("All right. Is there anything else I can help with?") }
        }
        guard words.count <= 6 else { return nil }
        for tool in moment.request.tools {
            for argument in tool.argumentNames where last.contains(OfflineNames.asking(for: argument)) {
                let phrase = Phrase(moment.question)
                guard case .value(let value) = SlotValue(argument, in: phrase, phrase.words.indices) else { continue }
                return .call([OfflineMove.Call(tool: tool.name, arguments: [argument: JSON(value)])])
            }
        }
        return nil
    }

    // MARK: Calls

    private func calls(for finds: [TriggerPhrase.Find]) -> [OfflineMove.Call] {
        var calls: [OfflineMove.Call] = []
        for find in finds {
            var arguments = find.arguments
            if let missing = find.missing {
                guard let earlier = lastMentioned(missing) else { continue }
                arguments[missing] = earlier
            }
            // A phrase without slots gives a tool with one required argument the question itself.
            for name in find.tool.requiredNames where arguments[name] == nil {
                arguments[name] = moment.question.clipped(toUTF8: 300)
            }
            let members = arguments.sorted { $0.key < $1.key }.map {
                JSONObject.Member(key: $0.key, value: JSON($0.value))
            }
            let call = OfflineMove.Call(tool: find.tool.name, arguments: JSONObject(members))
            if !calls.contains(where: { $0.tool == call.tool && $0.arguments == call.arguments }) { calls.append(call) }
        }
        return calls
    }

    /// What "it" is: the value that an earlier question had in the same slot.
    private func lastMentioned(_ slot: String) -> String? {
        let search = TriggerSearch(moment.request.tools)
        for question in moment.earlierQuestions.prefix(4) {
            if let value = search.finds(in: question).last(where: { $0.arguments[slot] != nil })?.arguments[slot] {
                return value
            }
        }
        return nil
    }

    private func capturing(_ details: LeadDetails, with calls: [OfflineMove.Call]) -> [OfflineMove.Call] {
        let interest = calls.lazy.compactMap { ($0.arguments["interest"] ?? $0.arguments["product"])?.string }.first
        let lead = OfflineMove.Call(
            tool: OfflineNames.captureLead,
            arguments: JSON.object(present: [
                "name": details.name.map { JSON($0) }, "email": details.email.map { JSON($0) },
                "phone": details.phone.map { JSON($0) }, "interest": interest.map { JSON($0) },
            ]).object ?? JSONObject()
        )
        return [lead] + calls.filter { $0.tool != OfflineNames.captureLead }
    }

    /// An e-mail address ends what a slot may hold.
    private var withoutDetails: String {
        moment.question.split(separator: " ").map { $0.contains("@") ? "\n" : String($0) }.joined(separator: " ")
    }
}

extension OfflineMove.Call {
    static func searchingKnowledge(_ question: String) -> OfflineMove.Call {
        OfflineMove.Call(tool: OfflineNames.searchKnowledge, arguments: ["query": JSON(question.clipped(toUTF8: 400))])
    }
}

extension ToolDefinition {
    fileprivate var argumentNames: [String] { parameters["properties"]?.object?.members.map(\.key) ?? [] }
    fileprivate var requiredNames: [String] { parameters["required"]?.array?.compactMap(\.string) ?? [] }
}
