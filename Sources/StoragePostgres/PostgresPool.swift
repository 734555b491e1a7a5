import ParleyCore
import Storage
import Synchronization

/// Lends connections, one transaction each: none at rest, as many as are needed, never more than the URL allows.
///
/// Who finds none waits his turn, for a limited time. While the database is away one caller at a time tries to
/// reach it, at growing intervals with jitter that stay short enough to notice its return at once; the others learn
/// after ``patience`` that it is away.
final class PostgresPool: Sendable {
    /// A link and when it was last used.
    private struct Idle {
        let link: PostgresLink
        let since: ContinuousClock.Instant
    }

    private enum Grant {
        case link(Idle)
        /// The right to make a connection; it is counted already.
        case place
    }

    private struct Outage {
        let since: ContinuousClock.Instant
        var attempts = 0
        var nextAttempt: ContinuousClock.Instant
        var isTrying = false
    }

    private struct State {
        var idle: [Idle] = []
        /// Connections that exist or are being made.
        var count = 0
        var birthdays: [ObjectIdentifier: ContinuousClock.Instant] = [:]
        var waiting: [(order: UInt64, ticket: PostgresLoop.Ticket)] = []
        var granted: [PostgresLoop.Ticket: Grant] = [:]
        var lastOrder: UInt64 = 0
        var outage: Outage?
        /// What has rested since before this is asked before it is used again.
        var lastLoss = ContinuousClock.now
        var isClosed = false

        /// In an outage one caller at a time tries, and not before its time.
        func mayTry(_ now: ContinuousClock.Instant) -> Bool {
            guard let outage else { return true }
            return !outage.isTrying && now >= outage.nextAttempt
        }
    }

    private enum Step {
        case use(Grant)
        case wait(PostgresLoop.Ticket, until: ContinuousClock.Instant)
        case refuse(SQLError)
    }

    /// How long a caller waits while the database cannot be reached.
    private static let patience: Duration = .seconds(1)
    /// A rest after which a connection is asked whether it is still there: firewalls forget the silent.
    private static let longRest: Duration = .seconds(30)
    /// A rest after which it is closed.
    private static let longestRest: Duration = .seconds(300)

    private let settings: PostgresSettings
    private let report: @Sendable (PostgresNews) -> Void
    private let state = Mutex(State())
    private var clock: PostgresLoop { .clock }

    init(_ settings: PostgresSettings, report: @escaping @Sendable (PostgresNews) -> Void) {
        self.settings = settings
        self.report = report
    }

    /// How many callers wait for a connection.
    var waiting: Int { state.withLock { $0.waiting.count } }

    // MARK: Borrowing

    /// Throws ``SQLError/busy`` when every connection is taken for too long, ``SQLError/disconnected`` when none can be made,
    /// and `CancellationError`.
    func borrow() async throws -> PostgresLink {
        let start = ContinuousClock.now
        let order = state.withLock { state in
            state.lastOrder &+= 1
            return state.lastOrder
        }
        while true {
            switch step(order, since: start) {
            case .refuse(let error): throw error
            case .use(let grant): if let link = try await take(grant) { return link }
            case .wait(let ticket, let deadline):
                let wake = await clock.wait(ticket, until: deadline)
                let grant = state.withLock { state in
                    state.waiting.removeAll { $0.ticket == ticket }
                    return state.granted.removeValue(forKey: ticket)
                }
                if wake == .cancelled {
                    if let grant { await put(grant) }
                    throw CancellationError()
                }
                if let grant, let link = try await take(grant) { return link }
            }
        }
    }

    /// What a caller does next.
    private func step(_ order: UInt64, since start: ContinuousClock.Instant) -> Step {
        state.withLock { state in
            guard !state.isClosed else { return .refuse(.disconnected) }
            let now = ContinuousClock.now
            let isFirst = state.waiting.first.map { $0.order > order } ?? true
            if isFirst, let idle = state.idle.popLast() { return .use(.link(idle)) }
            if isFirst, state.count < settings.connections, state.mayTry(now) {
                state.count += 1
                state.outage?.isTrying = true
                return .use(.place)
            }
            var deadline = start + settings.poolTimeout
            guard now < deadline else { return .refuse(state.outage == nil ? .busy : .disconnected) }
            if let outage = state.outage {
                let patience = start + Self.patience
                guard now < patience else { return .refuse(.disconnected) }
                deadline = min(patience, outage.isTrying ? patience : max(outage.nextAttempt, now))
            }
            let ticket = clock.ticket()
            let place = state.waiting.firstIndex { $0.order > order } ?? state.waiting.endIndex
            state.waiting.insert((order, ticket), at: place)
            return .wait(ticket, until: deadline)
        }
    }

