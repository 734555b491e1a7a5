import ParleyCore
import ParleyTesting
import Storage
import Testing

/// Whom a process claims work of, when more waits than it has room for.
@Suite(.timeLimit(.minutes(2))) struct FairShareTests {
    @Test func `who has used much gets less while others wait`() async throws {
        try await ClaimStage.run(room: 3) { stage in
            let (a, b) = (stage.businesses(2)[0], stage.businesses(2)[1])
            await stage.use(.seconds(60), of: a)
            #expect(await stage.look([a, b]) == [LaneShare(business: b, count: 2), LaneShare(business: a, count: 1)])
            await stage.end(a)
            await stage.end(b)
            await stage.use(.seconds(300), of: b)
            #expect(await stage.look([a, b]) == [LaneShare(business: a, count: 2), LaneShare(business: b, count: 1)])
        }
    }

    @Test func `time counts, and not how many turns it went into`() async throws {
        try await ClaimStage.run(room: 8) { stage in
            let (slow, quick) = (stage.businesses(2)[0], stage.businesses(2)[1])
            for _ in 0..<10 { await stage.use(.milliseconds(100), of: quick) }
            _ = await stage.look([slow])
            stage.clock.advance(by: .seconds(20))
            await stage.end(slow, 1)
            // Seven of the slow one are still under way.
            #expect(await stage.look([slow, quick]) == [LaneShare(business: quick, count: 1)])
        }
    }

    @Test func `who is alone gets all there is, whatever it has used`() async throws {
        try await ClaimStage.run(room: 8) { stage in
            let a = stage.businesses(1)[0]
            await stage.use(.seconds(1000), of: a)
            #expect(await stage.look([a]) == [LaneShare(business: a, count: 8)])
            #expect(await stage.look([a]) == [])
            await stage.end(a, 3)
            #expect(await stage.look([a]) == [LaneShare(business: a, count: 3)])
        }
    }

    @Test func `no business gets more than it may have under way at once`() async throws {
        try await ClaimStage.run(room: 20, perBusiness: 3) { stage in
            let (a, b) = (stage.businesses(2)[0], stage.businesses(2)[1])
            #expect(await stage.look([a]) == [LaneShare(business: a, count: 3)])
            #expect(await stage.look([a]) == [])
            #expect(await stage.look([a, b]) == [LaneShare(business: b, count: 3)])
            await stage.end(a, 2)
            #expect(await stage.look([a, b]) == [LaneShare(business: a, count: 2)])
        }
    }

    @Test func `half of what was used is forgotten with every half-life`() async throws {
        // Eight seconds that lie three half-lives back are one.
        for (halfLives, first) in [(0, 1), (1, 1), (2, 0), (4, 0)] {
            try await ClaimStage.run(room: 1) { stage in
                let businesses = stage.businesses(2)
                await stage.use(.seconds(8), of: businesses[0])
                stage.clock.advance(by: Limits.usageHalfLife * halfLives)
                // It takes three seconds, in which a fifth of the other's is forgotten.
                await stage.use(.seconds(3), of: businesses[1])
                let shares = await stage.look(businesses)
                #expect(shares == [LaneShare(business: businesses[first], count: 1)], "\(halfLives)")
            }
        }
    }

    @Test func `who was quiet for long owes nothing`() async throws {
        try await ClaimStage.run(room: 1) { stage in
            let (a, b) = (stage.businesses(2)[0], stage.businesses(2)[1])
            for _ in 0..<5 { await stage.use(.seconds(100), of: a) }
            stage.clock.advance(by: .seconds(600))
            await stage.use(.milliseconds(10), of: b)
            #expect(await stage.look([a, b]) == [LaneShare(business: a, count: 1)])
        }
    }

    @Test func `who is new comes first, and what is under way counts`() async throws {
        try await ClaimStage.run(room: 4, perBusiness: 3) { stage in
            let businesses = stage.businesses(4)
            await stage.use(.milliseconds(100), of: businesses[0])
            await stage.use(.milliseconds(200), of: businesses[1])
            let shares = await stage.look(businesses)
            #expect(shares.map(\.business) == [2, 3, 0, 1].map { businesses[$0] })
            #expect(shares.map(\.count) == [1, 1, 1, 1])
            for business in businesses { await stage.end(business) }
        }
        try await ClaimStage.run(room: 1) { stage in
            // Nobody has used anything: all are equal, and one after the other comes.
            let businesses = stage.businesses(3)
            var served: [ID<Business>] = []
            for _ in 0..<3 {
                let share = try #require(await stage.look(businesses).first)
                served.append(share.business)
                stage.clock.advance(by: .seconds(1))
                await stage.end(share.business)
            }
            #expect(served == businesses)
        }
        try await ClaimStage.run(room: 2) { stage in
            let businesses = stage.businesses(2)
            #expect(await stage.look([businesses[0]]).map(\.count) == [2])
            await stage.end(businesses[0], 1)
            #expect(await stage.look(businesses) == [LaneShare(business: businesses[1], count: 1)])
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `nobody starves, whoever else is slow`(_ seed: UInt64) async throws {
        try await ClaimStage.run(room: 6, perBusiness: 2) { stage in
            var chance = Chance(state: seed)
            let businesses = stage.businesses(12)
            /// Rounds that a turn of each takes: a few are a hundred times as slow as the others.
            let rounds = businesses.indices.map { $0 < 3 ? 100 : 1 }
            var ends: [(round: Int, business: Int)] = []
            var last = businesses.map { _ in 0 }
            var longest = businesses.map { _ in 0 }
            var turns = businesses.map { _ in 0 }
            for round in 1...800 {
                stage.clock.advance(by: .milliseconds(Int.random(in: 50...150, using: &chance)))
                for (_, business) in ends.filter({ $0.round <= round }) { await stage.end(businesses[business], 1) }
                ends.removeAll { $0.round <= round }
                for share in await stage.look(businesses) {
                    let business = try #require(businesses.firstIndex(of: share.business))
                    longest[business] = max(longest[business], round - last[business])
                    last[business] = round
                    turns[business] += share.count
                    for _ in 0..<share.count {
                        let length = max(1, rounds[business] * Int.random(in: 50...150, using: &chance) / 100)
                        ends.append((round + length, business))
                    }
                }
            }
            // A slow one waits about as long again as each of its turns takes, up to 150 rounds.
            #expect(longest.allSatisfy { $0 < 400 }, "\(longest)")
            #expect(longest.dropFirst(3).allSatisfy { $0 < 150 }, "\(longest)")
            // The quick ones are alike.
            let quick = turns.dropFirst(3).sorted()
            #expect(quick[quick.startIndex] * 5 > quick[quick.endIndex - 1] * 4, "\(turns)")
        }
    }
}

/// The same seed gives the same numbers.
private struct Chance: RandomNumberGenerator {
    var state: UInt64

    // Xorshift (Marsaglia 2003).
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
