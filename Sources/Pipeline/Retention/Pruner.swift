import Logging
import Metrics
import ParleyCore
import Storage

/// What went, or would go.
package struct PruneResult: Sendable, Equatable {
    package var rows: [Retained: Int64] = [:]
    /// Partitions that went as a whole.
    package var partitions: [String] = []
    /// A run that had been interrupted was gone on with.
    package var wasResumed = false
    /// What did not work, while the rest did.
    package var failures: [PruneFailure] = []

    package init() {}

    fileprivate mutating func note(_ failure: PruneFailure?) {
        if let failure { failures.append(failure) }
    }

    package var total: Int64 { rows.values.reduce(0, +) }
}

/// What of a run did not work.
package struct PruneFailure: Sendable, Equatable, CustomStringConvertible {
    package enum Part: Sendable, Equatable {
        /// Of a business, or of none.
        case rows(Retained, ID<Business>?)
        /// Of a kind, or those of the weeks to come.
        case partitions(Retained?)
    }

    package let part: Part
    package let reason: String

    fileprivate init(of part: Part, reason: String) {
        self.part = part
        self.reason = reason
    }

    fileprivate var isOfPartitions: Bool { if case .partitions = part { true } else { false } }

    package var description: String {
        switch part {
        case .rows(let kind, let business):
            "\(kind.rawValue) of \(business.map { "business \($0)" } ?? "no business"): \(reason)"
        case .partitions(let kind):
            "partitions of \(kind?.rawValue ?? "the weeks to come"): \(reason)"
        }
    }
}

/// Somebody else is pruning.
package struct AlreadyPruning: Error, Sendable, Equatable {
    package let until: Timestamp?
}

