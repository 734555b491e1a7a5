import AgentKit
import ParleyCore
import Pipeline
import Testing

@Suite struct ContextBudgetTests {
    private static func message(_ number: Int, tokens: Int) -> ModelMessage {
        // 3.5 bytes to a token, and 4 tokens to a message.
        let text = "\(number) " + String(repeating: "x", count: max(0, (tokens - 4) * 7 / 2 - "\(number) ".utf8.count))
        return number.isMultiple(of: 2) ? .user(text: text, name: nil) : .assistant(text: text, toolCalls: [])
    }

    @Test func `what fits is kept whole, oldest first`() {
        let history = (0..<10).map { Self.message($0, tokens: 100) }
        #expect(ContextBudget.fitting(history, before: [Self.message(10, tokens: 100)]) == history)
        #expect(ContextBudget.fitting([], before: []) == [])
    }

    @Test func `the latest are kept when not all fit`() {
        let history = (0..<20).map { Self.message($0, tokens: 1000) }
        let asked = [Self.message(20, tokens: 1000)]
        let kept = ContextBudget.fitting(history, before: asked)
        #expect(!kept.isEmpty)
        #expect(kept == Array(history.suffix(kept.count)))
        #expect(ContextBudget.tokens(of: kept + asked) <= Limits.contextTokens)
        let oneMore = Array(history.suffix(kept.count + 1)) + asked
        #expect(ContextBudget.tokens(of: oneMore) > Limits.contextTokens)
    }

    @Test func `nothing is kept across a message that does not fit`() {
        let history = [Self.message(0, tokens: 10), Self.message(1, tokens: 9000), Self.message(2, tokens: 10)]
        #expect(ContextBudget.fitting(history, before: []) == Array(history.suffix(1)))
    }

    @Test func `a question beyond the budget leaves no room for history`() {
        let history = [Self.message(0, tokens: 10)]
        #expect(ContextBudget.fitting(history, before: [Self.message(1, tokens: 9000)]) == [])
    }

    @Test(arguments: [
        (0.0, "0 %"), (0.499, "50 %"), (1, "100 %"), (7, "100 %"), (-3, "0 %"), (.nan, "?"), (.infinity, "?"),
    ])
    func `a share is told in per cent`(_ share: Double, _ text: String) {
        #expect(ContextBudget.percent(share) == text)
    }
}

@Suite struct ContactMemoryTests {
    @Test func `a line is told for each thing known`() {
        let memory: JSON = [
            "name": "Ada", "email": "ada@example.com", "phone": "+4930", "interests": ["iPhone 15", "a case"],
        ]
        #expect(
            ContactMemory.lines(memory, name: "Somebody") == [
                "The customer's name is Ada.",
                "Their e-mail address is ada@example.com.",
                "Their phone number is +4930.",
                "They showed interest in: iPhone 15, a case.",
            ]
        )
        #expect(ContactMemory.lines([:], name: "Bob") == ["The customer's name is Bob."])
    }

    @Test(
        arguments: [[:], .null, [1, 2], "text", ["name": 7, "interests": "none"], ["interests": [nil, 3]]] as [JSON]
    )
    func `nothing is told of what is not known`(_ memory: JSON) {
        #expect(ContactMemory.lines(memory, name: nil) == [])
    }

    @Test func `what becomes known is added, and what is known stays`() {
        let known = ContactMemory.enriched([:], with: LeadDetails(email: "ada@example.com", interest: "iPhone"))
        #expect(known == ["email": "ada@example.com", "interests": ["iPhone"]])
        let more = ContactMemory.enriched(known, with: LeadDetails(name: "Ada", phone: "+4930", interest: "case"))
        #expect(more["email"] == "ada@example.com")
        #expect(more["name"] == "Ada")
        #expect(more["phone"] == "+4930")
        #expect(more["interests"] == ["iPhone", "case"])
        #expect(ContactMemory.enriched(more, with: LeadDetails(interest: "iPhone"))["interests"] == more["interests"])
        #expect(ContactMemory.enriched(more, with: LeadDetails(email: "new@example.com"))["email"] == "new@example.com")
    }

    @Test(arguments: [.null, "text", [1]] as [JSON])
    func `a broken memory begins anew`(_ memory: JSON) {
        #expect(ContactMemory.enriched(memory, with: LeadDetails(name: "Ada")) == ["name": "Ada"])
    }

    @Test func `the ten latest interests are remembered`() {
        let memory = (0..<15).reduce([:] as JSON) { memory, number in
            ContactMemory.enriched(memory, with: LeadDetails(interest: "thing \(number)"))
        }
        #expect(memory["interests"]?.array == (5..<15).map { .string("thing \($0)") })
    }
}
