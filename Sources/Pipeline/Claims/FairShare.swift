import ParleyCore
import Storage
import Synchronization

/// Shares this process's room among businesses by the time that each has used of late: who used least comes first.
///
/// A business whose model is slow uses much time with few turns, so turns are no measure. What was used is forgotten by
/// half every ``Limits/usageHalfLife``: a business that was quiet for a while owes nothing. Each node keeps its own
/// account; as all nodes claim from the same lanes, that is fair between them too.
final class FairShare: Sendable {
    private struct Account {
        var seconds = 0.0
        var asOf: Timestamp
        var underWay = 0

        func used(at now: Timestamp) -> Double {
            seconds * FairShare.remaining(after: now.since(asOf))
        }
    }

    private let accounts = Mutex<[ID<Business>: Account]>([:])

    /// How many lanes to claim of whom: everybody one in turn, until the room is full.
    func shares(of businesses: [ID<Business>], room: Int, perBusiness: Int, at now: Timestamp) -> [LaneShare] {
        guard room > 0, !businesses.isEmpty else { return [] }
        let (order, underWay) = accounts.withLock { accounts in
            let used = businesses.map { business -> (business: ID<Business>, seconds: Double, underWay: Int) in
                guard let account = accounts[business] else { return (business, 0, 0) }
                // What is under way will have used something by its end: a second is as good a guess as any.
                return (business, account.used(at: now) + Double(account.underWay), account.underWay)
            }
            let order = used.sorted { ($0.seconds, $0.business) < ($1.seconds, $1.business) }
            return (order.map(\.business), Dictionary(uniqueKeysWithValues: used.map { ($0.business, $0.underWay) }))
        }
        var counts: [ID<Business>: Int] = [:]
        var room = room
        var isAnythingLeft = true
        while room > 0, isAnythingLeft {
            isAnythingLeft = false
            for business in order where room > 0 {
                guard counts[business, default: 0] + underWay[business, default: 0] < perBusiness else { continue }
                counts[business, default: 0] += 1
                room -= 1
                isAnythingLeft = true
            }
        }
        return order.compactMap { business in counts[business].map { LaneShare(business: business, count: $0) } }
    }

    func begin(_ business: ID<Business>, at now: Timestamp) {
        accounts.withLock { accounts in
            accounts[business, default: Account(asOf: now)].underWay += 1
        }
    }

    func end(_ business: ID<Business>, since start: Timestamp, at now: Timestamp) {
        accounts.withLock { accounts in
            guard var account = accounts[business] else { return }
            account.seconds = account.used(at: now) + max(0, now.since(start).seconds)
            account.asOf = now
            account.underWay -= 1
            accounts[business] = account
            if accounts.count > 4096 {
                accounts = accounts.filter { $0.value.underWay > 0 || $0.value.used(at: now) > 0.01 }
            }
        }
    }

    private static func remaining(after elapsed: Duration) -> Double {
        // Halves once per half-life, in eighths: exact enough for an order, and no logarithm.
        var factor = 1.0
        var eighths = max(0, elapsed.seconds / Limits.usageHalfLife.seconds * 8)
        while eighths >= 1, factor > 1e-6 {
            factor *= 0.917
            eighths -= 1
        }
        return factor
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