/// Lets go what is older than its business keeps it: business by business, kind by kind, in small batches. Wherever it is
/// interrupted, the next run goes on from there.
package struct Pruner: Sendable {
    /// How much of the database it takes.
    package struct Pace: Sendable {
        package var batch: Int
        package var pause: Duration
        /// Rests this many times as long as the last batch took.
        package var rest: Int

        package init(batch: Int, pause: Duration, rest: Int) {
            self.batch = batch
            self.pause = pause
            self.rest = rest
        }

        package static let gentle = Pace(
            batch: Limits.retentionBatch,
            pause: Limits.retentionPause,
            rest: Limits.retentionRest
        )
    }

    package static let job = "retention"

    private let businesses: BusinessStore
    private let retention: RetentionStore
    private let partitions: Partitions
    private let jobs: JobStore
    private let clock: any Clockwork
    private let pace: Pace

    package init(_ database: any SQLDatabase, clock: any Clockwork, pace: Pace = .gentle) {
        businesses = BusinessStore(database, clock: clock)
        retention = RetentionStore(database)
        partitions = Partitions(database)
        jobs = JobStore(database)
        self.clock = clock
        self.pace = pace
    }

    /// Counts what a run would let go now, and changes nothing.
    package func preview(only business: ID<Business>? = nil) async throws -> PruneResult {
        let now = clock.now
        let longest = try await longestKept()
        var result = PruneResult()
        for owner in try await owners(only: business) {
            for retained in owner.kinds where isDeleted(retained, owner.policy, longest) {
                result.rows[retained, default: 0] += try await retention.count(
                    retained,
                    of: owner.id,
                    before: owner.policy.cutOff(retained, at: now)
                )
            }
        }
        guard business == nil else { return result }
        for retained in Retained.allCases {
            let cutOff = longest.cutOff(retained, at: now)
            result.partitions += try await partitions.expired(retained, before: cutOff)
            result.rows[retained, default: 0] += try await partitions.strays(retained, before: cutOff)
        }
        return result
    }

    /// Lets it go. Throws ``AlreadyPruning`` when another process is at it, ``Storage/JobLost`` when one has taken over.
    ///
    /// - Parameters:
    ///   - holder: names this process.
    ///   - business: only this one's; the daily run is neither replaced nor put off by that.
    package func prune(as holder: String, only business: ID<Business>? = nil) async throws -> PruneResult {
        guard
            let (hold, cursor) = try await jobs.take(
                Self.job,
                for: holder,
                lease: Limits.retentionLease,
                at: clock.now
            )
        else { throw AlreadyPruning(until: try await jobs.job(Self.job)?.heldUntil) }
        do {
            let result = try await run(hold, from: cursor, only: business)
            // Partitions are tried again once soon, and like a business's rows the next day.
            let isTriedSoon = !result.wasResumed && result.failures.contains(where: \.isOfPartitions)
            let isFinished = business == nil && !isTriedSoon
            try await jobs.release(hold, isFinished: isFinished, at: clock.now)
            return result
        } catch {
            // Whoever comes next goes on at once; where even this fails, when the lease has run out.
            try? await jobs.release(hold, isFinished: false, at: clock.now)
            throw error
        }
    }

    /// Whether a run is due: the last one is a day old or did not come to its end, and nobody is at it.
    package func isDue() async throws -> Bool {
        let now = clock.now
        guard let job = try await jobs.job(Self.job) else { return true }
        if job.isHeld(at: now) { return false }
        guard job.cursor.object?.isEmpty != false, let finished = job.finishedAt else { return true }
        return now.since(finished) >= Limits.retentionInterval
    }

    private func run(_ hold: JobHold, from cursor: JSON, only business: ID<Business>?) async throws -> PruneResult {
        let now = clock.now
        let longest = try await longestKept()
        var result = PruneResult()
        var walk = business == nil ? Walk(from: cursor) : Walk(beside: cursor)
        result.wasResumed = walk.isResumed
        // First, as next week's messages need it, whatever becomes of the rest.
        if business == nil {
            result.note(try await failure(ofPartitions: nil) { _ = try await partitions.makeAhead(at: now) })
        }
        for owner in try await owners(only: business) {
            var checked: Set<CalendarDay> = []
            for retained in owner.kinds where isDeleted(retained, owner.policy, longest) {
                guard walk.reaches(owner.id, retained) else { continue }
                let cutOff = owner.policy.cutOff(retained, at: now)
                let batches = Batches(retained, owner.id, cutOff, job: (hold, walk.cursor))
                // One business's trouble is not that of all behind it.
                let failure = try await failure(of: owner.id, retained) {
                    try await letGo(batches, &checked) { result.rows[retained, default: 0] += Int64($0) }
                }
                result.note(failure)
            }
            // A business that has nothing to let go renews nothing; a thousand of them take a while.
            try await jobs.renew(hold, lease: Limits.retentionLease, cursor: walk.cursor, at: clock.now)
        }
        guard business == nil else { return result }
        for retained in Retained.allCases where partitions.hold(retained) {
            let batches = Batches(retained, nil, longest.cutOff(retained, at: now), job: (hold, walk.cursor))
            result.note(
                try await failure(ofPartitions: retained) {
                    result.partitions += try await partitions.drop(retained, before: batches.cutOff)
                    try await letStraysGo(batches) { result.rows[retained, default: 0] += Int64($0) }
                }
            )
        }
        try await forgetKeys(hold, walk.cursor, before: now.advanced(by: .seconds(-86_400 * Limits.inboxDays)))
        return result
    }

    /// What goes in many transactions, each of which says that the job's holder lives.
    private struct Batches {
        let retained: Retained
        let owner: ID<Business>?
        let cutOff: Timestamp
        let job: (hold: JobHold, cursor: JSON)

        init(_ retained: Retained, _ owner: ID<Business>?, _ cutOff: Timestamp, job: (hold: JobHold, cursor: JSON)) {
            self.retained = retained
            self.owner = owner
            self.cutOff = cutOff
            self.job = job
        }
    }

    private func letGo(
        _ batches: Batches,
        _ checked: inout Set<CalendarDay>,
        _ count: (Int) -> Void
    ) async throws {
        var place: RetentionStore.Place?
        repeat {
            let begin = clock.now
            let batch = try await retention.prune(
                batches.retained,
                of: batches.owner,
                before: batches.cutOff,
                after: place,
                upTo: pace.batch,
                checked: checked,
                job: batches.job,
                at: begin
            )
            (place, checked) = (batch.next, batch.checked)
            count(batch.gone)
            guard batch.gone > 0 else { continue }
            Counter(label: "parley_pruned_rows_total", dimensions: [("kind", batches.retained.rawValue)])
                .increment(by: batch.gone)
            try await rest(after: clock.now.since(begin))
        } while place != nil
    }

    private func letStraysGo(_ batches: Batches, _ count: (Int) -> Void) async throws {
        while true {
            let begin = clock.now
            let gone = try await partitions.deleteStrays(batches.retained, before: batches.cutOff, upTo: pace.batch)
            try await renew(batches.job)
            guard gone > 0 else { return }
            count(gone)
            try await rest(after: clock.now.since(begin))
        }
    }

    private func forgetKeys(_ hold: JobHold, _ cursor: JSON, before redelivered: Timestamp) async throws {
        while true {
            let begin = clock.now
            guard try await partitions.forgetKeys(before: redelivered, upTo: pace.batch) > 0 else { return }
            try await renew((hold, cursor))
            try await rest(after: clock.now.since(begin))
        }
    }

    private func renew(_ job: (hold: JobHold, cursor: JSON)) async throws {
        try await jobs.renew(job.hold, lease: Limits.retentionLease, cursor: job.cursor, at: clock.now)
    }

    /// Why a part of a run came to nothing; nil when it did not. A database that is away, a lost job and a shutdown end the run.
    private func failure(
        of business: ID<Business>? = nil,
        _ kind: Retained,
        _ part: () async throws -> Void
    ) async throws -> PruneFailure? {
        try await Self.reason(of: part).map { PruneFailure(of: .rows(kind, business), reason: $0) }
    }

    private func failure(ofPartitions kind: Retained?, _ part: () async throws -> Void) async throws -> PruneFailure? {
        try await Self.reason(of: part).map { PruneFailure(of: .partitions(kind), reason: $0) }
    }

    private static func reason(of part: () async throws -> Void) async throws -> String? {
        do {
            try await part()
            return nil
        } catch let error as SQLError {
            switch error {
            case .disconnected, .cannotWrite: throw error
            default: return "\(error)"
            }
        }
    }

    private func rest(after taken: Duration) async throws {
        try Task.checkCancellation()
        let pause = max(pace.pause, taken * pace.rest)
        if pause > .zero { try await clock.sleep(for: pause) }
    }

    // Where whole partitions are dropped, rows are deleted for those alone that keep them shorter than others do.
    private func isDeleted(_ retained: Retained, _ policy: RetentionPolicy, _ longest: RetentionPolicy) -> Bool {
        !partitions.hold(retained) || policy[retained] < longest[retained]
    }

    private func longestKept() async throws -> RetentionPolicy {
        try await owners(only: nil).reduce(RetentionPolicy()) { $0.longer($1.policy) }
    }

    private struct Owner: Sendable {
        /// Nil for what is no business's.
        let id: ID<Business>?
        let policy: RetentionPolicy

        var kinds: [Retained] { id == nil ? [.analytics] : Retained.allCases }
    }

    private func owners(only business: ID<Business>?) async throws -> [Owner] {
        if let business {
            return try await businesses.business(business).map {
                [Owner(id: business, policy: RetentionPolicy(settings: $0.settings))]
            } ?? []
        }
        var owners: [Owner] = [Owner(id: nil, policy: RetentionPolicy())]
        var last: ID<Business>?
        while true {
            let page = try await businesses.list(after: last, limit: 500)
            owners += page.map { Owner(id: $0.id, policy: RetentionPolicy(settings: $0.settings)) }
            guard page.count == 500 else { return owners }
            last = page.last?.id
        }
    }
}

