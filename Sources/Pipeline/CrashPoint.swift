import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A place where the process can be made to die, for the tests that kill it where it hurts most.
///
/// `PARLEY_TEST_CRASH=after_send:7` has it kill itself with SIGKILL when it passes the point for the seventh time. Debug
/// builds only: in any other build passing a point is nothing at all.
struct CrashPoint: Sendable {
    private let name: String

    /// Webhooks are on disk, and nobody has been told so.
    static let afterCommit = CrashPoint(name: "after_commit")
    /// A platform has answered, and nothing of that is written down.
    static let afterSend = CrashPoint(name: "after_send")

    func pass() {
        #if DEBUG
        guard Self.chosen?.name == name, let passing = Self.chosen?.passing else { return }
        if Self.passed.add(1, ordering: .relaxed).newValue == passing { kill(getpid(), SIGKILL) }
        #endif
    }

    #if DEBUG
    private static let passed = Atomic(0)

    private static let chosen: (name: String, passing: Int)? = {
        guard let value = getenv("PARLEY_TEST_CRASH") else { return nil }
        let parts = String(cString: value).split(separator: ":")
        guard parts.count == 2, let passing = Int(parts[1]) else { return nil }
        return (String(parts[0]), passing)
    }()
    #endif
}
