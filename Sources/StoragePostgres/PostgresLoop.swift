import ParleyCore
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A thread that watches the sockets of connections, and on which their work runs.
///
/// libpq's handles belong to one thread at a time, and waiting for a server must not take a thread of the cooperative
/// pool. Here both are one: a connection is an actor on this executor, so between the arrival of an answer and the next
/// statement of a transaction no thread changes. `poll` is enough for the few sockets of a pool.
///
/// Each connection has a thread to itself, so none waits while the body of another's transaction works. A thread outlives
/// its connection and serves the next one; there are as many as there were connections at one time.
final class PostgresLoop: SerialExecutor {
    /// Without a connection: it ends the waits for one.
    static let clock = PostgresLoop()
    private static let resting = Mutex<[PostgresLoop]>([])

    /// A thread for one connection.
    static func take() -> PostgresLoop { resting.withLock { $0.popLast() } ?? PostgresLoop() }

    /// Its connection is gone.
    func rest() { Self.resting.withLock { $0.append(self) } }

    /// What ended a wait.
    enum Wake: Sendable {
        case ready
        case deadline
        case cancelled
    }

    /// A wait that may be ended before it has begun, so that no wake-up is lost.
    struct Ticket: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    /// What a wait watches besides the time.
    struct Interest: Sendable {
        let socket: Int32
        var reading = true
        var writing = false

        fileprivate var events: Int16 { (reading ? Int16(POLLIN) : 0) | (writing ? Int16(POLLOUT) : 0) }
    }

    private enum Wait {
        case issued
        case ended(Wake)
        case parked(CheckedContinuation<Wake, Never>, Interest?, until: ContinuousClock.Instant)
    }

    private struct State {
        var jobs: [UnownedJob] = []
        var waits: [UInt64: Wait] = [:]
        var lastNumber: UInt64 = 0
        /// No deadline is earlier; the one that it came from may be gone.
        var earliest: ContinuousClock.Instant?
        var isAsleep = false
    }

    private let state = Mutex(State())
    /// A byte in this pipe ends `poll`.
    private let bell: (ear: Int32, button: Int32)

    private init() {
        var ends: [Int32] = [-1, -1]
        // Without it (no descriptors left) the thread would sleep through what it is asked: it then wakes by the clock.
        if pipe(&ends) == 0 {
            for end in ends {
                _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            }
        }
        bell = (ends[0], ends[1])
        start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        change { $0.jobs.append(job) }
    }

    // MARK: Waiting

    func ticket() -> Ticket {
        state.withLock { state in
            state.lastNumber &+= 1
            state.waits[state.lastNumber] = .issued
            return Ticket(number: state.lastNumber)
        }
    }

    /// Waits for the socket, ``wake(_:)`` or the deadline. A ticket is good for one wait.
    ///
    /// - Parameter isCancellable: false lets the wait go on when the task is cancelled.
    func wait(
        _ ticket: Ticket,
        for interest: Interest? = nil,
        until deadline: ContinuousClock.Instant,
        isCancellable: Bool = true
    ) async -> Wake {
        guard isCancellable else { return await park(ticket, interest, deadline) }
        return await withTaskCancellationHandler {
            await park(ticket, interest, deadline)
        } onCancel: {
            end(ticket, .cancelled)
        }
    }

    private func park(_ ticket: Ticket, _ interest: Interest?, _ deadline: ContinuousClock.Instant) async -> Wake {
        await withCheckedContinuation { continuation in
            let ended: Wake? = change { state in
                if case .ended(let wake) = state.waits[ticket.number] {
                    state.waits[ticket.number] = nil
                    return wake
                }
                state.waits[ticket.number] = .parked(continuation, interest, until: deadline)
                state.earliest = min(state.earliest ?? deadline, deadline)
                return nil
            }
            if let ended { continuation.resume(returning: ended) }
        }
    }

    /// Ends the wait of a ticket; nothing when it has ended.
    func wake(_ ticket: Ticket) { end(ticket, .ready) }

