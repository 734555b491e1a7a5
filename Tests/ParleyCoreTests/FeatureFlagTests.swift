import ParleyCore
import Testing

@Suite struct FeatureFlagTests {
    private static let now = Timestamp(seconds: 1_760_000_000)
    private static let business = ID<Business>(at: now)

    private static func ask(_ flags: [FeatureFlag], _ subject: String = "ann") -> FeatureFlags.Answer? {
        FeatureFlags(flags).answer("greeting", business: business, channel: "slack", subject: subject, at: now)
    }

    @Test func `the nearest scope that has not expired decides`() {
        let global = FeatureFlag("greeting", value: "global", owner: "ops")
        let channel = FeatureFlag("greeting", .channel("slack"), value: "channel", owner: "ops")
        let elsewhere = FeatureFlag("greeting", .channel("telegram"), value: "elsewhere", owner: "ops")
        let business = FeatureFlag("greeting", .business(Self.business), value: "business", owner: "ops")
        let other = FeatureFlag("greeting", .business(ID(at: Self.now)), value: "other", owner: "ops")
        let expired = FeatureFlag(
            "greeting",
            .business(Self.business),
            value: "expired",
            owner: "ops",
            expiresAt: Self.now
        )
        #expect(Self.ask([global, channel, elsewhere, business, other])?.value == "business")
        #expect(Self.ask([global, channel, elsewhere, other, expired])?.value == "channel")
        #expect(Self.ask([other, elsewhere, global])?.value == "global")
        #expect(Self.ask([other, elsewhere, expired]) == nil)
        #expect(Self.ask([FeatureFlag("farewell", value: true, owner: "ops")]) == nil)
    }

    @Test func `variants get their shares, and a subject keeps its own`() {
        let flag = FeatureFlag(
            "greeting",
            value: "old",
            variants: [.init("a", "short", percent: 20), .init("b", "long", percent: 30)],
            owner: "ops"
        )
        var counts: [String: Int] = [:]
        for number in 0..<10_000 {
            let answer = Self.ask([flag], "contact-\(number)")
            #expect(answer == Self.ask([flag], "contact-\(number)"))
            counts[answer?.variant ?? "none", default: 0] += 1
        }
        #expect((1850...2150).contains(counts["a"] ?? 0), "\(counts)")
        #expect((2850...3150).contains(counts["b"] ?? 0), "\(counts)")
        // Known by value, so that no release moves people between variants unnoticed.
        #expect((0..<6).map { Self.ask([flag], "contact-\($0)")?.variant } == Self.known)
    }

    private static let known: [String?] = ["b", nil, nil, "a", nil, nil]

    @Test func `a larger share takes nobody out of the variant`() {
        func variant(_ percent: Int, _ subject: String) -> String? {
            let variant = FeatureFlag.Variant("new", true, percent: percent)
            return Self.ask([FeatureFlag("greeting", value: false, variants: [variant], owner: "ops")], subject)?
                .variant
        }
        for number in 0..<500 where variant(10, "\(number)") == "new" { #expect(variant(50, "\(number)") == "new") }
        #expect((0..<500).allSatisfy { variant(100, "\($0)") == "new" })
        #expect((0..<500).allSatisfy { variant(0, "\($0)") == nil })
    }
}