/// How far a run has come, in words that the next one understands.
private struct Walk {
    private(set) var cursor: JSON
    let isResumed: Bool
    private let startBusiness: ID<Business>?
    private let start: Int?
    private let isKept: Bool

    /// A run beside another, whose cursor it leaves as it is.
    init(beside cursor: JSON) {
        (startBusiness, start, isResumed, isKept) = (nil, nil, false, true)
        self.cursor = cursor
    }

    /// A run that goes on where another has come to.
    init(from cursor: JSON) {
        startBusiness = cursor["business"]?.string.flatMap { ID($0) }
        start = cursor["kind"]?.string.flatMap { Retained(rawValue: $0)?.place }
        isResumed = start != nil
        isKept = false
        self.cursor = cursor
    }

    /// False for what an earlier run has done. Notes where this one is.
    mutating func reaches(_ business: ID<Business>?, _ retained: Retained) -> Bool {
        if let start {
            if startBusiness != nil, business == nil { return false }
            if let startBusiness, let business, business < startBusiness { return false }
            if business == startBusiness, retained.place < start { return false }
        }
        guard !isKept else { return true }
        cursor = .object(present: [
            "business": business.map { .string($0.description) }, "kind": .string(retained.rawValue),
        ])
        return true
    }
}

extension Retained {
    fileprivate var place: Int { Retained.allCases.firstIndex(of: self) ?? 0 }
}