    private func end(_ ticket: Ticket, _ wake: Wake) {
        let parked: CheckedContinuation<Wake, Never>? = state.withLock { state in
            switch state.waits[ticket.number] {
            case .issued: state.waits[ticket.number] = .ended(wake)
            case .parked(let continuation, _, _):
                state.waits[ticket.number] = nil
                return continuation
            case .ended, nil: break
            }
            return nil
        }
        parked?.resume(returning: wake)
    }

    /// Changes the state, and rings when the thread sleeps.
    private func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result {
        let (result, isAsleep) = state.withLock { state in
            let result = body(&state)
            defer { state.isAsleep = false }
            return (result, state.isAsleep)
        }
        if isAsleep {
            var byte: UInt8 = 1
            _ = write(bell.button, &byte, 1)
        }
        return result
    }
}

// MARK: - The thread

extension PostgresLoop {
    private func start() {
        var thread = pthread_t(bitPattern: 0)
        let context = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<PostgresLoop>.fromOpaque(context).takeUnretainedValue().run()
            },
            context
        )
        // SAFETY: a process that may start no thread when it opens its database cannot serve anything.
        guard code == 0 else { fatalError("no thread for the database connections: \(code)") }
    }

    private func run() -> Never {
        let executor = asUnownedSerialExecutor()
        var descriptors: [pollfd] = []
        var tickets: [UInt64] = []
        while true {
            let jobs = state.withLock { state in
                let jobs = state.jobs
                state.jobs = []
                return jobs
            }
            for job in jobs { job.runSynchronously(on: executor) }
            let timeout = prepare(&descriptors, &tickets)
            _ = poll(&descriptors, nfds_t(descriptors.count), timeout)
            for (continuation, wake) in harvest(descriptors, tickets) { continuation.resume(returning: wake) }
        }
    }

    /// What to watch, and for how many milliseconds.
    private func prepare(_ descriptors: inout [pollfd], _ tickets: inout [UInt64]) -> Int32 {
        descriptors.removeAll(keepingCapacity: true)
        tickets.removeAll(keepingCapacity: true)
        descriptors.append(pollfd(fd: bell.ear, events: Int16(POLLIN), revents: 0))
        tickets.append(0)
        return state.withLock { state in
            for (number, wait) in state.waits {
                guard case .parked(_, let interest?, _) = wait else { continue }
                descriptors.append(pollfd(fd: interest.socket, events: interest.events, revents: 0))
                tickets.append(number)
            }
            guard state.jobs.isEmpty else { return 0 }
            state.isAsleep = true
            let longest: Int64 = bell.ear < 0 ? 10 : 60_000
            guard let earliest = state.earliest else { return Int32(longest) }
            let left = ContinuousClock.now.duration(to: earliest)
            // Rounded up: waking early would only mean to wait again.
            return Int32(clamping: min(max(left.milliseconds + 1, 0), longest))
        }
    }

    private func harvest(
        _ descriptors: [pollfd],
        _ tickets: [UInt64]
    ) -> [(CheckedContinuation<Wake, Never>, Wake)] {
        if let bell = descriptors.first, bell.revents != 0 { silenceBell() }
        return state.withLock { state in
            state.isAsleep = false
            var ended: [(CheckedContinuation<Wake, Never>, Wake)] = []
            for (descriptor, number) in zip(descriptors, tickets).dropFirst() where descriptor.revents != 0 {
                guard case .parked(let continuation, _, _) = state.waits[number] else { continue }
                state.waits[number] = nil
                ended.append((continuation, .ready))
            }
            guard let earliest = state.earliest, earliest <= .now else { return ended }
            let now = ContinuousClock.now
            var next: ContinuousClock.Instant?
            for (number, wait) in state.waits {
                guard case .parked(let continuation, _, let deadline) = wait else { continue }
                if deadline <= now {
                    state.waits[number] = nil
                    ended.append((continuation, .deadline))
                } else {
                    next = min(next ?? deadline, deadline)
                }
            }
            state.earliest = next
            return ended
        }
    }

    private func silenceBell() {
        var bytes: [UInt8] = Array(repeating: 0, count: 64)
        while read(bell.ear, &bytes, bytes.count) == bytes.count {}
    }
}
