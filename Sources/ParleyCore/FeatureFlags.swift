/// A switch that an operator sets, for everybody, for a channel or for a business.
package struct FeatureFlag: Sendable, Equatable {
    package enum Scope: Sendable, Hashable {
        case global
        case channel(ChannelID)
        case business(ID<Business>)
    }

    /// One of several values that subjects are spread over.
    package struct Variant: Sendable, Equatable {
        package let name: String
        package let value: JSON
        /// Of 100; what the variants leave over has the flag's own value.
        package let percent: Int

        package init(_ name: String, _ value: JSON, percent: Int) {
            self.name = name
            self.value = value
            self.percent = min(max(percent, 0), 100)
        }
    }

    package let name: String
    package let scope: Scope
    package let value: JSON
    package let variants: [Variant]
    /// Who is asked about it.
    package let owner: String
    /// From then on the flag says nothing; nil for never.
    package let expiresAt: Timestamp?

    package init(
        _ name: String,
        _ scope: Scope = .global,
        value: JSON,
        variants: [Variant] = [],
        owner: String,
        expiresAt: Timestamp? = nil
    ) {
        self.name = name
        self.scope = scope
        self.value = value
        self.variants = variants
        self.owner = owner
        self.expiresAt = expiresAt
    }
}

/// The flags as they were read from where they are kept. Pure: the same flags say the same on every node.
package struct FeatureFlags: Sendable {
    /// What a flag says, whose it is, and which variant it was.
    package struct Answer: Sendable, Equatable {
        package let value: JSON
        package let variant: String?
        package let scope: FeatureFlag.Scope
    }

    private let flags: [String: [FeatureFlag]]

    package init(_ flags: [FeatureFlag]) { self.flags = Dictionary(grouping: flags, by: \.name) }

    package var isEmpty: Bool { flags.isEmpty }

    /// What the flag says to `subject`, such as a contact's id; nil when there is none, or all have expired.
    ///
    /// A business's own flag comes before its channel's, and that before the one for everybody. A subject keeps its
    /// variant for as long as the shares stay as they are: it is worked out from its name and the flag's, and not kept.
    package func answer(
        _ name: String,
        business: ID<Business>,
        channel: ChannelID? = nil,
        subject: String,
        at now: Timestamp
    ) -> Answer? {
        let scopes = [.business(business), channel.map { .channel($0) }, .global] as [FeatureFlag.Scope?]
        let live = flags[name]?.filter { flag in flag.expiresAt.map { $0 > now } ?? true } ?? []
        for scope in scopes.compactMap(\.self) {
            guard let flag = live.first(where: { $0.scope == scope }) else { continue }
            var bound: UInt64 = 0
            let place = Self.place(of: subject, in: name)
            for variant in flag.variants {
                bound += UInt64(variant.percent) * 100
                if place < bound { return Answer(value: variant.value, variant: variant.name, scope: scope) }
            }
            return Answer(value: flag.value, variant: nil, scope: scope)
        }
        return nil
    }

    // 0 to 9999. FNV-1a spreads the names, and a finaliser (that of SplitMix64) mixes its poor low bits.
    private static func place(of subject: String, in name: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for part in [name, subject] {
            for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
        }
        hash = (hash ^ (hash >> 30)) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ (hash >> 27)) &* 0x94D0_49BB_1331_11EB
        return (hash ^ (hash >> 31)) % 10_000
    }
}
