import AgentKit
import Integrations
import ParleyCore
import ParleyTesting
import Testing

@Suite struct BuiltInToolTests {
    let shop = Shop()

    @Test func `knowledge above the threshold is told and counted as used`() async throws {
        let (good, poor) = (ID<KnowledgeEntry>(at: shop.clock.now), ID<KnowledgeEntry>(at: shop.clock.now))
        let businessID = shop.context.businessID
        let tool = SearchKnowledgeTool { business, query, limit in
            #expect(business == businessID)
            #expect(query == "opening hours")
            #expect(limit == 3)
            return [
                (good, KnowledgeHit(question: "When do you open?", answer: "At nine.", score: 0.9)),
                (poor, KnowledgeHit(question: "Do you deliver?", answer: "Yes.", score: 0.1)),
            ]
        }
        let result = await tool.call(["query": "opening hours"], in: shop.context)
        #expect(try JSON(parsing: result.content)["entries"]?.array?.count == 1)
        #expect(result.effects == [.usedKnowledge(good)])
    }

    @Test func `a search that fails is told without its reason`() async {
        struct Broken: Error { let secret = "postgres://secret" }
        let result = await SearchKnowledgeTool { _, _, _ in throw Broken() }.call(["query": "x"], in: shop.context)
        #expect(result.isError)
        #expect(!result.content.contains("secret"))
    }

    @Test func `a search needs a query`() async {
        let result = await SearchKnowledgeTool { _, _, _ in [] }.call(["query": " "], in: shop.context)
        #expect(result.isError)
    }

    @Test func `a lead is kept in one spelling`() async throws {
        let arguments: JSON = [
            "name": "Ada", "email": "Ada@Example.com", "phone": "+49 170 1234567", "interest": "iPhone 15",
        ]
        let result = await CaptureLeadTool().call(arguments, in: shop.context)
        let lead = LeadDetails(name: "Ada", email: "ada@example.com", phone: "+491701234567", interest: "iPhone 15")
        #expect(result.effects == [.captureLead(lead)])
        #expect(!CaptureLeadTool().isReadOnly)
    }

    @Test(
        arguments: [["email": "no"], ["phone": "12"], [:], ["name": " "], nil, ["email": ["a@b.de"]], "a@b.de"]
            as [JSON]
    )
    func `a lead that is none has no effect`(arguments: JSON) async {
        let result = await CaptureLeadTool().call(arguments, in: shop.context)
        #expect(result.isError)
        #expect(result.effects.isEmpty)
    }

    @Test func `a hand-over gives its reason`() async {
        let result = await HandOverTool().call(["reason": "angry"], in: shop.context)
        #expect(result.effects == [.handOver(reason: "angry")])
        let without = await HandOverTool().call(nil, in: shop.context)
        #expect(without.effects == [.handOver(reason: "the customer asked for a person")])
    }

    @Test func `every definition keeps the narrowest provider's rules`() {
        let builtIn = [SearchKnowledgeTool.definition, CaptureLeadTool.definition, HandOverTool.definition]
        let preset = ShopifyPreset.endpoints(at: shop.clock.now).map(\.definition)
        for definition in builtIn + preset {
            #expect((1...64).contains(definition.name.utf8.count))
            #expect(definition.name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") })
            #expect(definition.parameters["type"] == "object")
            #expect(definition.triggers.allSatisfy { $0 == $0.lowercased() })
        }
    }
}