    /// Nil when the connection was not fit, or none could be made; the place is free again then.
    private func take(_ grant: Grant) async throws -> PostgresLink? {
        switch grant {
        case .link(let idle):
            let isSuspect = state.withLock { idle.since < $0.lastLoss }
            let asks = isSuspect || idle.since.duration(to: .now) > Self.longRest
            if asks, Task.isCancelled {
                // Whoever is cancelled cannot ask, which says nothing against the connection.
                await giveBack(idle.link, since: idle.since)
                throw CancellationError()
            }
            if await idle.link.isFit(asking: asks) { return idle.link }
            await discard(idle.link, isLost: true)
            return nil
        case .place:
            do {
                return try await open()
            } catch is PostgresUnreachable {
                return nil
            }
        }
    }

    /// For a grant that nobody wants any more.
    private func put(_ grant: Grant) async {
        switch grant {
        case .link(let idle): await giveBack(idle.link, since: idle.since)
        case .place: release(after: nil)
        }
    }

    // MARK: Connecting

    /// Tells why, when the database cannot be reached.
    func openFirst() async throws {
        state.withLock { $0.count += 1 }
        await giveBack(try await open())
    }

    private func open() async throws -> PostgresLink {
        let link = PostgresLink(settings, on: .take())
        do {
            try await link.open()
        } catch {
            await link.close()
            release(after: (error as? PostgresUnreachable)?.reason)
            throw error
        }
        let ended = state.withLock { state in
            defer { state.outage = nil }
            state.birthdays[ObjectIdentifier(link)] = .now
            return state.outage.map { $0.since.duration(to: .now) }
        }
        if let ended {
            report(.reachableAgain(after: ended))
            admit()
        }
        return link
    }

    /// Frees the place of a connection that was not made.
    private func release(after reason: String?) {
        let (isNews, tickets) = state.withLock { state -> (Bool, [PostgresLoop.Ticket]) in
            state.count -= 1
            state.outage?.isTrying = false
            guard reason != nil else { return (false, []) }
            let isNews = state.outage == nil
            let now = ContinuousClock.now
            var outage = state.outage ?? Outage(since: now, nextAttempt: now)
            outage.attempts += 1
            outage.nextAttempt =
                now + Backoff.wait(after: outage.attempts, first: .milliseconds(50), maximum: .milliseconds(500))
            state.outage = outage
            // All decide anew what they wait for.
            return (isNews, state.waiting.map(\.ticket))
        }
        if isNews, let reason { report(.unreachable(reason: reason)) }
        for ticket in tickets { clock.wake(ticket) }
        if reason == nil { admit() }
    }

    // MARK: Giving back

    /// - Parameter since: when it was last used; nil for now.
    func giveBack(_ link: PostgresLink, since: ContinuousClock.Instant? = nil) async {
        guard await !link.isBroken else { return await discard(link, isLost: true) }
        let now = ContinuousClock.now
        let rested = Idle(link: link, since: since ?? now)
        let (isKept, ticket, tired) = state.withLock { state -> (Bool, PostgresLoop.Ticket?, PostgresLink?) in
            let age = state.birthdays[ObjectIdentifier(link)].map { $0.duration(to: now) } ?? .zero
            guard !state.isClosed, age < lifetime(of: link) else { return (false, nil, nil) }
            if !state.waiting.isEmpty {
                let first = state.waiting.removeFirst().ticket
                state.granted[first] = .link(rested)
                return (true, first, nil)
            }
            state.idle.append(rested)
            guard let oldest = state.idle.first, oldest.since.duration(to: now) > Self.longestRest else {
                return (true, nil, nil)
            }
            return (true, nil, state.idle.removeFirst().link)
        }
        if let ticket { clock.wake(ticket) }
        if !isKept { await discard(link, isLost: false) }
        if let tired { await discard(tired, isLost: false) }
    }

    /// A little different for each, by up to a tenth, so that they do not all end together.
    private func lifetime(of link: PostgresLink) -> Duration {
        settings.connectionLifetime * (900 + abs(ObjectIdentifier(link).hashValue % 200)) / 1000
    }

    private func discard(_ link: PostgresLink, isLost: Bool) async {
        await link.close()
        state.withLock { state in
            state.count -= 1
            state.birthdays[ObjectIdentifier(link)] = nil
            if isLost { state.lastLoss = .now }
        }
        if isLost { report(.connectionLost) }
        admit()
    }

    /// Lets those who wait have the places that are free.
    private func admit() {
        let tickets = state.withLock { state -> [PostgresLoop.Ticket] in
            var tickets: [PostgresLoop.Ticket] = []
            while !state.waiting.isEmpty, state.count < settings.connections, state.mayTry(.now) {
                let first = state.waiting.removeFirst().ticket
                state.granted[first] = .place
                state.count += 1
                tickets.append(first)
                if state.outage != nil {
                    state.outage?.isTrying = true
                    break
                }
            }
            return tickets
        }
        for ticket in tickets { clock.wake(ticket) }
    }

    func close() async {
        let (idle, tickets) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.waiting) = ([], []) }
            return (state.idle.map(\.link), state.waiting.map(\.ticket))
        }
        for ticket in tickets { clock.wake(ticket) }
        for link in idle { await discard(link, isLost: false) }
    }
}
