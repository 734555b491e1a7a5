import ChannelKit
import ParleyCore
import Pipeline
import Testing

@Suite struct GatesTests {
    private static let now = Timestamp(seconds: 1_760_000_000)

    private static let open = Gates.Values(
        isBusinessActive: true,
        isIntegrationActive: true,
        isConversationActive: true,
        isOwnedByHuman: false,
        hasReplyInThread: false,
        now: now
    )

    private static func event(_ change: (inout InboundEvent) -> Void = { _ in }) -> InboundEvent {
        var event = InboundEvent(
            kind: .message,
            dedupeKey: "1",
            conversationKey: "chat",
            position: 1,
            occurredAt: now,
            text: "Hello"
        )
        change(&event)
        return event
    }

    private static func decide(
        _ event: InboundEvent = event(),
        _ change: (inout Gates.Values) -> Void = { _ in }
    ) -> [GateDecision] {
        var values = open
        change(&values)
        return Gates.decide(event, values)
    }

    @Test func `a plain question passes every gate, in order`() {
        let decisions = Self.decide()
        #expect(decisions.map(\.isOpen) == Array(repeating: true, count: 7))
        #expect(
            decisions.map(\.rule) == [
                "business_active", "integration_active", "age", "content", "addressed", "conversation_active", "owner",
            ]
        )
    }

    @Test func `the first closed gate decides, and later ones are not asked`() {
        let decisions = Self.decide { values in
            values.isIntegrationActive = false
            values.isOwnedByHuman = true
        }
        #expect(decisions.map(\.rule) == ["business_active", "integration_active"])
        #expect(decisions.map(\.isOpen) == [true, false])
    }

    @Test func `an inactive business is silent and keeps nothing`() throws {
        let last = try #require(Self.decide { $0.isBusinessActive = false }.last)
        #expect(last == .closed("business_active", "false"))
        #expect(!last.keepsMessage)
        #expect(last.notice == nil)
    }

    @Test func `an inactive conversation keeps what is written in it`() {
        let last = Self.decide { $0.isConversationActive = false }.last
        #expect(last == .closed("conversation_active", "false", keepsMessage: true))
    }

    @Test func `what a human owns is kept, and whoever must hear something hears of the human`() throws {
        let last = try #require(Self.decide { $0.isOwnedByHuman = true }.last)
        #expect(last.rule == "owner")
        #expect(last.value == "human")
        #expect(!last.isOpen)
        #expect(last.keepsMessage)
        #expect(last.notice?.contains("person") == true)
    }

    @Test(arguments: [(86_400, true), (86_401, false), (-600, true)])
    func `a day old is answered, older is only kept`(_ age: Int64, _ isAnswered: Bool) throws {
        let event = Self.event { $0.occurredAt = Timestamp(seconds: Self.now.seconds - age) }
        let decision = try #require(Self.decide(event).first { $0.rule == "age" })
        #expect(decision.isOpen == isAnswered)
        #expect(decision.keepsMessage == !isAnswered)
    }

    @Test(arguments: [Int64.min, .max])
    func `an absurd time traps nobody`(_ microseconds: Int64) {
        let event = Self.event { $0.occurredAt = Timestamp(microseconds: microseconds) }
        let decision = Self.decide(event).first { $0.rule == "age" }
        #expect(decision?.isOpen == (microseconds > 0))
    }

    @Test(arguments: ["", "  \n\t"])
    func `empty text is not answered, except with an attachment`(_ text: String) throws {
        let empty = try #require(Self.decide(Self.event { $0.text = text }).last)
        #expect(empty.rule == "content")
        #expect(!empty.isOpen)
        #expect(empty.notice != nil)
        let picture = Self.event {
            $0.text = text
            $0.attachments = [InboundEvent.Attachment(kind: "image")]
        }
        #expect(Self.decide(picture).last?.rule == "owner")
    }

    @Test(arguments: [
        (true, false, false, false, "direct"), (false, true, false, false, "mention"),
        (false, false, true, true, "thread"),
    ])
    func `who is addressed answers`(
        _ isDirect: Bool,
        _ isAddressed: Bool,
        _ isThread: Bool,
        _ hasReply: Bool,
        _ value: String
    ) throws {
        let event = Self.event {
            $0.isDirect = isDirect
            $0.isAddressed = isAddressed
            $0.isThread = isThread
        }
        let decisions = Self.decide(event) { $0.hasReplyInThread = hasReply }
        #expect(decisions.first { $0.rule == "addressed" } == .open("addressed", value))
    }

    @Test(arguments: [(false, true), (true, false), (false, false)])
    func `talk among others is neither answered nor kept`(_ isThread: Bool, _ hasReply: Bool) throws {
        let event = Self.event {
            $0.isDirect = false
            $0.isAddressed = false
            $0.isThread = isThread
        }
        let last = try #require(Self.decide(event) { $0.hasReplyInThread = hasReply }.last)
        #expect(last.rule == "addressed")
        #expect(!last.isOpen)
        #expect(!last.keepsMessage)
        #expect(last.notice == nil)
    }
}
