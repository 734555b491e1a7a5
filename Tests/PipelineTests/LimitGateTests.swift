import ChannelKit
import ParleyCore
import Pipeline
import Storage
import Testing

@Suite struct LimitGateTests {
    private static let now = Timestamp(seconds: 1_760_000_000)

    private static func decide(
        _ limits: UsageLimits,
        cost: Int64 = 0,
        messages: Int64 = 0,
        hasTold: Bool = false,
        isOwnedByHuman: Bool = false
    ) -> GateDecision? {
        var totals = UsageTotals()
        (totals.costMicros, totals.messages) = (cost, messages)
        let values = Gates.Values(
            isBusinessActive: true,
            isIntegrationActive: true,
            isConversationActive: true,
            isOwnedByHuman: isOwnedByHuman,
            hasReplyInThread: false,
            standing: UsageStanding(period: BillingPeriod(containing: now), limits: limits, totals: totals),
            hasToldOfLimit: hasTold,
            now: now
        )
        let event = InboundEvent(
            kind: .message,
            dedupeKey: "1",
            conversationKey: "chat",
            position: 1,
            occurredAt: now,
            text: "Hello"
        )
        return Gates.decide(event, values).last
    }

    @Test func `below its limits a business is answered, and the journey says how far it is`() throws {
        let open = try #require(Self.decide(UsageLimits(monthlyCostMicros: 5_000_000), cost: 4_999_999))
        #expect(open == .open("monthly_cost", "$4.999999 of $5.00"))
        #expect(Self.decide(UsageLimits(monthlyMessages: 3), messages: 2) == .open("monthly_messages", "2 of 3"))
    }

    @Test func `at a limit the message is kept and everybody hears of it once`() throws {
        let closed = try #require(Self.decide(UsageLimits(monthlyCostMicros: 5_000_000), cost: 5_000_000))
        #expect(!closed.isOpen && closed.keepsMessage && closed.isSaidAloud && closed.isOfLimit)
        #expect(closed.rule == "monthly_cost")
        #expect(closed.value == "$5.00 of $5.00, 2025-10-01 to 2025-10-31")
        #expect(closed.notice?.isEmpty == false)
        let again = try #require(Self.decide(UsageLimits(monthlyMessages: 3), messages: 9, hasTold: true))
        #expect(!again.isOpen && again.keepsMessage && !again.isSaidAloud)
        #expect(again.rule == "monthly_messages")
        #expect(again.value == "9 of 3, 2025-10-01 to 2025-10-31, said before")
    }

    @Test func `what a human answers costs nothing and is not held up`() {
        #expect(Self.decide(UsageLimits(monthlyMessages: 0), isOwnedByHuman: true)?.rule == "owner")
    }

    @Test func `limits are read from settings, and nonsense is no limit`() {
        let limits = UsageLimits(
            settings: ["monthly_cost_limit_micros": 7, "monthly_message_limit": -3, "billing_day": 77]
        )
        #expect(limits == UsageLimits(monthlyCostMicros: 7, monthlyMessages: 0, billingDay: 31))
        #expect(!UsageLimits(settings: ["monthly_cost_limit_micros": "much"]).areSet)
        #expect(!UsageLimits(settings: nil).areSet)
    }
}
